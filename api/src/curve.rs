//! A run's curve made small enough to be drawn: smoothed over its whole history, then thinned.
//!
//! Both look at each point once and in order, so that a curve of any length takes the same memory.

use crate::store::metrics::{Measured, SERIES};

/// Points of a thinned curve at most.
pub const MOST_POINTS: u32 = 1_500;

/// An exponential moving average without the bias towards its beginning: the mean of all values so far, of which one
/// that is `n` points older counts `weight^n` as much. A value is a function of those up to it.
#[derive(Debug, Clone)]
pub struct Smoother {
    weight: f64,
    /// For every series the weighted sum and the sum of the weights.
    sums: [(f64, f64); SERIES],
}

impl Smoother {
    /// `weight` is from 0, which smooths nothing, up to but not including 1.
    pub fn new(weight: f64) -> Self {
        Self { weight, sums: [(0.0, 0.0); SERIES] }
    }

    /// Puts the averages in the place of the next point's values; what it lacks stays absent and counts as no value.
    pub fn smooth(&mut self, point: &mut Measured) {
        for (value, (sum, weights)) in point.values.iter_mut().zip(&mut self.sums) {
            let Some(value) = value else { continue };
            *sum = *sum * self.weight + *value;
            *weights = *weights * self.weight + 1.0;
            *value = *sum / *weights;
        }
    }
}

/// Keeps of a long curve its first and its last point and, of every equally long stretch of steps, the points with the
/// lowest and the highest loss and the best look at the validation puzzles: what is kept was measured, and no peak is
/// lost.
#[derive(Debug)]
pub struct Thinner {
    first: u64,
    last: u64,
    stretches: u64,
    /// The stretch that is being looked at.
    now: Option<Stretch>,
    kept: Vec<Measured>,
}

/// What is kept of a stretch.
#[derive(Debug)]
struct Stretch {
    number: u64,
    lowest: Measured,
    highest: Measured,
    /// Only where looks are kept.
    best: Option<Measured>,
}

/// Points that are kept of a stretch, at most, of a curve with looks at validation puzzles and of one without.
const WITH_LOOKS: u32 = 3;
const WITHOUT: u32 = 2;

impl Thinner {
    /// For a curve from step `first` to step `last`, at most `most` points, which is at least 4; `looks` says whether it has
    /// looks at validation puzzles.
    pub fn new(first: u64, last: u64, most: u32, looks: bool) -> Self {
        let between = most.max(4) - 2;
        // Fewer points have no room for three kinds.
        let each = if looks && between >= WITH_LOOKS { WITH_LOOKS } else { WITHOUT };
        Self { first, last, stretches: u64::from(between / each), now: None, kept: Vec::new() }
    }

    /// For a curve that is short enough.
    pub fn keeping_all() -> Self {
        Self::new(u64::MAX, u64::MAX, 4, false)
    }

    /// Looks at the next point.
    pub fn push(&mut self, point: Measured) {
        if point.step <= self.first || point.step >= self.last {
            self.end_stretch();
            self.kept.push(point);
            return;
        }
        let length = u128::from(self.last - self.first);
        let number = (u128::from(point.step - self.first) * u128::from(self.stretches) / length) as u64;
        match &mut self.now {
            Some(now) if now.number == number => now.push(point),
            _ => {
                self.end_stretch();
                let best = Some(point).filter(|point| point.validation.is_some());
                self.now = Some(Stretch { number, lowest: point, highest: point, best });
            }
        }
    }

    fn end_stretch(&mut self) {
        let Some(Stretch { lowest, highest, best, .. }) = self.now.take() else { return };
        let mut kept: Vec<Measured> = [Some(lowest), Some(highest), best].into_iter().flatten().collect();
        kept.sort_by_key(|point| point.step);
        kept.dedup_by_key(|point| point.step);
        self.kept.append(&mut kept);
    }

    /// What is kept, in order.
    pub fn finish(mut self) -> Vec<Measured> {
        self.end_stretch();
        self.kept
    }
}

