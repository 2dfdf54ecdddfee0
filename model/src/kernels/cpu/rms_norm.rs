//! Residual addition and `RMSNorm` in one pass, forward and backward.

use super::rows;
use rayon::prelude::*;

/// norm(a + b) of rows of `size`.
pub(in crate::kernels) fn forward(a: &[f32], b: &[f32], size: usize, eps: f32) -> Vec<f32> {
    let mut out = vec![0f32; a.len()];
    out.par_chunks_mut(size).zip(a.par_chunks(size)).zip(b.par_chunks(size)).for_each(|((out, a), b)| {
        rows::add_norm(a, b, eps, out);
    });
    out
}

/// The gradient of a + b from the result's.
pub(in crate::kernels) fn backward(a: &[f32], b: &[f32], grad: &[f32], size: usize, eps: f32) -> Vec<f32> {
    let mut out = grad.to_vec();
    out.par_chunks_mut(size).zip(a.par_chunks(size)).zip(b.par_chunks(size)).for_each_init(
        || vec![0f32; size],
        |result, ((grad, a), b)| {
            let scale = rows::add_norm(a, b, eps, result);
            rows::norm_backward(result, scale, grad);
        },
    );
    out
}
