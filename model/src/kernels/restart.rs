//! Hidden states of sequences that begin anew.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// (B, T, D) and the initial state (D) → (B, T, D).
struct Restart {
    halted: Vec<bool>,
}

/// `states` (B, T, D) with `initial` (D), f32, in every position of the sequences that have halted (B). Without
/// gradient.
pub(crate) fn restart(states: &Tensor, initial: &Tensor, halted: &[bool]) -> Result<Tensor> {
    let (batch, _, width) = states.dims3()?;
    if batch != halted.len() || initial.dims() != [width] {
        bail!(
            "expected states of {} sequences and an initial one of {width} values, found {:?}",
            halted.len(),
            initial.dims()
        );
    }
    whole(states)?.apply_op2_no_bwd(&whole(initial)?, &Restart { halted: halted.to_vec() })
}

impl CustomOp2 for Restart {
    fn name(&self) -> &'static str {
        "restart"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, positions, width) = l1.shape().dims3()?;
        let (states, initial) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?);
        let mut out = Vec::with_capacity(states.len());
        for (sequence, &halted) in states.chunks(positions * width).zip(&self.halted) {
            if halted {
                (0..positions).for_each(|_| out.extend_from_slice(initial));
            } else {
                out.extend_from_slice(sequence);
            }
        }
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::elementwise::restart((s1, l1), (s2, l2), &self.halted)?, l1.shape().clone()))
    }
}
