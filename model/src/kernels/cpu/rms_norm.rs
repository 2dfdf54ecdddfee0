//! Residual addition and `RMSNorm` in one pass, forward and backward.

use super::{contiguous, sum_by, vectorised};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// norm(a + b) over the last dimension.
pub(crate) struct AddRmsNorm {
    pub(crate) eps: f32,
}

/// The gradient of a + b, from a, b and the result's gradient.
struct AddRmsNormBackward {
    eps: f32,
}

fn row_size(layout: &Layout) -> usize {
    layout.shape().dims().last().copied().unwrap_or(1)
}

#[inline(always)]
fn inverse_rms(row: &[f32], eps: f32) -> f32 {
    1.0 / (sum_by(row.len(), |i| row[i] * row[i]) / row.len() as f32 + eps).sqrt()
}

impl CustomOp2 for AddRmsNorm {
    fn name(&self) -> &'static str {
        "add-rms-norm"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (contiguous(s1, l1)?, contiguous(s2, l2)?);
        let size = row_size(l1);
        let mut out = vec![0f32; a.len()];
        out.par_chunks_mut(size).zip(a.par_chunks(size)).zip(b.par_chunks(size)).for_each(|((out, a), b)| {
            vectorised(|| {
                for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                    *out = a + b;
                }
                let scale = inverse_rms(out, self.eps);
                for x in out.iter_mut() {
                    *x *= scale;
                }
            });
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let backward = AddRmsNormBackward { eps: self.eps };
        let grad = a.detach().apply_op3_no_bwd(&b.detach(), &grad.contiguous()?, &backward)?;
        Ok((Some(grad.clone()), Some(grad)))
    }
}

impl CustomOp3 for AddRmsNormBackward {
    fn name(&self) -> &'static str {
        "add-rms-norm-backward"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (a, b, grad) = (contiguous(s1, l1)?, contiguous(s2, l2)?, contiguous(s3, l3)?);
        let size = row_size(l1);
        let mut out = vec![0f32; a.len()];
        out.par_chunks_mut(size).zip(a.par_chunks(size)).zip(b.par_chunks(size)).zip(grad.par_chunks(size)).for_each(
            |(((out, a), b), grad)| {
                vectorised(|| {
                    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                        *out = a + b;
                    }
                    let scale = inverse_rms(out, self.eps);
                    let along = sum_by(size, |i| grad[i] * out[i]) * scale * scale / size as f32;
                    for (out, &grad) in out.iter_mut().zip(grad) {
                        *out = scale * (grad - *out * along);
                    }
                });
            },
        );
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}
