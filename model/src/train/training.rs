//! A training, one step at a time.

use super::{
    Batches, Trainer,
    progress::Progress,
    ranks::{Message, Ranks},
    state::{self, StateInfo, TrainState},
    total_steps,
};
use crate::{
    Error, Result,
    checkpoint::{CheckpointInfo, Model},
    data::Corpus,
    device, memory, optim, params,
    shape::{Dims, TaskShape},
};
use candle_core::{Device, Tensor};
use hrm_types::{
    board::Kind,
    experiment::{DataSpec, Experiment, InvalidExperiment},
    run::MetricPoint,
};
use std::{collections::BTreeMap, path::Path};

/// A training on one device. Deterministic: the same experiment on the same dataset gives the same weights, whatever the
/// number of threads and however often it was written to a file and resumed.
pub struct Training<'a> {
    experiment: &'a Experiment,
    kind: Kind,
    side: u8,
    tasks: Vec<String>,
    task: TaskShape,
    dataset_hash: String,
    trainer: Trainer,
    batches: Batches,
    progress: Progress,
    step: u64,
    total_steps: u64,
    parameters: u64,
}

/// A finished training.
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Steps done.
    pub step: u64,
    /// Time spent in training, seconds.
    pub seconds: f64,
}

impl<'a> Training<'a> {
    /// A training that begins.
    pub fn begin(experiment: &'a Experiment, corpus: Corpus, device: &Device) -> Result<Self> {
        experiment.validate()?;
        let dims = Dims::new(&experiment.arch, corpus.task());
        let weights = params::initial(&experiment.arch, &dims, experiment.seed, device)?;
        let progress = Progress::start(experiment.train.batch_size);
        Self::new(experiment, corpus, &weights, dims, progress)
    }

    /// A training that goes on where `state` was written, on any device.
    ///
    /// # Errors
    /// [`Error::State`] when the state is damaged or belongs to another experiment or dataset.
    pub fn resume(experiment: &'a Experiment, corpus: Corpus, state: &TrainState, device: &Device) -> Result<Self> {
        experiment.validate()?;
        let arch = &experiment.arch;
        let dims = Dims::new(arch, corpus.task());
        let weights = state::checked_weights(state, arch, &dims, device)?;
        let progress = state.progress(experiment.train.batch_size)?;
        let mut training = Self::new(experiment, corpus, &weights, dims, progress)?;
        state.check(experiment, &training.dataset_hash)?;
        state.restore(&mut training.trainer, arch, &dims)?;
        training.step = state.info().step;
        Ok(training)
    }

    fn new(
        experiment: &'a Experiment,
        corpus: Corpus,
        weights: &BTreeMap<String, Tensor>,
        dims: Dims,
        progress: Progress,
    ) -> Result<Self> {
        let (arch, settings, seed) = (&experiment.arch, &experiment.train, experiment.seed);
        // Nothing else has variants with identifiers, and a folder's stand in it already.
        if settings.task_variants > 0 && (corpus.kind != Kind::Arc || matches!(experiment.data, DataSpec::Folder(_))) {
            let problem = format!("expected 0 but for ARC tasks of a dataset, found {}", settings.task_variants);
            return Err(InvalidExperiment { field: "train.task_variants", problem }.into());
        }
        Ok(Self {
            experiment,
            kind: corpus.kind,
            side: corpus.side,
            tasks: corpus.tasks.clone(),
            task: corpus.task(),
            dataset_hash: corpus.hash.clone(),
            parameters: params::count(arch, &dims),
            trainer: Trainer::new(arch, settings, dims, seed, weights)?,
            total_steps: total_steps(experiment, corpus.examples()),
            batches: Batches::new(corpus, settings.batch_size, seed)?,
            progress,
            step: 0,
        })
    }

    /// Makes it one of several that share every batch.
    pub(super) fn join(mut self, ranks: Ranks) -> Result<Self> {
        self.trainer.join(ranks)?;
        Ok(self)
    }

    /// What the first of several ranks wants to be done next, a number; all of them call it.
    pub(super) fn agree(&self, wish: f64) -> Result<f64> {
        let own = Message { numbers: vec![wish], ..Message::default() };
        Ok(self.trainer.ranks().exchange(own)?[0].numbers[0])
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Steps there will have been at the end.
    pub fn total_steps(&self) -> u64 {
        self.total_steps
    }

    /// Trained weights, the puzzle embedding left out as is the custom.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// Whether every step is done.
    pub fn is_done(&self) -> bool {
        self.step >= self.total_steps
    }

    /// Makes the next step. After every `log_every` steps and after the last there is a metric point.
    pub fn advance(&mut self) -> Result<Option<MetricPoint>> {
        let settings = &self.experiment.train;
        let step = self.step + 1;
        let rate = optim::schedule(step, settings.lr_warmup_steps, self.total_steps, settings.lr_min_ratio);
        let pass = self.trainer.pass(&self.batches.batch(self.step)).map_err(|error| self.with_numbers(error))?;
        if !pass.loss.is_finite() {
            return Err(Error::Diverged { step, loss: pass.loss });
        }
        self.trainer.update(&pass, rate).map_err(|error| self.with_numbers(error))?;
        self.progress.add(&pass);
        self.step = step;
        let due = step.is_multiple_of(settings.log_every) || self.is_done();
        Ok(due.then(|| self.progress.point(step, settings.lr * rate)))
    }

    /// What a GPU without room says, with the numbers.
    fn with_numbers(&self, error: Error) -> Error {
        match device::free_memory(self.trainer.device()) {
            Ok(Some((free, total))) if error.is_out_of_memory() => {
                Error::OutOfMemory { needed: memory::training_bytes(self.experiment, self.task), total, free }
            }
            _ => error,
        }
    }

    /// Writes everything needed to go on from here into a file that is either whole or absent. At least one step
    /// must have been made.
    pub fn write(&self, path: &Path) -> Result<()> {
        let info = StateInfo {
            experiment: self.experiment.clone(),
            dataset_hash: self.dataset_hash.clone(),
            step: self.step,
            examples: self.progress.examples(),
        };
        state::write(path, &info, &self.trainer, &self.progress)
    }

    /// The model as it is now.
    pub fn model(&self) -> Result<Model> {
        let info = CheckpointInfo {
            experiment: self.experiment.clone(),
            kind: self.kind.to_string(),
            side: self.side,
            tasks: self.tasks.clone(),
            sizes: None,
            dataset_hash: self.dataset_hash.clone(),
            step: self.step,
            parameters: self.parameters,
            train_seconds: self.progress.seconds(),
        };
        Model::new(info, self.trainer.params.snapshot()?)
    }

    /// The result.
    pub fn finish(self) -> Result<Trained> {
        Ok(Trained { model: self.model()?, step: self.step, seconds: self.progress.seconds() })
    }
}
