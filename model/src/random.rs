//! Counter-based randomness: every draw is a pure function of (seed, purpose, index), so that a run can be resumed
//! anywhere and repeated exactly.

use crate::data::draw;
use rand_chacha::{ChaCha8Rng, rand_core::Rng};

/// What a stream of random numbers is for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Initial weights; the index numbers the weight.
    Weights,
    /// Order of the puzzles; the index is the epoch.
    Order,
    /// Symmetric variants; the index numbers the visit.
    Augmentation,
    /// Exploration of halting; the index is the training step.
    Exploration,
}

/// The stream for one purpose and index of a seed.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    draw::stream(seed, ((purpose as u64) << 56) | (index & ((1 << 56) - 1)))
}

/// Uniform in [0, 1).
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Values of the truncated normal distribution with the given standard deviation *after* truncation at ±2 of the
/// compensated one (JAX's and Flax's initialiser).
pub fn truncated_normal(rng: &mut ChaCha8Rng, count: usize, std: f64) -> Vec<f32> {
    const BOUND: f64 = 2.0;
    let density = (-BOUND * BOUND / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let erf_bound = candle_core::cpu::erf::erf_f64(BOUND / std::f64::consts::SQRT_2);
    let compensated = std / (1.0 - 2.0 * BOUND * density / erf_bound).sqrt();
    (0..count)
        .map(|_| {
            let u = (2.0 * uniform(rng) - 1.0) * erf_bound;
            let x = std::f64::consts::SQRT_2 * candle_core::cpu::erf::erf_inv(u) * compensated;
            x.clamp(-BOUND * compensated, BOUND * compensated) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncated_normal_has_the_deviation_asked_for_and_its_bounds() {
        let values = truncated_normal(&mut stream(1, Purpose::Weights, 0), 200_000, 0.5);
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len() as f64;
        let deviation =
            (values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        assert!(mean.abs() < 5e-3, "mean {mean}");
        assert!((deviation - 0.5).abs() < 5e-3, "deviation {deviation}");
        let widest = values.iter().fold(0f32, |widest, x| widest.max(x.abs()));
        // 0.5 / 0.87962566 is the compensated deviation of the reference's formula.
        assert!(f64::from(widest) <= 2.0 * 0.5 / 0.879_625_66 + 1e-6, "widest {widest}");
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_index_and_repeat() {
        let draw = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        let first = draw(1, Purpose::Order, 0);
        assert_eq!(first, draw(1, Purpose::Order, 0));
        for other in [draw(2, Purpose::Order, 0), draw(1, Purpose::Weights, 0), draw(1, Purpose::Order, 1)] {
            assert_ne!(first, other);
        }
    }
}
