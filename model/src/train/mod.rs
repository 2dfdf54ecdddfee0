//! Training a model on a dataset from start to end.

mod batches;
mod progress;
mod step;
mod verdict;

pub use batches::Batches;
pub use step::{Pass, Trainer};
pub use verdict::Halted;
pub(crate) use verdict::Verdict;

use crate::{
    Error, Result,
    checkpoint::{CheckpointInfo, Model},
    data::{Dataset, encode},
    optim, params,
    shape::{Dims, TaskShape},
};
use candle_core::Device;
use hrm_types::{experiment::Experiment, run::MetricPoint};
use progress::Progress;
use std::ops::ControlFlow;

/// What happens during training.
#[derive(Debug)]
pub enum TrainEvent<'a> {
    /// Before the first step.
    Planned {
        /// Steps there will be.
        total_steps: u64,
        /// Trained weights, the puzzle embedding left out as is the custom.
        parameters: u64,
    },
    /// After every step.
    Step {
        /// Steps done.
        step: u64,
    },
    /// After every `log_every` steps and after the last.
    Metrics(&'a MetricPoint),
}

/// A finished training.
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Steps done.
    pub step: u64,
    /// Wall time, seconds.
    pub seconds: f64,
}

/// Sizes of the Sudoku task of a side.
pub fn sudoku_task(side: u8) -> TaskShape {
    TaskShape {
        seq_len: usize::from(side) * usize::from(side),
        vocab_size: encode::vocab_size(side),
        num_puzzle_identifiers: 1,
    }
}

/// Steps an experiment takes on that many training puzzles.
pub fn total_steps(experiment: &Experiment, puzzles: usize) -> u64 {
    let train = &experiment.train;
    let planned = ((train.epochs * puzzles as f64 / train.batch_size as f64) as u64).max(1);
    planned.min(train.max_steps.unwrap_or(u64::MAX))
}

/// Trains on the CPU. Deterministic: the same experiment on the same dataset gives the same weights, whatever the
/// number of threads.
///
/// `on_event` may stop it with `Break`, which ends in [`Error::Cancelled`].
pub fn train(
    experiment: &Experiment,
    dataset: &Dataset,
    on_event: &mut dyn FnMut(TrainEvent<'_>) -> ControlFlow<()>,
) -> Result<Trained> {
    experiment.validate()?;
    let (arch, settings) = (&experiment.arch, &experiment.train);
    let dims = Dims::new(arch, sudoku_task(dataset.side));
    let weights = params::initial(arch, &dims, experiment.seed, &Device::Cpu)?;
    let mut trainer = Trainer::new(arch, settings, dims, experiment.seed, &weights)?;
    let mut batches = Batches::new(&dataset.train, settings.batch_size, settings.augment, experiment.seed)?;
    let total_steps = total_steps(experiment, dataset.train.len());
    let parameters = params::count(arch, &dims);
    emit(on_event, TrainEvent::Planned { total_steps, parameters })?;

    let mut progress = Progress::start(settings.batch_size);
    for step in 1..=total_steps {
        let rate = optim::schedule(step, settings.lr_warmup_steps, total_steps, settings.lr_min_ratio);
        let pass = trainer.pass(&batches.batch(step - 1))?;
        if !pass.loss.is_finite() {
            return Err(Error::Diverged { step, loss: pass.loss });
        }
        trainer.update(&pass, rate)?;
        progress.add(&pass);
        if step % settings.log_every == 0 || step == total_steps {
            emit(on_event, TrainEvent::Metrics(&progress.point(step, settings.lr * rate)))?;
        }
        emit(on_event, TrainEvent::Step { step })?;
    }

    let seconds = progress.seconds();
    let info = CheckpointInfo {
        experiment: experiment.clone(),
        kind: "sudoku".to_owned(),
        side: dataset.side,
        dataset_hash: dataset.content_hash(),
        step: total_steps,
        parameters,
        train_seconds: seconds,
    };
    Ok(Trained { model: Model::new(info, trainer.params.snapshot()?)?, step: total_steps, seconds })
}

fn emit(on_event: &mut dyn FnMut(TrainEvent<'_>) -> ControlFlow<()>, event: TrainEvent<'_>) -> Result<()> {
    match on_event(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Cancelled),
    }
}

#[cfg(test)]
mod tests;
