//! A module's blocks as one operation, for the backends that have it as one.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{PackedWeight, PackedWeights, Rope, cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::DType;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Storage, Tensor, bail};
use cpu::module::{BlockPanels, Buffers, Saved, Sizes};
use hrm_types::experiment::ForwardDtype;
use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

/// A weight with its packed forms.
#[derive(Clone)]
pub(crate) struct Weight {
    pub(crate) values: Tensor,
    pub(crate) packed: Arc<PackedWeight>,
}

/// The weights of a post-norm block.
pub(crate) struct BlockWeights {
    /// Attention's qkv and o projections, (3·D, D) and (D, D), or the gated map over positions, (2·I', T), the gate first, and
    /// (T, I').
    pub(crate) mixing: [Weight; 2],
    /// (2·I, D), the gate first.
    pub(crate) gate_up_proj: Weight,
    /// (D, I)
    pub(crate) down_proj: Weight,
}

/// A module: its blocks and what they share.
pub(crate) struct Blocks {
    pub(super) weights: Vec<BlockWeights>,
    mixer: Mixer,
    pub(super) eps: f32,
    arithmetic: cpu::Arithmetic,
    buffers: Arc<Buffers>,
}

/// What mixes positions in a module's blocks.
#[derive(Clone)]
pub(crate) enum Mixer {
    /// Attention, so many heads.
    Attention { num_heads: usize, rope: Option<Rope> },
    /// A gated map over positions.
    Positions,
}

impl Blocks {
    /// Blocks of these weights, at least one, all packed by `packed`.
    pub(crate) fn new(
        weights: Vec<BlockWeights>,
        packed: &PackedWeights,
        mixer: Mixer,
        eps: f64,
        dtype: ForwardDtype,
    ) -> Arc<Self> {
        let (buffers, arithmetic) = (packed.buffers(), cpu::Arithmetic::best(dtype));
        Arc::new(Self { weights, mixer, eps: eps as f32, arithmetic, buffers })
    }

    /// The blocks applied to h + injection, (B, T, D) each, and the result at the positions of `reads`; nothing where
    /// the backend has no such operation.
    ///
    /// If the weights are recorded, the backward pass leaves their gradients with them ([`PackedWeights::gradients`]).
    pub(crate) fn forward(
        self: &Arc<Self>,
        h: &Tensor,
        injection: &Tensor,
        reads: Range<usize>,
    ) -> Result<Option<Tensor>> {
        let record = self.weights.iter().any(|block| block.down_proj.values.track_op());
        #[cfg(feature = "cuda")]
        if h.device().is_cuda() && h.dtype() == DType::BF16 && reads.start == 0 {
            let op = cuda::module::Pass { blocks: Arc::clone(self), reads: reads.end, record, saved: Mutex::default() };
            return whole(h)?.apply_op2(&whole(injection)?, op).map(Some);
        }
        if !h.device().is_cpu() {
            return Ok(None);
        }
        let op = Pass { blocks: Arc::clone(self), reads, record, saved: Mutex::default() };
        whole(h)?.apply_op2(&whole(injection)?, op).map(Some)
    }

    /// I.
    pub(super) fn inner_size(&self) -> Result<usize> {
        self.weights[0].down_proj.values.dim(1)
    }

    /// What mixes positions.
    #[cfg(feature = "cuda")]
    pub(super) fn mixer(&self) -> &Mixer {
        &self.mixer
    }

    fn sizes(&self, layout: &Layout) -> Result<Sizes<'_>> {
        let (batch, positions, width) = layout.shape().dims3()?;
        let inner = self.inner_size()?;
        let (num_heads, rope, positions_inner) = match &self.mixer {
            Mixer::Attention { num_heads, rope } => (*num_heads, rope.as_ref(), 0),
            Mixer::Positions => (1, None, self.weights[0].mixing[1].values.dim(1)?),
        };
        Ok(Sizes {
            arithmetic: self.arithmetic,
            batch,
            positions,
            width,
            inner,
            positions_inner,
            num_heads,
            rope,
            eps: self.eps,
        })
    }
}

impl Weight {
    /// Runs `f` on the values.
    fn read<T>(&self, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
        let (storage, layout) = self.values.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => Ok(f(cpu::contiguous(storage, layout)?)),
            _ => bail!("expected a weight in the machine's own memory"),
        }
    }
}

impl BlockWeights {
    fn each(&self) -> [&Weight; 4] {
        let [first, second] = &self.mixing;
        [first, second, &self.gate_up_proj, &self.down_proj]
    }

