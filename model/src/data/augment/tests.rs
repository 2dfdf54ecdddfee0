//! Symmetries keep puzzles puzzles.

use super::*;
use crate::data::{draw::stream, search};
use proptest::prelude::*;

/// A complete grid with cells blanked where `mask` has a bit.
fn puzzle(side: u8, seed: u64, mask: u128) -> (Grid, Grid) {
    let answer = search::random_grid(side, &mut stream(seed, 0));
    let question = answer.iter().enumerate().map(|(i, &digit)| if mask >> i & 1 == 1 { 0 } else { digit });
    (Grid::from_cells(question.collect()).unwrap(), Grid::from_cells(answer).unwrap())
}

fn sides() -> impl Strategy<Value = u8> {
    prop_oneof![Just(4), Just(6), Just(9)]
}

proptest! {
    #[test]
    fn a_variant_is_a_puzzle_with_its_answer(side in sides(), seed: u64, mask: u128, drawn: u64) {
        let (question, answer) = puzzle(side, seed, mask);
        let symmetry = Symmetry::draw(side, &mut stream(drawn, 1));
        let (question_variant, answer_variant) = (symmetry.apply(&question).unwrap(), symmetry.apply(&answer).unwrap());
        prop_assert_eq!(answer_variant.violations(&question_variant), Vec::<String>::new());
        prop_assert_eq!(question_variant.givens(), question.givens());
    }

    #[test]
    fn a_symmetry_is_a_bijection(side in sides(), drawn: u64) {
        let n = usize::from(side);
        let symmetry = Symmetry::draw(side, &mut stream(drawn, 1));
        let mut origin = symmetry.origin.clone();
        origin.sort_unstable();
        prop_assert_eq!(origin, (0..n * n).map(|cell| cell as u8).collect::<Vec<_>>());
        let mut digits = symmetry.digits;
        prop_assert_eq!(digits[0], 0, "blank stays blank");
        digits[1..=n].sort_unstable();
        prop_assert_eq!(digits, std::array::from_fn(|digit| digit as u8));
    }

    #[test]
    fn the_number_of_solutions_stays(seed: u64, mask: u128, drawn: u64) {
        let (question, _) = puzzle(4, seed, mask);
        let variant = Symmetry::draw(4, &mut stream(drawn, 1)).apply(&question).unwrap();
        prop_assert_eq!(search::count_solutions(&variant, 1_000), search::count_solutions(&question, 1_000));
    }
}

#[test]
fn every_symmetry_of_side_4_is_drawn() {
    // 4! digits, 2 · 2 · 2 row orders, as many column orders, and transposition: 24 · 8 · 8 · 2.
    let mut rng = stream(0, 0);
    let mut seen: Vec<(Vec<u8>, [u8; 10])> = (0..60_000)
        .map(|_| {
            let symmetry = Symmetry::draw(4, &mut rng);
            (symmetry.origin, symmetry.digits)
        })
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 24 * 8 * 8 * 2);
}

#[test]
fn rectangular_boxes_are_never_transposed() {
    let mut rng = stream(0, 0);
    for _ in 0..200 {
        let origin = Symmetry::draw(6, &mut rng).origin;
        assert!(origin.chunks(6).all(|row| row.iter().all(|cell| cell / 6 == row[0] / 6)), "{origin:?}");
    }
}

#[test]
fn another_side_is_refused() {
    let grid: Grid = ".".repeat(36).parse().unwrap();
    assert!(Symmetry::draw(4, &mut stream(0, 0)).apply(&grid).is_err());
}
