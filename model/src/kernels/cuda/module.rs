//! A module's pass in bf16, forward and backward, as launches one after another: nothing of it is recorded by the tensor
//! library, whose gradients are sums that begin at zero, two more passes over memory for every operation.

use super::{Operand, attention, elementwise, linear, rms_norm, swiglu};
use crate::kernels::module::{BlockWeights, Blocks, Weight};
use candle_core::{
    CpuStorage, CudaStorage, CustomOp2, DType, Layout, Result, Shape, Storage, Tensor, backend::BackendStorage, bail,
    op::BackpropOp,
};
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

/// Values of a pass, contiguous.
struct Values {
    storage: CudaStorage,
    layout: Layout,
}

impl Values {
    fn new(storage: CudaStorage, shape: impl Into<Shape>) -> Self {
        Self { storage, layout: Layout::contiguous(shape) }
    }

    fn get(&self) -> Operand<'_> {
        (&self.storage, &self.layout)
    }
}

/// What a block's backward pass needs; (B, T, …) each.
pub(in crate::kernels) struct Saved {
    /// The block's argument.
    h: Arc<Values>,
    qkv: Values,
    log_sums: attention::LogSums,
    attended: Values,
    o: Values,
    /// Between attention and the gated map.
    middle: Values,
    gate_up: Values,
    inner: Values,
    down: Values,
}

/// The sizes that a block's operations share.
#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    positions: usize,
    width: usize,
    inner: usize,
    eps: f32,
}

impl Sizes {
    fn new(blocks: &Blocks, layout: &Layout) -> Result<Self> {
        let (batch, positions, width) = layout.shape().dims3()?;
        Ok(Self { batch, positions, width, inner: blocks.inner_size()?, eps: blocks.eps })
    }

    fn rows(&self) -> usize {
        self.batch * self.positions
    }

    /// (B, T, `columns`)
    fn shape(&self, columns: usize) -> (usize, usize, usize) {
        (self.batch, self.positions, columns)
    }
}

