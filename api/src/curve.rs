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
/// lowest and the highest loss: what is kept was measured, and no peak is lost.
#[derive(Debug)]
pub struct Thinner {
    first: u64,
    last: u64,
    stretches: u64,
    /// The stretch that is being looked at, with its lowest and its highest point.
    now: Option<(u64, Measured, Measured)>,
    kept: Vec<Measured>,
}

impl Thinner {
    /// For a curve from step `first` to step `last`, at most `most` points, which is at least 4.
    pub fn new(first: u64, last: u64, most: u32) -> Self {
        Self { first, last, stretches: u64::from(most.max(4) - 2) / 2, now: None, kept: Vec::new() }
    }

    /// For a curve that is short enough.
    pub fn keeping_all() -> Self {
        Self::new(u64::MAX, u64::MAX, 4)
    }

    /// Looks at the next point.
    pub fn push(&mut self, point: Measured) {
        if point.step <= self.first || point.step >= self.last {
            self.end_stretch();
            self.kept.push(point);
            return;
        }
        let length = u128::from(self.last - self.first);
        let stretch = (u128::from(point.step - self.first) * u128::from(self.stretches) / length) as u64;
        match &mut self.now {
            Some((now, lowest, highest)) if *now == stretch => {
                if point.loss() < lowest.loss() {
                    *lowest = point;
                } else if point.loss() > highest.loss() {
                    *highest = point;
                }
            }
            _ => {
                self.end_stretch();
                self.now = Some((stretch, point, point));
            }
        }
    }

    fn end_stretch(&mut self) {
        let Some((_, lowest, highest)) = self.now.take() else { return };
        match lowest.step.cmp(&highest.step) {
            std::cmp::Ordering::Less => self.kept.extend([lowest, highest]),
            std::cmp::Ordering::Equal => self.kept.push(lowest),
            std::cmp::Ordering::Greater => self.kept.extend([highest, lowest]),
        }
    }

    /// What is kept, in order.
    pub fn finish(mut self) -> Vec<Measured> {
        self.end_stretch();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(step: u64, loss: f64) -> Measured {
        let mut values = [None; SERIES];
        values[0] = Some(loss);
        Measured { step, values }
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
        let mut thinner = Thinner::new(1, 100_000, MOST_POINTS);
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
            let mut thinner = Thinner::new(1, count, MOST_POINTS);
            points.iter().copied().for_each(|point| thinner.push(point));
            assert_eq!(thinner.finish(), points, "{count}");
            let mut thinner = Thinner::keeping_all();
            points.iter().copied().for_each(|point| thinner.push(point));
            assert_eq!(thinner.finish(), points, "{count}");
        }
        let mut thinner = Thinner::new(1, 1_000_000_000_000, 4);
        let far = [1, 2, 3, 500_000_000_000, 999_999_999_999, 1_000_000_000_000];
        for step in far {
            thinner.push(measured(step, 1.0));
        }
        assert!(thinner.finish().len() <= 4);
    }
}
