//! Generated puzzles are what their spec says.

use super::*;

#[test]
#[ignore = "measure"]
fn measure() {
    for (side, givens, count) in
        [(4, [4, 8], 200), (6, [8, 20], 2000), (6, [14, 24], 20000), (9, [22, 34], 1000), (9, [30, 50], 1000)]
    {
        let spec = GenerateSpec { side, train: count - 100, test: 100, givens, seed: 1 };
        let start = std::time::Instant::now();
        let data = generate(&spec, &mut |_, _| ControlFlow::Continue(())).unwrap();
        let t = start.elapsed();
        let mut hist = vec![0; 82];
        for p in data.train.iter().chain(&data.test) {
            hist[p.question.givens()] += 1;
        }
        let rating: u32 = data.train.iter().map(|p| p.rating).sum();
        eprintln!(
            "{side} {givens:?} {count} {t:?} rating {} {:?}",
            rating as f64 / data.train.len() as f64,
            hist.iter().enumerate().filter(|(_, c)| **c > 0).collect::<Vec<_>>()
        );
    }
}