impl Weight {
    /// Runs `f` on the values.
    fn on_gpu<T>(&self, f: impl FnOnce(Operand<'_>) -> Result<T>) -> Result<T> {
        let (storage, layout) = self.values.storage_and_layout();
        match &*storage {
            Storage::Cuda(storage) => f((storage, layout)),
            _ => bail!("expected a weight on a GPU"),
        }
    }

    /// x (rows, K) · Wᵀ, (rows, N)
    fn map(&self, x: &Values, rows: usize) -> Result<CudaStorage> {
        let (n, k) = self.values.dims2()?;
        self.on_gpu(|weight| linear::forward(x.get(), weight, (rows, n, k), &self.packed, DType::BF16))
    }

    /// Leaves the weight's gradient with it, from the map's argument and the gradient of its result.
    fn leave_gradient(&self, x: &Values, grad: &Values, rows: usize) -> Result<()> {
        let (n, k) = self.values.dims2()?;
        let gradient = linear::weight_gradient(grad.get(), x.get(), (rows, n, k))?;
        self.packed.add_gradient(Tensor::from_storage(Storage::Cuda(gradient), (n, k), BackpropOp::none(), false))
    }

    /// The gradient of the map's argument.
    fn back(&self, grad: &Values, rows: usize) -> Result<CudaStorage> {
        let (n, k) = self.values.dims2()?;
        self.on_gpu(|weight| linear::input_gradient(grad.get(), weight, (rows, n, k), &self.packed))
    }

    /// The same added to a gradient that the argument has already.
    fn back_onto(&self, grad: &Values, rows: usize, sum: Values) -> Result<CudaStorage> {
        let (n, k) = self.values.dims2()?;
        self.on_gpu(|weight| linear::add_input_gradient(grad.get(), weight, (rows, n, k), &self.packed, sum.storage))
    }
}

/// The first positions of (B, T, D).
fn first(x: &Values, sizes: &Sizes, reads: usize) -> Result<Values> {
    let device = x.storage.device();
    let out = super::Output::new(device, x.storage.dtype(), sizes.batch * reads * sizes.width)?;
    let mut storage = out.storage;
    let (row, from) = (reads * sizes.width, sizes.positions * sizes.width);
    x.storage.copy2d(&mut storage, sizes.batch, row, from, row, 0, 0)?;
    Ok(Values::new(storage, (sizes.batch, reads, sizes.width)))
}

/// A block's result at its first `reads` positions, and what its backward pass needs.
fn forward(
    blocks: &Blocks,
    block: &BlockWeights,
    sizes: Sizes,
    h: Arc<Values>,
    reads: usize,
) -> Result<(Values, Saved)> {
    let Sizes { width, inner, eps, .. } = sizes;
    let ([qkv_proj, o_proj], heads, log_sums) = (&block.mixing, blocks.heads()?, attention::LogSums::default());
    let qkv = Values::new(qkv_proj.map(&h, sizes.rows())?, sizes.shape(3 * width));
    let attended = attention::forward(qkv.get(), &heads, &log_sums)?;
    let mut attended = Values::new(attended, sizes.shape(width));
    let (mut sizes, mut h) = (sizes, h);
    if reads < sizes.positions {
        // What follows looks at one position alone.
        attended = first(&attended, &sizes, reads)?;
        h = Arc::new(first(&h, &sizes, reads)?);
        sizes.positions = reads;
    }
    let rows = sizes.rows();
    let o = Values::new(o_proj.map(&attended, rows)?, sizes.shape(width));
    let middle = Values::new(rms_norm::forward(h.get(), o.get(), width, eps)?, sizes.shape(width));
    let gate_up = Values::new(block.gate_up_proj.map(&middle, rows)?, sizes.shape(2 * inner));
    let gated = Values::new(swiglu::forward(gate_up.get(), inner)?, sizes.shape(inner));
    let down = Values::new(block.down_proj.map(&gated, rows)?, sizes.shape(width));
    let out = Values::new(rms_norm::forward(middle.get(), down.get(), width, eps)?, sizes.shape(width));
    Ok((out, Saved { h, qkv, log_sums, attended, o, middle, gate_up, inner: gated, down }))
}

/// The gradient of a block's argument from its result's; its weights' gradients are left with them.
fn backward(blocks: &Blocks, block: &BlockWeights, sizes: Sizes, saved: &Saved, grad: Operand<'_>) -> Result<Values> {
    let Sizes { width, inner, eps, .. } = sizes;
    let rows = sizes.rows();
    let ([qkv_proj, o_proj], heads) = (&block.mixing, blocks.heads()?);
    // Of the sum under the second norm: the gated map's result and what it is added to.
    let sum = rms_norm::backward(saved.middle.get(), saved.down.get(), grad, width, eps)?;
    let sum = Values::new(sum, sizes.shape(width));
    block.down_proj.leave_gradient(&saved.inner, &sum, rows)?;
    let d_inner = Values::new(block.down_proj.back(&sum, rows)?, sizes.shape(inner));
    let d_gate_up = swiglu::backward(saved.gate_up.get(), d_inner.get(), inner)?;
    let d_gate_up = Values::new(d_gate_up, sizes.shape(2 * inner));
    block.gate_up_proj.leave_gradient(&saved.middle, &d_gate_up, rows)?;
    let d_middle = Values::new(block.gate_up_proj.back_onto(&d_gate_up, rows, sum)?, sizes.shape(width));
    // The same of the sum under the first norm, with attention.
    let sum = rms_norm::backward(saved.h.get(), saved.o.get(), d_middle.get(), width, eps)?;
    let sum = Values::new(sum, sizes.shape(width));
    o_proj.leave_gradient(&saved.attended, &sum, rows)?;
    let d_attended = Values::new(o_proj.back(&sum, rows)?, sizes.shape(width));
    let (qkv, attended) = (saved.qkv.get(), saved.attended.get());
    let d_qkv = attention::backward(qkv, attended, d_attended.get(), &heads, &saved.log_sums)?;
    let d_qkv = Values::new(d_qkv, sizes.shape(3 * width));
    qkv_proj.leave_gradient(&saved.h, &d_qkv, rows)?;
    Ok(Values::new(qkv_proj.back_onto(&d_qkv, rows, sum)?, sizes.shape(width)))
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
            let (out, saved) = forward(&self.blocks, block, sizes, Arc::new(h), reads)?;
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
            grad = Some(backward(blocks, block, self.sizes, &saved, from)?);
        }
        match grad {
            Some(grad) => Ok((grad.storage, layout.shape().clone())),
            None => bail!("expected a block"),
        }
    }
}
