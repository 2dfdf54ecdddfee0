//! Residual addition and `RMSNorm` in one pass, forward and backward.

use super::{sum_by, vectorised};
use rayon::prelude::*;

#[inline(always)]
fn inverse_rms(row: &[f32], eps: f32) -> f32 {
    1.0 / (sum_by(row.len(), |i| row[i] * row[i]) / row.len() as f32 + eps).sqrt()
}

/// norm(a + b) of rows of `size`.
pub(in crate::kernels) fn forward(a: &[f32], b: &[f32], size: usize, eps: f32) -> Vec<f32> {
    let mut out = vec![0f32; a.len()];
    out.par_chunks_mut(size).zip(a.par_chunks(size)).zip(b.par_chunks(size)).for_each(|((out, a), b)| {
        vectorised(|| {
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = a + b;
            }
            let scale = inverse_rms(out, eps);
            for x in out.iter_mut() {
                *x *= scale;
            }
        });
    });
    out
}

/// The gradient of a + b from the result's.
pub(in crate::kernels) fn backward(a: &[f32], b: &[f32], grad: &[f32], size: usize, eps: f32) -> Vec<f32> {
    let mut out = vec![0f32; a.len()];
    out.par_chunks_mut(size).zip(a.par_chunks(size)).zip(b.par_chunks(size)).zip(grad.par_chunks(size)).for_each(
        |(((out, a), b), grad)| {
            vectorised(|| {
                for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                    *out = a + b;
                }
                let scale = inverse_rms(out, eps);
                let along = sum_by(size, |i| grad[i] * out[i]) * scale * scale / size as f32;
                for (out, &grad) in out.iter_mut().zip(grad) {
                    *out = scale * (grad - *out * along);
                }
            });
        },
    );
    out
}
