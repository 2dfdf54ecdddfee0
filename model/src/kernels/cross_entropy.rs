//! Cross entropy of tokens under stablemax, in f64, or softmax, in f32.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, D, Layout, Result, Shape, Tensor, bail};
use hrm_types::experiment::LossType;

/// Logits (…, V) and labels (…) → −log p of each label (…), f64.
struct CrossEntropy {
    kind: LossType,
}

/// Logits (…, V), labels (…) and the result's gradient (…) → the logits' gradient (…, V).
struct CrossEntropyBackward {
    kind: LossType,
}

/// −log of the probability that `logits` (…, V) give to `labels` (…), u32 and below V; the result is (…) in f64.
///
/// Stablemax's probabilities are s(x)/Σs(x) with s(x) = x + 1 for x ≥ 0 and 1/(1 − x + 1e-30) for x < 0.
pub(crate) fn cross_entropy(kind: LossType, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    if logits.dims().split_last().is_none_or(|(_, rows)| rows != labels.dims()) {
        bail!("expected labels for each row of {:?}, found {:?}", logits.dims(), labels.dims());
    }
    whole(logits)?.apply_op2(&whole(labels)?, CrossEntropy { kind })
}

/// V.
fn vocab_size(layout: &Layout) -> Result<usize> {
    layout.shape().dim(D::Minus1)
}

/// Checked here, because no kernel may read beyond a row.
fn labels<'a>(storage: &'a CpuStorage, layout: &Layout, vocab_size: usize) -> Result<&'a [u32]> {
    let labels = cpu::contiguous::<u32>(storage, layout)?;
    match labels.iter().find(|&&label| label as usize >= vocab_size) {
        Some(found) => bail!("expected labels below {vocab_size}, found {found}"),
        None => Ok(labels),
    }
}

impl CustomOp2 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let vocab_size = vocab_size(l1)?;
        let (logits, labels) = (cpu::contiguous(s1, l1)?, labels(s2, l2, vocab_size)?);
        let out = cpu::cross_entropy::forward(self.kind, logits, labels, vocab_size);
        Ok((CpuStorage::F64(out), l2.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let out = cuda::cross_entropy::forward(self.kind, (s1, l1), (s2, l2), vocab_size(l1)?)?;
        Ok((out, l2.shape().clone()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        labels: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let backward = CrossEntropyBackward { kind: self.kind };
        Ok((Some(logits.detach().apply_op3_no_bwd(labels, &whole(grad)?, &backward)?), None))
    }
}

impl CustomOp3 for CrossEntropyBackward {
    fn name(&self) -> &'static str {
        "cross-entropy-backward"
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
        let vocab_size = vocab_size(l1)?;
        let (logits, labels, grad) =
            (cpu::contiguous(s1, l1)?, labels(s2, l2, vocab_size)?, cpu::contiguous::<f64>(s3, l3)?);
        let out = cpu::cross_entropy::backward(self.kind, logits, labels, grad, vocab_size);
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
        let out = cuda::cross_entropy::backward(self.kind, (s1, l1), (s2, l2), (s3, l3), vocab_size(l1)?)?;
        Ok((out, l1.shape().clone()))
    }
}
