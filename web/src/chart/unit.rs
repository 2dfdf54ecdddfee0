//! What a chart's numbers are, and so how they are written.

use crate::format;

/// The unit of a y axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unit {
    /// A number of its own size.
    #[default]
    Plain,
    /// A share from 0 to 1, written as per cent.
    Share,
    /// A logit, with two decimals.
    Logit,
}

impl Unit {
    /// A value in a readout.
    pub(crate) fn value(self, value: f64) -> String {
        match self {
            Self::Plain => format::value(value),
            Self::Share => format::percent(value),
            Self::Logit => format!("{value:.2}"),
        }
    }

    /// The labels of an axis, with as many decimals as tell them apart.
    pub(crate) fn ticks(self, ticks: &[f64]) -> Vec<String> {
        match self {
            Self::Plain | Self::Logit => tick_labels(ticks),
            Self::Share => {
                let percents: Vec<f64> = ticks.iter().map(|tick| tick * 100.0).collect();
                tick_labels(&percents).into_iter().map(|label| label + " %").collect()
            }
        }
    }
}

/// Round numbers in short: `0.5`, `250`, `1.5k`, `2M`, `5e-4`.
pub(crate) fn tick_labels(ticks: &[f64]) -> Vec<String> {
    let largest = ticks.iter().fold(0.0_f64, |largest, tick| largest.max(tick.abs()));
    let spacing = ticks.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min);
    let finest = ticks.iter().map(|tick| tick.abs()).filter(|&tick| tick > 0.0).fold(spacing, f64::min);
    if largest > 0.0 && (largest < 1e-2 || finest < 1e-4) {
        let label = |tick: f64| format!("{tick:.1e}").replace(".0e", "e");
        return ticks.iter().map(|&tick| if tick == 0.0 { "0".into() } else { label(tick) }).collect();
    }
    let (scale, unit) = match largest {
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let label = |tick: f64| {
        // Round values have few decimals; what division leaves beyond them is no part of the value.
        let text = format!("{:.4}", tick / scale);
        format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    ticks.iter().map(|&tick| if tick == 0.0 { "0".into() } else { label(tick) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short() {
        let cases: [(&[f64], &[&str]); 8] = [
            (&[0.0, 2.0, 4.0], &["0", "2", "4"]),
            (&[0.0, 0.2, 0.4], &["0", "0.2", "0.4"]),
            (&[500.0, 1000.0, 1500.0], &["0.5k", "1k", "1.5k"]),
            (&[0.0, 2e6], &["0", "2M"]),
            (&[0.0, 5e-4, 1e-3], &["0", "5e-4", "1e-3"]),
            (&[1e-3, 1.5e-3], &["1e-3", "1.5e-3"]),
            (&[1e-6, 1e-3, 1.0], &["1e-6", "1e-3", "1e0"]),
            (&[-2.0, 0.0], &["-2", "0"]),
        ];
        for (ticks, expected) in cases {
            assert_eq!(tick_labels(ticks), expected);
        }
        assert_eq!(Unit::Share.ticks(&[0.0, 0.5, 1.0]), ["0 %", "50 %", "100 %"]);
    }
}
