//! Training a model on a dataset from start to end.

mod ahead;
mod batches;
mod parallel;
mod progress;
mod ranks;
mod start;
mod state;
mod step;
mod training;
mod validation;
mod verdict;

pub use batches::Batches;
pub(crate) use batches::asked;
pub use parallel::{Next, Told, train_on};
pub use start::{Sizes, Start, check_fit};
pub use state::{StateInfo, TrainState};
pub use step::{Pass, Trainer};
pub use training::{Origin, Trained, Training};
pub(crate) use verdict::Expected;
pub use verdict::Halted;

use crate::{Error, Result};
use hrm_types::run::MetricPoint;
use std::ops::ControlFlow;

/// Makes all steps that are left, and looks at the validation split where the experiment says so. `on_step` hears of
/// every step, with a metric point where one is due, and now and then while the training looks; it may stop
/// the training with `Break`, which ends in [`Error::Cancelled`] and leaves the training as it is.
pub fn train(
    training: &mut Training<'_>,
    on_step: &mut dyn FnMut(&Training<'_>, Option<&MetricPoint>) -> ControlFlow<()>,
) -> Result<()> {
    while !training.is_done() || training.is_validation_due() {
        let point = if training.is_validation_due() {
            let looking = &*training;
            let score = looking.look(&mut |_, _| on_step(looking, None))?;
            Some(training.note(&score)?)
        } else {
            training.advance()?
        };
        if on_step(training, point.as_ref()).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(())
}

#[cfg(all(test, feature = "cuda"))]
mod gpu_tests;
#[cfg(all(test, feature = "cuda"))]
mod gpu_throughput;
#[cfg(test)]
mod tests;
