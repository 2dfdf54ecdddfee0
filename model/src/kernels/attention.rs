//! Attention on the fused qkv with the rotary embedding inside.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{cpu, rope::Rope, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor};

/// (B, T, 3·D) → (B, T, D).
struct Attention {
    heads: Heads,
    #[cfg(feature = "cuda")]
    log_sums: cuda::attention::LogSums,
}

/// (B, T, 3·D), the result (B, T, D) and its gradient → the argument's gradient (B, T, 3·D).
struct AttentionBackward {
    heads: Heads,
    #[cfg(feature = "cuda")]
    log_sums: cuda::attention::LogSums,
}

/// How a row of the qkv is divided, and whether queries and keys are rotated.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    pub(super) count: usize,
    pub(super) rope: Option<Rope>,
}

/// Softmax attention over all positions, not causal, scale 1/√`head_dim`.
///
/// `qkv` is (B, T, 3·D): queries of all heads, then keys, then values. The result is (B, T, D).
pub fn attention(qkv: &Tensor, num_heads: usize, rope: Option<&Rope>) -> Result<Tensor> {
    let heads = Heads { count: num_heads, rope: rope.cloned() };
    whole(qkv)?.apply_op1(Attention {
        heads,
        #[cfg(feature = "cuda")]
        log_sums: cuda::attention::LogSums::default(),
    })
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, positions, width3) = layout.shape().dims3()?;
        let out = cpu::attention::forward(cpu::contiguous(storage, layout)?, (positions, width3 / 3), &self.heads);
        Ok((CpuStorage::F32(out), Shape::from((batch, positions, width3 / 3))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, storage: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (batch, positions, width3) = layout.shape().dims3()?;
        let out = cuda::attention::forward((storage, layout), &self.heads, &self.log_sums)?;
        Ok((out, Shape::from((batch, positions, width3 / 3))))
    }

    fn bwd(&self, qkv: &Tensor, res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let backward = AttentionBackward {
            heads: self.heads.clone(),
            #[cfg(feature = "cuda")]
            log_sums: self.log_sums.clone(),
        };
        Ok(Some(qkv.detach().apply_op3_no_bwd(&res.detach(), &whole(grad)?, &backward)?))
    }
}

impl CustomOp3 for AttentionBackward {
    fn name(&self) -> &'static str {
        "attention-backward"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        _: &CpuStorage,
        _: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, positions, width3) = l1.shape().dims3()?;
        let (qkv, grad) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s3, l3)?);
        let out = cpu::attention::backward(qkv, grad, (positions, width3 / 3), &self.heads);
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
        let out = cuda::attention::backward((s1, l1), (s2, l2), (s3, l3), &self.heads, &self.log_sums)?;
        Ok((out, l1.shape().clone()))
    }
}
