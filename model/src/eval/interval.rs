//! 95 % intervals: of a share of one model's puzzles, and of a mean over several models.

/// The normal distribution's 97.5th percentile: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % interval of a share of `successes` in `n`.
pub fn wilson(successes: u32, n: u32) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (n, p) = (f64::from(n), f64::from(successes) / f64::from(n));
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    // None and all are ends exactly, which rounding would miss.
    let low = if successes == 0 { 0.0 } else { (centre - spread) / scale };
    let high = if f64::from(successes) < n { (centre + spread) / scale } else { 1.0 };
    [low, high]
}

/// Student's t at its 97.5th percentile for 1, 2, … degrees of freedom; [`student`] has those beyond.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// Student's t at its 97.5th percentile: beyond the table by the first terms of its expansion in the inverse of the
/// degrees of freedom (Abramowitz and Stegun, 26.7.5), right to four digits there.
fn student(degrees: usize) -> f64 {
    let nu = degrees as f64;
    let first = (Z.powi(3) + Z) / 4.0;
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0;
    T.get(degrees - 1).copied().unwrap_or(Z + first / nu + second / nu.powi(2))
}

/// Mean of several models' accuracies and half the width of its 95 % interval, by Student's t; no width for one model.
pub fn mean_interval(accuracies: &[f64]) -> (f64, Option<f64>) {
    let n = accuracies.len() as f64;
    let mean = accuracies.iter().sum::<f64>() / n.max(1.0);
    if accuracies.len() < 2 {
        return (mean, None);
    }
    let variance = accuracies.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, Some(student(accuracies.len() - 1) * (variance / n).sqrt()))
}

/// The mean of several models' shares of `of` puzzles each with its 95 % interval: by Student's t over the models, and no
/// narrower than Wilson's of the mean, which models that agree say nothing beyond; of one model that alone.
pub fn interval_of_mean(shares: &[f64], of: u32) -> (f64, [f64; 2]) {
    let (mean, half) = mean_interval(shares);
    let [low, high] = wilson((mean * f64::from(of)).round() as u32, of);
    let half = half.unwrap_or(0.0);
    (mean, [(mean - half).clamp(0.0, low), (mean + half).clamp(high, 1.0)])
}

#[cfg(test)]
mod tests {
    use super::{interval_of_mean, mean_interval, student, wilson};

    #[test]
    fn models_that_agree_are_no_surer_than_their_puzzles_allow() {
        assert_eq!(interval_of_mean(&[0.0, 0.0], 60), (0.0, wilson(0, 60)));
        assert_eq!(interval_of_mean(&[0.5], 60), (0.5, wilson(30, 60)));
        let (mean, [low, high]) = interval_of_mean(&[0.8, 0.91], 200);
        assert!((mean - 0.855).abs() < 1e-12 && low > 0.0 && low < 0.2, "{low}");
        assert!((high - 1.0).abs() < 1e-12, "{high}");
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611.
        for (successes, n, expected) in [(81, 263, [0.2553, 0.3662]), (0, 20, [0.0, 0.1611])] {
            let found = wilson(successes, n);
            assert!((found[0] - expected[0]).abs() < 5e-5 && (found[1] - expected[1]).abs() < 5e-5, "{found:?}");
        }
        for n in [1, 10, 100, 1_000, 10_000] {
            assert_eq!((wilson(0, n)[0], wilson(n, n)[1]), (0.0, 1.0), "{n}");
        }
    }

    #[test]
    fn a_mean_over_seeds_has_the_interval_of_students_t() {
        // Standard deviation 0.1 over three: 4.303 · 0.1 / √3.
        let (mean, half) = mean_interval(&[0.4, 0.5, 0.6]);
        assert!((mean - 0.5).abs() < 1e-12 && (half.unwrap() - 0.248_43).abs() < 1e-4, "{half:?}");
        assert_eq!(mean_interval(&[0.7]), (0.7, None));
        for (degrees, expected) in
            [(1, 12.706), (30, 2.042), (31, 2.0395), (40, 2.0211), (120, 1.9799), (10_000, 1.9602)]
        {
            assert!((student(degrees) - expected).abs() < 1e-4, "{degrees}: {}", student(degrees));
        }
    }
}
