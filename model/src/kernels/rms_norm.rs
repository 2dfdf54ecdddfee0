//! Residual addition and `RMSNorm` in one pass.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

/// norm(a + b) over the last dimension, without weights.
struct AddRmsNorm {
    eps: f32,
}

/// The gradient of a + b, from a, b and the result's gradient.
struct AddRmsNormBackward {
    eps: f32,
}

/// Root-mean-square norm of `x + residual` over the last dimension, without weights.
///
/// Both are (…, D); the result has their shape.
pub fn add_rms_norm(x: &Tensor, residual: &Tensor, eps: f64) -> Result<Tensor> {
    whole(x)?.apply_op2(&whole(residual)?, AddRmsNorm { eps: eps as f32 })
}

/// D.
fn row_size(layout: &Layout) -> usize {
    layout.shape().dims().last().copied().unwrap_or(1)
}

impl CustomOp2 for AddRmsNorm {
    fn name(&self) -> &'static str {
        "add-rms-norm"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?);
        let out = cpu::rms_norm::forward(a, b, row_size(l1), self.eps);
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let out = cuda::rms_norm::forward((s1, l1), (s2, l2), row_size(l1), self.eps)?;
        Ok((out, l1.shape().clone()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let backward = AddRmsNormBackward { eps: self.eps };
        let grad = a.detach().apply_op3_no_bwd(&b.detach(), &whole(grad)?, &backward)?;
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
        let (a, b, grad) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?, cpu::contiguous(s3, l3)?);
        let out = cpu::rms_norm::backward(a, b, grad, row_size(l1), self.eps);
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &CudaStorage,
        l1: &Layout,
        s2: &CudaStorage,
        l2: &Layout,
        s3: &CudaStorage,
        l3: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let out = cuda::rms_norm::backward((s1, l1), (s2, l2), (s3, l3), row_size(l1), self.eps)?;
        Ok((out, l1.shape().clone()))
    }
}
