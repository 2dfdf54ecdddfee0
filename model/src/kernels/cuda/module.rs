//! A module's pass in bf16, forward and backward, as launches one after another: nothing of it is recorded by the tensor
//! library, whose gradients are sums that begin at zero, two more passes over memory for every operation.

use super::{
    block::{self, Saved, Sizes},
    elementwise,
    values::Values,
};
use crate::kernels::module::Blocks;
use candle_core::{CpuStorage, CudaStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use std::sync::{Arc, Mutex, PoisonError};

/// One pass through the blocks.
pub(in crate::kernels) struct Pass {
    pub(in crate::kernels) blocks: Arc<Blocks>,
    /// The result's first positions that are read.
    pub(in crate::kernels) reads: usize,
    /// Whether there will be a backward pass, which needs all positions read.
    pub(in crate::kernels) record: bool,
    /// What the backward pass needs, from the forward pass on.
    pub(in crate::kernels) saved: Mutex<Vec<Saved>>,
}

impl CustomOp2 for Pass {
    fn name(&self) -> &'static str {
        "module"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        bail!("expected hidden states on a GPU")
    }

    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let sizes = Sizes::new(&self.blocks, l1)?;
        if l1.shape() != l2.shape() || self.reads > sizes.positions || (self.record && self.reads < sizes.positions) {
            bail!("expected equal shapes and positions in them, found {l1:?} and {l2:?}, reading {}", self.reads);
        }
        let (mut h, mut all) = (Values::new(elementwise::add((s1, l1), (s2, l2))?, l1.shape()), Vec::new());
        for (i, block) in self.blocks.weights.iter().enumerate() {
            let is_last = i + 1 == self.blocks.weights.len();
            let reads = if is_last { self.reads } else { sizes.positions };
            let (out, saved) = block::forward(&self.blocks, block, sizes, Arc::new(h), reads)?;
            if self.record {
                all.push(saved);
            }
            h = out;
        }
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = all;
        let shape = h.layout.shape().clone();
        Ok((h.storage, shape))
    }

    fn bwd(
        &self,
        h: &Tensor,
        injection: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let saved = std::mem::take(&mut *self.saved.lock().unwrap_or_else(PoisonError::into_inner));
        if saved.len() != self.blocks.weights.len() {
            bail!("a module's backward pass needs what its forward pass kept, once");
        }
        let sizes = Sizes::new(&self.blocks, h.layout())?;
        let grad = grad.contiguous()?.apply_op1_no_bwd(&Backward { pass: self, sizes, saved: Mutex::new(saved) })?;
        let of = |argument: &Tensor| argument.track_op().then(|| grad.clone());
        Ok((of(h), of(injection)))
    }
}

/// The backward pass: the result's gradient (B, T, D) → the arguments'.
struct Backward<'a> {
    pass: &'a Pass,
    sizes: Sizes,
    /// Taken block by block, so that memory is free as soon as it can be.
    saved: Mutex<Vec<Saved>>,
}

impl candle_core::CustomOp1 for Backward<'_> {
    fn name(&self) -> &'static str {
        "module-backward"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        bail!("expected a gradient on a GPU")
    }

    fn cuda_fwd(&self, storage: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let blocks = &self.pass.blocks;
        let mut saved = std::mem::take(&mut *self.saved.lock().unwrap_or_else(PoisonError::into_inner));
        let mut grad: Option<Values> = None;
        for block in blocks.weights.iter().rev() {
            let Some(saved) = saved.pop() else { bail!("expected what every block kept") };
            let from = grad.as_ref().map_or((storage, layout), Values::get);
            grad = Some(block::backward(blocks, block, self.sizes, &saved, from)?);
        }
        match grad {
            Some(grad) => Ok((grad.storage, layout.shape().clone())),
            None => bail!("expected a block"),
        }
    }
}
