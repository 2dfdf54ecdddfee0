//! Scales: from a value's range to pixels, and the round values to label it with.

/// A value axis, linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    log: bool,
    /// Pixel of `low` and of `high`.
    pixels: (f64, f64),
}

impl Scale {
    /// A scale over `low..=high`. A logarithmic one needs `low > 0`; an empty range is widened around its value.
    pub(crate) fn new(low: f64, high: f64, log: bool, pixels: (f64, f64)) -> Self {
        let (low, high) = match (low, high) {
            (low, high) if low < high => (low, high),
            (same, _) if log => (same / 2.0, same * 2.0),
            (0.0, _) => (0.0, 1.0),
            (same, _) => (same - same.abs() / 2.0, same + same.abs() / 2.0),
        };
        Self { low, high, log, pixels }
    }

    /// The pixel at which `value` stands.
    pub(crate) fn pixel(&self, value: f64) -> f64 {
        let (low, high, value) = if self.log {
            (self.low.ln(), self.high.ln(), value.max(self.low * 1e-3).ln())
        } else {
            (self.low, self.high, value)
        };
        self.pixels.0 + (value - low) / (high - low) * (self.pixels.1 - self.pixels.0)
    }

    /// The value at `pixel`.
    pub(crate) fn value(&self, pixel: f64) -> f64 {
        let share = (pixel - self.pixels.0) / (self.pixels.1 - self.pixels.0);
        if self.log {
            (self.low.ln() + share * (self.high.ln() - self.low.ln())).exp()
        } else {
            self.low + share * (self.high - self.low)
        }
    }

    /// About `wanted` round values within the scale.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<f64> {
        if self.log { self.log_ticks(wanted) } else { self.linear_ticks(wanted) }
    }

    /// At least two: one label alone tells no length.
    fn linear_ticks(&self, wanted: usize) -> Vec<f64> {
        let mut parts = wanted.max(1);
        loop {
            let step = round_step((self.high - self.low) / parts as f64);
            let first = (self.low / step - 1e-9).ceil() as i64;
            let last = (self.high / step + 1e-9).floor() as i64;
            // Steps of half the span or less always fit twice.
            if last > first || parts > 4 * wanted.max(1) {
                return (first..=last).map(|i| i as f64 * step).collect();
            }
            parts += 1;
        }
    }

    /// Powers of ten, with their threes, half-way between them, where the scale spans few.
    fn log_ticks(&self, wanted: usize) -> Vec<f64> {
        let decades = self.high.log10() - self.low.log10();
        if decades < 1.0 {
            return self.linear_ticks(wanted);
        }
        let every = (decades / wanted.max(1) as f64).ceil().max(1.0) as i32;
        let digits: &[f64] = if decades <= 3.0 { &[1.0, 3.0] } else { &[1.0] };
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        (first..=last)
            .filter(|power| power.rem_euclid(every) == 0)
            .flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power)))
            .filter(|&tick| self.low <= tick * (1.0 + 1e-9) && tick <= self.high * (1.0 + 1e-9))
            .collect()
    }
}

/// The smallest 1, 2 or 5 times a power of ten that is not below `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let digit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|digit| digit * power >= rough * (1.0 - 1e-9)).unwrap_or(10.0);
    digit * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(low: f64, high: f64, log: bool, wanted: usize, expected: &[f64]) {
        let ticks = Scale::new(low, high, log, (0.0, 100.0)).ticks(wanted);
        assert_eq!(ticks.len(), expected.len(), "{ticks:?}");
        for (tick, expected) in ticks.iter().zip(expected) {
            assert!((tick - expected).abs() <= expected.abs() * 1e-9, "{ticks:?}");
        }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        check(0.0, 1.0, false, 4, &[0.0, 0.5, 1.0]);
        check(0.0, 1.0, false, 5, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check(13.0, 97.0, false, 4, &[20.0, 40.0, 60.0, 80.0]);
        check(60.0, 240.0, false, 3, &[100.0, 200.0]);
        check(110.0, 290.0, false, 2, &[150.0, 200.0, 250.0]);
        check(0.0, 1234.0, false, 5, &[0.0, 500.0, 1000.0]);
        check(0.011, 9.0, true, 4, &[0.03, 0.1, 0.3, 1.0, 3.0]);
        check(0.5, 40.0, true, 4, &[1.0, 3.0, 10.0, 30.0]);
        check(1e-8, 1.0, true, 4, &[1e-8, 1e-6, 1e-4, 1e-2, 1.0]);
        check(2.0, 6.0, true, 4, &[2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn pixels_and_values_are_inverse() {
        for log in [false, true] {
            let scale = Scale::new(0.1, 40.0, log, (200.0, 10.0));
            assert!((scale.pixel(0.1) - 200.0).abs() < 1e-9 && (scale.pixel(40.0) - 10.0).abs() < 1e-9);
            for value in [0.1, 0.7, 3.0, 40.0] {
                assert!((scale.value(scale.pixel(value)) - value).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn an_empty_range_is_widened() {
        for (value, log) in [(0.0, false), (3.0, false), (-3.0, false), (3.0, true)] {
            let scale = Scale::new(value, value, log, (0.0, 100.0));
            let pixel = scale.pixel(value);
            assert!((0.0..=100.0).contains(&pixel), "{value}: {pixel}");
        }
    }
}