    fn forward_panels(&self, sizes: &Sizes<'_>) -> Result<BlockPanels> {
        let pack = |sizes: &Sizes<'_>, weight: &Weight| {
            let (n, k) = weight.values.dims2()?;
            weight.read(|values| cpu::linear::forward_panels(sizes.arithmetic, values, (n, k), &weight.packed))
        };
        let pack_gated = |sizes: &Sizes<'_>, weight: &Weight| {
            let shape = (sizes.inner, sizes.width);
            weight.read(|values| cpu::linear::gate_up_panels(sizes.arithmetic, values, shape, &weight.packed))
        };
        let ([first, second], turned) = (&self.mixing, sizes.turned());
        let mixing = if sizes.mlp_t() {
            [pack_gated(&turned, first)?, pack(&turned, second)?]
        } else {
            [pack(sizes, first)?, pack(sizes, second)?]
        };
        let (gate_up_proj, down_proj) = (pack_gated(sizes, &self.gate_up_proj)?, pack(sizes, &self.down_proj)?);
        Ok(BlockPanels { mixing, gate_up_proj, down_proj })
    }

    fn backward_panels(&self, sizes: &Sizes<'_>) -> Result<BlockPanels> {
        let pack = |sizes: &Sizes<'_>, weight: &Weight| {
            let (n, k) = weight.values.dims2()?;
            weight.read(|values| cpu::linear::backward_panels(sizes.arithmetic, values, (n, k), &weight.packed))
        };
        let ([first, second], turned) = (&self.mixing, sizes.turned());
        let mixed = if sizes.mlp_t() { &turned } else { sizes };
        Ok(BlockPanels {
            mixing: [pack(mixed, first)?, pack(mixed, second)?],
            gate_up_proj: pack(sizes, &self.gate_up_proj)?,
            down_proj: pack(sizes, &self.down_proj)?,
        })
    }
}

/// One pass through the blocks.
struct Pass {
    blocks: Arc<Blocks>,
    reads: Range<usize>,
    record: bool,
    /// What the backward pass needs, from the forward pass on.
    saved: Mutex<Vec<Saved>>,
}

impl CustomOp2 for Pass {
    fn name(&self) -> &'static str {
        "module"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (h, injection) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?);
        let (blocks, sizes) = (&self.blocks, self.blocks.sizes(l1)?);
        if l1.shape() != l2.shape()
            || self.reads.end > sizes.positions
            || (self.record && self.reads.len() < sizes.positions)
        {
            bail!("expected equal shapes and positions in them, found {l1:?} and {l2:?}, reading {:?}", self.reads);
        }
        let panels = blocks.weights.iter().map(|block| block.forward_panels(&sizes)).collect::<Result<Vec<_>>>()?;
        let mut saved = blocks.buffers.take_saved(if self.record { panels.len() } else { 1 });
        let out = cpu::module::forward(sizes, h, injection, &panels, &self.reads, self.record, &mut saved);
        if self.record {
            *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = saved;
        } else {
            blocks.buffers.give_saved(saved);
        }
        Ok((CpuStorage::F32(out), Shape::from((sizes.batch, self.reads.len(), sizes.width))))
    }

    fn bwd(
        &self,
        h: &Tensor,
        _injection: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let saved = std::mem::take(&mut *self.saved.lock().unwrap_or_else(PoisonError::into_inner));
        let (blocks, sizes) = (&self.blocks, self.blocks.sizes(h.layout())?);
        if saved.len() != blocks.weights.len() {
            bail!("a module's backward pass needs what its forward pass kept, once");
        }
        let panels = blocks.weights.iter().map(|block| block.backward_panels(&sizes)).collect::<Result<Vec<_>>>()?;
        let mut grad = grad.flatten_all()?.to_vec1::<f32>()?;
        let gradients = cpu::module::backward(sizes, &panels, &saved, &mut grad, &blocks.buffers);
        blocks.buffers.give_saved(saved);
        for (weights, gradients) in blocks.weights.iter().zip(gradients) {
            for (weight, gradient) in weights.each().into_iter().zip(gradients) {
                weight.packed.add_gradient(Tensor::from_vec(gradient, weight.values.dims(), h.device())?)?;
            }
        }
        let grad = Tensor::from_vec(grad, h.dims(), h.device())?;
        Ok((Some(grad.clone()), Some(grad)))
    }
}

#[cfg(test)]
mod tests;
