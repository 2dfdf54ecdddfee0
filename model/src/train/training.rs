//! A training, one step at a time.

use super::{
    Batches, Trainer,
    ahead::Ahead,
    progress::Progress,
    ranks::{Message, Ranks},
    start::{self, Start},
    state::{self, StateInfo, TrainState},
    validation::Looks,
};
use crate::{
    Error, Result,
    checkpoint::{CheckpointInfo, Model},
    data::Corpus,
    eval,
    memory::{self, Work},
    optim, params,
    shape::{Dims, TaskShape},
};
use candle_core::{Device, Tensor};
use hrm_types::{
    board::Kind,
    dataset::Split,
    evaluation::Evaluation,
    experiment::{DataSpec, Experiment, InvalidExperiment},
    provenance::Choice,
    run::{MetricPoint, Validation},
};
use std::{collections::BTreeMap, ops::ControlFlow, path::Path};

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
    /// From the next step's on.
    batches: Ahead,
    progress: Progress,
    looks: Looks,
    step: u64,
    total_steps: u64,
    parameters: u64,
}

/// Where a training's weights come from.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// They are drawn.
    Drawn,
    /// They are a model's, the one that the experiment names.
    Model(&'a Start),
    /// The training goes on where this was written.
    State(&'a TrainState),
}

/// A finished training.
pub struct Trained {
    /// The model that the experiment chooses: the last one, or the best on the validation split.
    pub model: Model,
    /// Steps done; the model may be that of an earlier one.
    pub step: u64,
    /// Time spent in training, seconds.
    pub seconds: f64,
}

/// Says, while a training looks at the validation split, whether to go on.
pub(super) type GoOn<'f, 'a> = dyn FnMut(&Training<'a>) -> ControlFlow<()> + 'f;

impl<'a> Training<'a> {
    /// A training with this origin.
    ///
    /// # Errors
    /// [`Error::Experiment`] about `start_from` when the experiment names another origin, or the model does not fit; as
    /// [`Self::resume`].
    pub fn open(experiment: &'a Experiment, corpus: Corpus, origin: Origin<'_>, device: &Device) -> Result<Self> {
        match origin {
            Origin::Drawn => Self::begin(experiment, corpus, device),
            Origin::Model(start) => {
                experiment.validate()?;
                let weights = start.weights(experiment, &corpus, device)?;
                Self::begin_with(experiment, corpus, &weights)
            }
            Origin::State(state) => Self::resume(experiment, corpus, state, device),
        }
    }

    /// A training that begins with drawn weights.
    pub fn begin(experiment: &'a Experiment, corpus: Corpus, device: &Device) -> Result<Self> {
        experiment.validate()?;
        start::check_unnamed(experiment)?;
        let dims = Dims::new(&experiment.arch, corpus.task());
        let weights = params::initial(&experiment.arch, &dims, experiment.seed, device)?;
        Self::begin_with(experiment, corpus, &weights)
    }

    /// A training that begins with these weights, and with nothing else of another one.
    fn begin_with(experiment: &'a Experiment, corpus: Corpus, weights: &BTreeMap<String, Tensor>) -> Result<Self> {
        let dims = Dims::new(&experiment.arch, corpus.task());
        Self::new(experiment, corpus, weights, dims, Progress::start(experiment.train.batch_size), 0)
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
        let mut training = Self::new(experiment, corpus, &weights, dims, progress, state.info().step)?;
        state.check(experiment, &training.dataset_hash)?;
        state.restore(&mut training.trainer, arch, &dims)?;
        state.restore_looks(&mut training.looks, arch, &dims, device)?;
        Ok(training)
    }

    fn new(
        experiment: &'a Experiment,
        corpus: Corpus,
        weights: &BTreeMap<String, Tensor>,
        dims: Dims,
        progress: Progress,
        step: u64,
    ) -> Result<Self> {
        let (arch, settings, seed) = (&experiment.arch, &experiment.train, experiment.seed);
        // Nothing else has variants with identifiers, and a folder's stand in it already.
        if settings.task_variants > 0 && (corpus.kind != Kind::Arc || matches!(experiment.data, DataSpec::Folder(_))) {
            let problem = format!("expected 0 but for ARC tasks of a dataset, found {}", settings.task_variants);
            return Err(InvalidExperiment { field: "train.task_variants", problem }.into());
        }
        if settings.validate_every.is_some() && corpus.held_out.validation.is_empty() {
            let problem = "expected a dataset with a validation split, found one without: hold puzzles out for it, or \
                           validate never"
                .to_owned();
            return Err(InvalidExperiment { field: "train.validate_every", problem }.into());
        }
        Ok(Self {
            experiment,
            kind: corpus.kind,
            side: corpus.side,
            tasks: corpus.tasks.clone(),
            task: corpus.task(),
            dataset_hash: corpus.hash.clone(),
            parameters: params::count(arch, &dims),
            looks: Looks::new(experiment, corpus.held_out.clone()),
            trainer: Trainer::new(arch, settings, dims, seed, weights)?,
            total_steps: experiment.train.steps(corpus.examples() as u64),
            batches: Ahead::from(Batches::new(corpus, settings.batch_size, seed)?, step),
            progress,
            step,
        })
    }

    /// Makes it one of several that share every batch.
    pub(super) fn join(mut self, ranks: Ranks) -> Result<Self> {
        self.trainer.join(ranks)?;
        Ok(self)
    }

    /// What the first of several ranks wants to be done next, a number; all of them call it.
    pub(super) fn agree(&self, wish: f64) -> Result<f64> {
        let [wish] = self.agree_on([wish])?;
        Ok(wish)
    }

    /// Numbers of the first of several ranks; all of them call it.
    fn agree_on<const N: usize>(&self, numbers: [f64; N]) -> Result<[f64; N]> {
        let own = Message { numbers: numbers.to_vec(), ..Message::default() };
        let first = self.trainer.ranks().exchange(own)?.swap_remove(0).numbers;
        first.try_into().map_err(|_| Error::Device("another of the training's devices said something else".to_owned()))
    }

    /// Looks at the validation split as one of several ranks: the first looks, and all of them note what it saw. `go_on` is
    /// the first one's; nothing comes of a look that it ends.
    pub(super) fn look_together(&mut self, go_on: Option<&mut GoOn<'_, 'a>>) -> Result<Option<MetricPoint>> {
        let seen = match go_on {
            None => [0.0; 5],
            Some(go_on) => match self.look(&mut |_, _| go_on(self)) {
                Ok(score) => [1.0, f64::from(score.n), f64::from(score.exact), score.accuracy, score.seconds],
                Err(Error::Cancelled) => [0.0; 5],
                Err(error) => return Err(error),
            },
        };
        let [whole, n, exact, accuracy, seconds] = self.agree_on(seen)?;
        if whole == 0.0 {
            return Ok(None);
        }
        self.note_seen(Validation { n: n as u32, exact: exact as u32, accuracy }, seconds).map(Some)
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

    /// Whether the validation split is to be looked at ([`Self::look`], [`Self::note`]) before the next step.
    pub fn is_validation_due(&self) -> bool {
        self.looks.is_due(self.step, self.is_done())
    }

    /// The score on the validation split of the weights as they are, if they were looked at, and whether no earlier
    /// ones had a better one.
    pub fn validation(&self) -> Option<(Validation, bool)> {
        self.looks.of(self.step)
    }

    /// Makes the next step. After every `log_every` steps and after the last there is a metric point; where validation
    /// is due it comes with that.
    ///
    /// # Errors
    /// [`Error::Diverged`]; [`Error::ValidationDue`] when the step before is still to be validated.
    pub fn advance(&mut self) -> Result<Option<MetricPoint>> {
        let settings = &self.experiment.train;
        if self.is_validation_due() {
            return Err(Error::ValidationDue { step: self.step });
        }
        let step = self.step + 1;
        let rate = self.rate(step);
        let pass = self.trainer.pass(&self.batches.next()).map_err(|error| self.with_numbers(error))?;
        if !pass.loss.is_finite() {
            return Err(Error::Diverged { step, loss: pass.loss });
        }
        self.trainer.update(&pass, rate).map_err(|error| self.with_numbers(error))?;
        self.progress.add(&pass);
        self.step = step;
        let due = step.is_multiple_of(settings.log_every) || self.is_done();
        Ok((due && !self.is_validation_due()).then(|| self.point()))
    }

    /// The learning rate of a step, relative to the configured one.
    fn rate(&self, step: u64) -> f64 {
        let settings = &self.experiment.train;
        optim::schedule(step, settings.lr_warmup_steps, self.total_steps, settings.lr_min_ratio)
    }

    fn point(&mut self) -> MetricPoint {
        self.progress.point(self.step, self.experiment.train.lr * self.rate(self.step))
    }

    /// The score of the weights as they are on the validation split; `on_progress(done, all)` may stop it.
    pub fn look(&self, on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> Result<Evaluation> {
        eval::evaluate(&self.model()?, &self.looks.held_out, Split::Validation, &self.looks.protocol, on_progress)
    }

    /// Notes the score of the weights as they are; the answer is the metric point of this step.
    pub fn note(&mut self, score: &Evaluation) -> Result<MetricPoint> {
        let seen = Validation { n: score.n, exact: score.exact, accuracy: score.accuracy };
        self.note_seen(seen, score.seconds)
    }

    fn note_seen(&mut self, validation: Validation, seconds: f64) -> Result<MetricPoint> {
        if self.looks.note(self.step, validation) {
            self.looks.best_weights = self.trainer.evaluated()?;
        }
        self.progress.leave_out(seconds);
        Ok(MetricPoint { validation: Some(validation), ..self.point() })
    }

    /// What a GPU without room says, with the numbers.
    fn with_numbers(&self, error: Error) -> Error {
        let needed = memory::training_bytes(self.experiment, self.task);
        error.with_numbers(self.trainer.device(), Work::Training, needed)
    }

    /// Writes everything needed to go on from here into a file that is either whole or absent. At least one step
    /// must have been made.
    pub fn write(&self, path: &Path) -> Result<()> {
        let info = StateInfo {
            experiment: self.experiment.clone(),
            dataset_hash: self.dataset_hash.clone(),
            step: self.step,
            examples: self.progress.examples(),
            seen: self.looks.seen.clone(),
        };
        state::write(path, &info, &self.trainer, &self.progress, &self.looks)
    }

    /// The model as it is now.
    pub fn model(&self) -> Result<Model> {
        Model::new(self.info(self.step, Choice::Last), self.trainer.evaluated()?)
    }

    fn info(&self, step: u64, choice: Choice) -> CheckpointInfo {
        CheckpointInfo {
            experiment: self.experiment.clone(),
            kind: self.kind.to_string(),
            side: self.side,
            tasks: self.tasks.clone(),
            sizes: None,
            dataset_hash: self.dataset_hash.clone(),
            step,
            parameters: self.parameters,
            train_seconds: self.progress.seconds(),
            choice: Some(choice),
            environment: None,
        }
    }

    /// The result.
    ///
    /// # Errors
    /// [`Error::ValidationDue`] when the last step is still to be validated.
    pub fn finish(mut self) -> Result<Trained> {
        if self.is_validation_due() {
            return Err(Error::ValidationDue { step: self.step });
        }
        let model = match self.looks.chosen() {
            Some((step, choice)) => {
                let weights = std::mem::take(&mut self.looks.best_weights);
                Model::new(self.info(step, choice), weights)?
            }
            None => self.model()?,
        };
        Ok(Trained { model, step: self.step, seconds: self.progress.seconds() })
    }
}
