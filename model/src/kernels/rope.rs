//! Rotary position embeddings.

use std::sync::Arc;

/// Rotary tables: cosine and sine of position · θ^(−2i/`head_dim`), (T, `head_dim`/2) each.
#[derive(Debug, Clone)]
pub struct Rope {
    pub(super) cos: Arc<Vec<f32>>,
    pub(super) sin: Arc<Vec<f32>>,
    /// `head_dim`/2.
    pub(super) half: usize,
    #[cfg(feature = "cuda")]
    pub(super) on_device: super::cuda::attention::Tables,
}

impl Rope {
    /// Tables for `positions` positions, computed in f32 as the reference does.
    pub fn new(positions: usize, head_dim: usize, theta: f64) -> Self {
        let half = head_dim / 2;
        let frequency = |i: usize| 1.0 / (theta as f32).powf((2 * i) as f32 / head_dim as f32);
        let angles: Vec<f32> = (0..positions).flat_map(|t| (0..half).map(move |i| t as f32 * frequency(i))).collect();
        Self {
            cos: Arc::new(angles.iter().map(|angle| angle.cos()).collect()),
            sin: Arc::new(angles.iter().map(|angle| angle.sin()).collect()),
            half,
            #[cfg(feature = "cuda")]
            on_device: super::cuda::attention::Tables::default(),
        }
    }
}
