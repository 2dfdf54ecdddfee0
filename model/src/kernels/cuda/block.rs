//! A post-norm block on a GPU, forward and backward.

use super::{
    Operand,
    mixing::{self, Mixed},
    rms_norm, swiglu,
    values::Values,
};
use crate::kernels::module::{BlockWeights, Blocks};
use candle_core::{Layout, Result};
use std::sync::Arc;

/// What a block's backward pass needs; (B, T, …) each.
pub(in crate::kernels) struct Saved {
    mixed: Mixed,
    /// Between what mixes positions and the gated map.
    middle: Values,
    gate_up: Values,
    inner: Values,
    down: Values,
}

/// The sizes that a block's operations share.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) batch: usize,
    pub(super) positions: usize,
    pub(super) width: usize,
    inner: usize,
    pub(super) eps: f32,
}

impl Sizes {
    pub(super) fn new(blocks: &Blocks, layout: &Layout) -> Result<Self> {
        let (batch, positions, width) = layout.shape().dims3()?;
        Ok(Self { batch, positions, width, inner: blocks.inner_size()?, eps: blocks.eps })
    }

    pub(super) fn rows(&self) -> usize {
        self.batch * self.positions
    }

    /// (B, T, `columns`)
    pub(super) fn shape(&self, columns: usize) -> (usize, usize, usize) {
        (self.batch, self.positions, columns)
    }
}

/// A block's result at its first `reads` positions, and what its backward pass needs.
pub(super) fn forward(
    blocks: &Blocks,
    block: &BlockWeights,
    sizes: Sizes,
    h: Arc<Values>,
    reads: usize,
) -> Result<(Values, Saved)> {
    let (middle, mixed) = mixing::forward(blocks.mixer(), &block.mixing, sizes, h, reads)?;
    let sizes = Sizes { positions: reads, ..sizes };
    let (rows, width, inner) = (sizes.rows(), sizes.width, sizes.inner);
    let gate_up = Values::new(block.gate_up_proj.map(&middle, rows)?, sizes.shape(2 * inner));
    let gated = Values::new(swiglu::forward(gate_up.get(), inner)?, sizes.shape(inner));
    let down = Values::new(block.down_proj.map(&gated, rows)?, sizes.shape(width));
    let out = Values::new(rms_norm::forward(middle.get(), down.get(), width, sizes.eps)?, sizes.shape(width));
    Ok((out, Saved { mixed, middle, gate_up, inner: gated, down }))
}

/// The gradient of a block's argument from its result's; its weights' gradients are left with them.
pub(super) fn backward(
    blocks: &Blocks,
    block: &BlockWeights,
    sizes: Sizes,
    saved: &Saved,
    grad: Operand<'_>,
) -> Result<Values> {
    let (rows, width, inner) = (sizes.rows(), sizes.width, sizes.inner);
    // Of the sum under the second norm: the gated map's result and what it is added to.
    let sum = rms_norm::backward(saved.middle.get(), saved.down.get(), grad, width, sizes.eps)?;
    let sum = Values::new(sum, sizes.shape(width));
    block.down_proj.leave_gradient(&saved.inner, &sum, rows)?;
    let d_inner = Values::new(block.down_proj.back(&sum, rows)?, sizes.shape(inner));
    let d_gate_up = swiglu::backward(saved.gate_up.get(), d_inner.get(), inner)?;
    let d_gate_up = Values::new(d_gate_up, sizes.shape(2 * inner));
    block.gate_up_proj.leave_gradient(&saved.middle, &d_gate_up, rows)?;
    let d_middle = Values::new(block.gate_up_proj.back_onto(&d_gate_up, rows, sum)?, sizes.shape(width));
    mixing::backward(blocks.mixer(), &block.mixing, sizes, &saved.mixed, &d_middle)
}
