//! Curves: smoothing, and thinning to what a screen can show.

/// A point of a curve.
pub(crate) type Point = (f64, f64);

/// The exponential moving average with weight `beta` (0 to below 1) on the past, without its bias towards the start:
/// each value is a weighted mean of the points up to it, so later points never change it.
pub(crate) fn smooth(points: &[Point], beta: f64) -> Vec<Point> {
    let (mut mean, mut weight) = (0.0, 0.0);
    points
        .iter()
        .map(|&(x, y)| {
            mean = beta * mean + (1.0 - beta) * y;
            weight = beta * weight + (1.0 - beta);
            (x, mean / weight)
        })
        .collect()
}

/// At most four points for each of `columns` parts of the x range, equally wide where `pixel` puts them: the first, the
/// lowest, the highest and the last, which draw the same picture as all of them.
pub(crate) fn thin(points: &[Point], columns: usize, pixel: impl Fn(f64) -> f64) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    if points.len() <= 4 * columns || last.0 <= first.0 {
        return points.to_vec();
    }
    let (left, right) = (pixel(first.0), pixel(last.0));
    let column = |x: f64| ((pixel(x) - left) / (right - left) * columns as f64) as usize;
    let mut kept = Vec::with_capacity(4 * columns);
    for part in points.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let by_height = |a: &&usize, b: &&usize| part[**a].1.total_cmp(&part[**b].1);
        let places: Vec<usize> = (0..part.len()).collect();
        let lowest = places.iter().min_by(by_height).copied().unwrap_or(0);
        let highest = places.iter().max_by(by_height).copied().unwrap_or(0);
        let mut chosen = [0, lowest, highest, part.len() - 1];
        chosen.sort_unstable();
        let mut before = None;
        for place in chosen {
            if before.replace(place) != Some(place) {
                kept.push(part[place]);
            }
        }
    }
    kept
}

/// The point whose x is nearest to `x`.
pub(crate) fn nearest(points: &[Point], x: f64) -> Option<Point> {
    let after = points.partition_point(|point| point.0 < x);
    let before = after.checked_sub(1).and_then(|i| points.get(i));
    match (before, points.get(after)) {
        (Some(before), Some(after)) => Some(if x - before.0 <= after.0 - x { *before } else { *after }),
        (one, other) => one.or(other).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<Point> {
        (0..n).map(|i| (i as f64, (i as f64 / 7.0).sin() + 3.0)).collect()
    }

    #[test]
    fn smoothing_starts_at_the_first_point_and_keeps_a_constant() {
        assert_eq!(smooth(&[(1.0, 5.0), (2.0, 5.0)], 0.9)[0], (1.0, 5.0));
        assert!(smooth(&[(0.0, 2.0); 50], 0.99).iter().all(|point| (point.1 - 2.0).abs() < 1e-12));
        assert_eq!(smooth(&wave(9), 0.0), wave(9), "no smoothing is the curve itself");
    }

    #[test]
    fn later_points_never_change_earlier_ones() {
        let whole = smooth(&wave(200), 0.95);
        for n in [1, 2, 50, 199] {
            assert_eq!(smooth(&wave(n), 0.95), whole[..n]);
        }
    }

    #[test]
    fn thinning_keeps_ends_extremes_and_order() {
        let mut points = wave(50_000);
        points[31_234].1 = 99.0;
        points[40_001].1 = -99.0;
        let thinned = thin(&points, 300, |x| x);
        assert!(thinned.len() <= 4 * 301, "{}", thinned.len());
        assert_eq!((thinned.first(), thinned.last()), (points.first(), points.last()));
        assert!(thinned.contains(&points[31_234]) && thinned.contains(&points[40_001]));
        assert!(thinned.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(thin(&wave(100), 300, |x| x), wave(100), "few points stay as they are");
    }

    #[test]
    fn the_nearest_point() {
        let points = [(0.0, 1.0), (10.0, 2.0), (20.0, 3.0)];
        for (x, expected) in [(-5.0, 1.0), (4.0, 1.0), (6.0, 2.0), (99.0, 3.0)] {
            assert_eq!(nearest(&points, x).map(|point| point.1), Some(expected));
        }
        assert_eq!(nearest(&[], 1.0), None);
    }
}
