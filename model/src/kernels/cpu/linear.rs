//! The linear map with bf16 operands: x (M, K) · Wᵀ for W (N, K), and its gradients. Sizes are (M, N, K).

use super::bf16::{self, ColumnPanels, RowPanels};
use crate::kernels::PackedWeight;
use std::sync::Arc;

type Sizes = (usize, usize, usize);

/// A weight's operands in bf16, one for each pass that reads it.
#[derive(Default)]
pub(in crate::kernels) struct Operands {
    /// Wᵀ (K, N), for the map itself.
    pub(in crate::kernels) forward: Option<Arc<ColumnPanels>>,
    /// W (N, K), for its input's gradient.
    pub(in crate::kernels) backward: Option<Arc<ColumnPanels>>,
}

impl PackedWeight {
    fn forward(&self, pack: impl FnOnce() -> ColumnPanels) -> Arc<ColumnPanels> {
        self.current(|operands| Arc::clone(operands.cpu.forward.get_or_insert_with(|| Arc::new(pack()))))
    }

    fn backward(&self, pack: impl FnOnce() -> ColumnPanels) -> Arc<ColumnPanels> {
        self.current(|operands| Arc::clone(operands.cpu.backward.get_or_insert_with(|| Arc::new(pack()))))
    }
}

/// x (M, K) · Wᵀ → (M, N).
pub(in crate::kernels) fn forward(x: &[f32], weight: &[f32], (m, n, k): Sizes, packed: &PackedWeight) -> Vec<f32> {
    let weight = packed.forward(|| ColumnPanels::along(weight, n, k));
    bf16::multiply(&RowPanels::along(x, m, k), &weight)
}

/// The result's gradient (M, N) · W → x's gradient (M, K).
pub(in crate::kernels) fn input_gradient(
    grad: &[f32],
    weight: &[f32],
    (m, n, k): Sizes,
    packed: &PackedWeight,
) -> Vec<f32> {
    let weight = packed.backward(|| ColumnPanels::across(weight, n, k));
    bf16::multiply(&RowPanels::along(grad, m, n), &weight)
}

/// The result's gradient (M, N), transposed, · x (M, K) → W's gradient (N, K).
pub(in crate::kernels) fn weight_gradient(grad: &[f32], x: &[f32], (m, n, k): Sizes) -> Vec<f32> {
    bf16::multiply(&RowPanels::across(grad, m, n), &ColumnPanels::across(x, m, k))
}
