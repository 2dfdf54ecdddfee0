//! Binary cross entropy of the halting head's values, summed over a batch, in f64.
//!
//! One operation, because as a dozen of a general library it is a quarter of what a step asks of a GPU.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

/// Logits (B) and targets (B) → Σ loss, a scalar in f64.
struct BinaryCrossEntropy;

/// Logits (B), targets (B) and the result's gradient, a scalar → the logits' gradient (B).
struct BinaryCrossEntropyBackward;

/// Σ −(t·log σ(x) + (1 − t)·log(1 − σ(x))), a scalar in f64, from logits and targets (B) in f32. Targets get no gradient.
pub(crate) fn binary_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    if logits.dims() != targets.dims() {
        bail!("expected as many targets as logits {:?}, found {:?}", logits.dims(), targets.dims());
    }
    whole(logits)?.apply_op2(&whole(targets)?, BinaryCrossEntropy)
}

impl CustomOp2 for BinaryCrossEntropy {
    fn name(&self) -> &'static str {
        "binary-cross-entropy"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let sum = cpu::halting::forward(cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?);
        Ok((CpuStorage::F64(vec![sum]), Shape::from(())))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::halting::forward((s1, l1), (s2, l2))?, Shape::from(())))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = logits.detach().apply_op3_no_bwd(&targets.detach(), grad, &BinaryCrossEntropyBackward)?;
        Ok((Some(gradient), None))
    }
}

impl CustomOp3 for BinaryCrossEntropyBackward {
    fn name(&self) -> &'static str {
        "binary-cross-entropy-backward"
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
        let &[grad] = cpu::contiguous::<f64>(s3, l3)? else { bail!("expected one gradient, found {:?}", l3.shape()) };
        let out = cpu::halting::backward(cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?, grad);
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
        Ok((cuda::halting::backward((s1, l1), (s2, l2), (s3, l3))?, l1.shape().clone()))
    }
}
