//! `SwiGLU`'s gate: silu(gate) · up in one pass, forward and backward.

use super::rows;
use rayon::prelude::*;

/// Rows of 2 · `inner` values → rows of `inner`.
pub(in crate::kernels) fn forward(gate_up: &[f32], inner: usize) -> Vec<f32> {
    let mut out = vec![0f32; gate_up.len() / 2];
    out.par_chunks_mut(inner).zip(gate_up.par_chunks(2 * inner)).for_each(|(out, row)| {
        let (gate, up) = row.split_at(inner);
        rows::gate(gate, up, out);
    });
    out
}

/// The argument's gradient from the result's.
pub(in crate::kernels) fn backward(gate_up: &[f32], grad: &[f32], inner: usize) -> Vec<f32> {
    let mut out = gate_up.to_vec();
    out.par_chunks_mut(2 * inner).zip(grad.par_chunks(inner)).for_each(|(out, grad)| {
        let (gate, up) = out.split_at_mut(inner);
        rows::gate_backward(gate, up, grad);
    });
    out
}
