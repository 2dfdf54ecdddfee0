//! Weights in the form that products read them, made once for every value the weights take.

use super::cpu;
#[cfg(feature = "cuda")]
use super::cuda;
use candle_core::{Result, Tensor};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The packed forms of a model's weights, the buffers of passes through them, and the gradients that these leave. Models over the same storage are loaded with the same one.
#[derive(Default)]
pub struct PackedWeights {
    /// Counts the updates.
    version: Arc<AtomicU64>,
    by_name: Mutex<BTreeMap<String, Arc<PackedWeight>>>,
    buffers: Arc<cpu::module::Buffers>,
}

impl PackedWeights {
    /// Says that the weights have changed: what was packed is packed again at its next use.
    pub fn renew(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Takes the gradients that backward passes have left since the last time, by the weights' names.
    pub fn gradients(&self) -> BTreeMap<String, Tensor> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let take = |(name, weight): (&String, &Arc<PackedWeight>)| {
            let gradient = weight.gradient.lock().unwrap_or_else(PoisonError::into_inner).take();
            gradient.map(|gradient| (name.clone(), gradient))
        };
        by_name.iter().filter_map(take).collect()
    }

    /// Buffers that go from one pass to the next.
    pub(super) fn buffers(&self) -> Arc<cpu::module::Buffers> {
        Arc::clone(&self.buffers)
    }

    /// The weight of this name.
    pub(crate) fn get(&self, name: &str) -> Arc<PackedWeight> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let version = &self.version;
        let new = || {
            let (version, operands, gradient) = (Arc::clone(version), Mutex::default(), Mutex::default());
            Arc::new(PackedWeight { version, operands, gradient })
        };
        Arc::clone(by_name.entry(name.to_owned()).or_insert_with(new))
    }
}

/// One weight's packed forms, with the version they were made of.
pub(crate) struct PackedWeight {
    version: Arc<AtomicU64>,
    operands: Mutex<(u64, Operands)>,
    /// What a backward pass outside the recorded graph has left.
    gradient: Mutex<Option<Tensor>>,
}

/// The packed forms of each backend.
#[derive(Default)]
pub(super) struct Operands {
    pub(super) cpu: cpu::linear::Operands,
    #[cfg(feature = "cuda")]
    pub(super) cuda: cuda::linear::Operands,
}

impl PackedWeight {
    /// Adds to the weight's gradient.
    pub(super) fn add_gradient(&self, gradient: Tensor) -> Result<()> {
        let mut sum = self.gradient.lock().unwrap_or_else(PoisonError::into_inner);
        *sum = Some(match sum.take() {
            Some(sum) => (sum + gradient)?,
            None => gradient,
        });
        Ok(())
    }

    /// The operands of the weights as they are now.
    pub(super) fn current<T>(&self, f: impl FnOnce(&mut Operands) -> T) -> T {
        let mut operands = self.operands.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.version.load(Ordering::Acquire);
        if operands.0 != now {
            operands.0 = now;
            operands.1.cpu.renew();
            #[cfg(feature = "cuda")]
            (operands.1.cuda = cuda::linear::Operands::default());
        }
        f(&mut operands.1)
    }
}
