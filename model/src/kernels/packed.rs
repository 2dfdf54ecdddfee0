//! Weights in the form that products read them, made once for every value the weights take.

use super::cpu;
#[cfg(feature = "cuda")]
use super::cuda;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The packed forms of a model's weights. Models over the same storage are loaded with the same one.
#[derive(Default)]
pub struct PackedWeights {
    /// Counts the updates.
    version: Arc<AtomicU64>,
    by_name: Mutex<BTreeMap<String, Arc<PackedWeight>>>,
}

impl PackedWeights {
    /// Says that the weights have changed: what was packed is packed again at its next use.
    pub fn renew(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The weight of this name.
    pub(crate) fn get(&self, name: &str) -> Arc<PackedWeight> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let version = &self.version;
        let new = || Arc::new(PackedWeight { version: Arc::clone(version), operands: Mutex::default() });
        Arc::clone(by_name.entry(name.to_owned()).or_insert_with(new))
    }
}

/// One weight's packed forms, with the version they were made of.
pub(crate) struct PackedWeight {
    version: Arc<AtomicU64>,
    operands: Mutex<(u64, Operands)>,
}

/// The packed forms of each backend.
#[derive(Default)]
pub(super) struct Operands {
    pub(super) cpu: cpu::linear::Operands,
    #[cfg(feature = "cuda")]
    pub(super) cuda: cuda::linear::Operands,
}

impl PackedWeight {
    /// The operands of the weights as they are now.
    pub(super) fn current<T>(&self, f: impl FnOnce(&mut Operands) -> T) -> T {
        let mut operands = self.operands.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.version.load(Ordering::Acquire);
        if operands.0 != now {
            *operands = (now, Operands::default());
        }
        f(&mut operands.1)
    }
}
