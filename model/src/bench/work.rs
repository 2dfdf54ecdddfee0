//! How much arithmetic a model needs: multiplications and additions of its matrix products.

use super::Setup;
use crate::operations;

/// Floating-point operations of matrix products, a multiplication and an addition counting as two. What is computed
/// again to save memory does not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// One ACT step of one sequence, without gradient.
    pub act_step: f64,
    /// One training step for one sequence: an ACT step, the next one's value of halting where going on is learned, and
    /// the gradient of the updates that are trained.
    pub train_step: f64,
}

impl Work {
    /// Of the model and the puzzles of a setup.
    pub fn new(setup: &Setup) -> Self {
        let (arch, dims) = (&setup.arch, setup.dims());
        let block = operations::per_block(arch, &dims);
        let act_step = block * arch.blocks_passed() as f64;
        // Of the next step only the first position's value is read.
        let next = act_step - (dims.positions - 1) as f64 * operations::if_read(arch, &dims);
        let next = if arch.halt_max_steps > 1 && !arch.no_ACT_continue { next } else { 0.0 };
        let gradient = 2.0 * block * arch.blocks_trained() as f64;
        Self { act_step, train_step: act_step + next + gradient }
    }
}