impl Stretch {
    fn push(&mut self, point: Measured) {
        if point.loss() < self.lowest.loss() {
            self.lowest = point;
        } else if point.loss() > self.highest.loss() {
            self.highest = point;
        }
        // None is less than any.
        if point.validation > self.best.and_then(|best| best.validation) {
            self.best = Some(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(step: u64, loss: f64) -> Measured {
        let mut values = [None; SERIES];
        values[0] = Some(loss);
        Measured { step, values, validation: None }
    }

    fn curve(losses: impl IntoIterator<Item = f64>) -> Vec<Measured> {
        losses.into_iter().zip(1..).map(|(loss, step)| measured(step, loss)).collect()
    }

    fn smoothed(weight: f64, points: &[Measured]) -> Vec<Measured> {
        let mut smoother = Smoother::new(weight);
        let smooth = |point: &Measured| {
            let mut point = *point;
            smoother.smooth(&mut point);
            point
        };
        points.iter().map(smooth).collect()
    }

    #[test]
    fn an_average_weighs_every_value_so_far_and_nothing_else() {
        let points = curve([4.0, 2.0, 8.0]);
        let losses: Vec<f64> = smoothed(0.5, &points).iter().map(Measured::loss).collect();
        let expected = [4.0, (4.0 * 0.5 + 2.0) / 1.5, (4.0 * 0.25 + 2.0 * 0.5 + 8.0) / 1.75];
        assert!(losses.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{losses:?}");
        // What comes later changes nothing, and where nothing changes nothing is smoothed.
        assert_eq!(smoothed(0.5, &points[..2])[..], smoothed(0.5, &points)[..2]);
        assert_eq!(smoothed(0.0, &points), points);
        let flat = curve([3.0; 50]);
        assert!(smoothed(0.99, &flat).iter().all(|point| (point.loss() - 3.0).abs() < 1e-9));
    }

    #[test]
    fn what_was_not_measured_is_no_value() {
        let mut points = curve([1.0; 3]);
        for (point, accuracy) in points.iter_mut().zip([Some(1.0), None, Some(0.0)]) {
            point.values[5] = accuracy;
        }
        let accuracies: Vec<Option<f64>> = smoothed(0.5, &points).iter().map(|point| point.values[5]).collect();
        assert_eq!(accuracies, [Some(1.0), None, Some(0.5 / 1.5)]);
    }

    #[test]
    fn a_thinned_curve_keeps_its_ends_and_its_peaks() {
        let mut points = curve((0..100_000).map(|i| 2.0 + f64::from(i % 10) / 100.0));
        points[54_321].values[0] = Some(9.0);
        points[54_322].values[0] = Some(-9.0);
        let mut thinner = Thinner::new(1, 100_000, MOST_POINTS, false);
        points.iter().copied().for_each(|point| thinner.push(point));
        let kept = thinner.finish();
        assert!((1_400..=MOST_POINTS as usize).contains(&kept.len()), "{}", kept.len());
        assert!(kept.windows(2).all(|pair| pair[0].step < pair[1].step), "in order, each once");
        assert_eq!((kept[0].step, kept[kept.len() - 1].step), (1, 100_000));
        assert!(kept.contains(&points[54_321]) && kept.contains(&points[54_322]));
        assert!(kept.iter().all(|point| points[point.step as usize - 1] == *point), "nothing is made up");
    }

    #[test]
    fn short_and_uneven_curves_are_kept_as_far_as_there_is_room() {
        for count in [1_u64, 2, 3, 10] {
            let points = curve((0..count).map(|i| i as f64));
            let mut thinner = Thinner::new(1, count, MOST_POINTS, true);
            points.iter().copied().for_each(|point| thinner.push(point));
            assert_eq!(thinner.finish(), points, "{count}");
            let mut thinner = Thinner::keeping_all();
            points.iter().copied().for_each(|point| thinner.push(point));
            assert_eq!(thinner.finish(), points, "{count}");
        }
        let mut thinner = Thinner::new(1, 1_000_000_000_000, 4, true);
        let far = [1, 2, 3, 500_000_000_000, 999_999_999_999, 1_000_000_000_000];
        for step in far {
            thinner.push(measured(step, 1.0));
        }
        assert!(thinner.finish().len() <= 4);
    }

    #[test]
    fn a_thinned_curve_keeps_its_looks_at_validation_puzzles() {
        let mut points = curve((0..100_000).map(|i| 2.0 + f64::from(i % 10) / 100.0));
        let looks: Vec<u64> = (1..=400).map(|look| look * 250).collect();
        for &step in &looks {
            points[step as usize - 1].validation = Some(step as f64 / 1e5);
        }
        let mut thinner = Thinner::new(1, 100_000, MOST_POINTS, true);
        points.iter().copied().for_each(|point| thinner.push(point));
        let kept = thinner.finish();
        assert!(kept.len() <= MOST_POINTS as usize && kept.windows(2).all(|pair| pair[0].step < pair[1].step));
        let found: Vec<u64> = kept.iter().filter(|point| point.validation.is_some()).map(|point| point.step).collect();
        assert!(looks.iter().all(|step| found.contains(step)), "{} of {}", found.len(), looks.len());
        // Of more looks than there is room for the best of each stretch.
        for point in &mut points {
            point.validation = Some(0.5);
        }
        points[77_777].validation = Some(0.9);
        let mut thinner = Thinner::new(1, 100_000, MOST_POINTS, true);
        points.iter().copied().for_each(|point| thinner.push(point));
        let kept = thinner.finish();
        assert!(kept.len() <= MOST_POINTS as usize && kept.contains(&points[77_777]));
    }
}
