//! How much arithmetic a model needs: multiplications and additions of its matrix products.

use super::Setup;

/// Floating-point operations of matrix products, a multiplication and an addition counting as two. What is computed
/// again to save memory does not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// One ACT step of one sequence, without gradient.
    pub act_step: f64,
    /// One training step for one sequence: an ACT step, the next one's value of halting, and the gradient of the
    /// last update of each module.
    pub train_step: f64,
}

impl Work {
    /// Of the model and the puzzles of a setup.
    pub fn new(setup: &Setup) -> Self {
        let (arch, dims) = (&setup.arch, setup.dims());
        let (width, inner, positions) = (arch.hidden_size as f64, dims.inner_size as f64, dims.positions as f64);
        let linear = 2.0 * positions * (4.0 * width * width + 3.0 * width * inner);
        let attention = 4.0 * positions * positions * width;
        let block = linear + attention;
        let passes = arch.H_cycles * (arch.L_cycles * arch.L_layers + arch.H_layers);
        let act_step = block * passes as f64;
        // Of the next step only the first position's value is read, so that its last block needs little else than keys
        // and values of the others.
        let unread = (positions - 1.0) / positions * (block - 2.0 * positions * 3.0 * width * width);
        let next = if arch.halt_max_steps > 1 { act_step - unread } else { 0.0 };
        let gradient = 2.0 * block * (arch.H_layers + arch.L_layers) as f64;
        Self { act_step, train_step: act_step + next + gradient }
    }
}
