//! Buffers that go from one pass to the next, so that a step allocates and clears nothing that it overwrites.

use super::{Saved, backward::Flow};
use std::sync::{Mutex, PoisonError};

/// What passes over one set of weights have finished with.
#[derive(Default)]
pub(in crate::kernels) struct Buffers {
    saved: Mutex<Vec<Saved>>,
    flow: Mutex<Vec<Flow>>,
}

impl Buffers {
    /// Places for `count` blocks.
    pub(in crate::kernels) fn take_saved(&self, count: usize) -> Vec<Saved> {
        let mut spare = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        (0..count).map(|_| spare.pop().unwrap_or_default()).collect()
    }

    /// Gives places back.
    pub(in crate::kernels) fn give_saved(&self, saved: Vec<Saved>) {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).extend(saved);
    }

    /// Lends the buffers of one backward pass.
    pub(super) fn with_flow<R>(&self, f: impl FnOnce(&mut Flow) -> R) -> R {
        let spare = self.flow.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut flow = spare.unwrap_or_default();
        let result = f(&mut flow);
        self.flow.lock().unwrap_or_else(PoisonError::into_inner).push(flow);
        result
    }
}
