//! `SwiGLU`'s gate: silu(gate) · up in one pass, forward and backward.

use super::{exp, vectorised};
use rayon::prelude::*;

/// Rows of 2 · `inner` values → rows of `inner`.
pub(in crate::kernels) fn forward(gate_up: &[f32], inner: usize) -> Vec<f32> {
    let mut out = vec![0f32; gate_up.len() / 2];
    out.par_chunks_mut(inner).zip(gate_up.par_chunks(2 * inner)).for_each(|(out, row)| {
        let (gate, up) = row.split_at(inner);
        vectorised(|| {
            for ((out, &g), &u) in out.iter_mut().zip(gate).zip(up) {
                *out = g / (1.0 + exp(-g)) * u;
            }
        });
    });
    out
}

/// The argument's gradient from the result's.
pub(in crate::kernels) fn backward(gate_up: &[f32], grad: &[f32], inner: usize) -> Vec<f32> {
    let mut out = vec![0f32; gate_up.len()];
    out.par_chunks_mut(2 * inner).zip(gate_up.par_chunks(2 * inner)).zip(grad.par_chunks(inner)).for_each(
        |((out, row), grad)| {
            let (gate, up) = row.split_at(inner);
            let (d_gate, d_up) = out.split_at_mut(inner);
            vectorised(|| {
                let columns = d_gate.iter_mut().zip(d_up).zip(gate.iter().zip(up).zip(grad));
                for ((d_gate, d_up), ((&g, &u), &grad)) in columns {
                    let sigmoid = 1.0 / (1.0 + exp(-g));
                    let silu = g * sigmoid;
                    *d_up = grad * silu;
                    *d_gate = grad * u * (sigmoid + silu * (1.0 - sigmoid));
                }
            });
        },
    );
    out
}
