//! `hrm train`: an experiment on this machine, or into the queue.
#![expect(clippy::print_stdout, reason = "what was trained is the command's output")]

use super::{
    checkpoint::{self, Output},
    data,
    interrupt::{self, Interrupted},
    puzzles,
    queue::{Enqueue, server_here},
    report, session, shipped, team,
};
use anyhow::{Context, bail, ensure};
use clap::Args;
use hrm_api::{
    config::DatabaseConfig,
    environment,
    queue::StopSignal,
    store::{access::Viewer, datasets::NewDataset, runs},
};
use hrm_model::{
    Error, Model,
    data::{Corpus, Dataset},
    device::{Device, DeviceChoice},
    eval,
    train::{Next, Origin, Start, TrainState, Trained, Training, train, train_on},
};
use hrm_types::{
    dataset::Split,
    evaluation::{Evaluation, Protocol},
    experiment::{DataSpec, Experiment},
    job::LOCAL,
    provenance::Environment,
    run::MetricPoint,
};
use indicatif::ProgressBar;
use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

/// What helps where the puzzles that an experiment's files make would have another dataset's name.
const IMPORT_FIRST: &str =
    "store these puzzles with `hrm data import … --name NAME`, and name that dataset with --dataset";

/// Time between lines about the progress where no bar can be shown.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Train an experiment on this machine and evaluate it, or put it into the queue.
///
/// Needs no server. Afterwards the model is evaluated on the whole test split and its checkpoint written. Until then
/// the training's state is kept beside it, in a file ending in .state.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm train --config configs/sudoku-6x6.toml --out sudoku.safetensors
  hrm train --config configs/sudoku-6x6.toml --out sudoku.safetensors --resume
  hrm train --config configs/sudoku-6x6.toml --steps 20 --seed 7 --out seed-7.safetensors
  hrm train --config configs/sudoku-6x6.toml --dataset my-puzzles --queue
  hrm train --config configs/trm-sudoku-9x9.toml --dataset my-9x9 --start-from trm-sudoku-9x9
  hrm train --config configs/sudoku-extreme-1k.toml --steps 20 --batch-size 8 --no-eval")]
pub(crate) struct Train {
    /// The experiment, a TOML file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write the checkpoint here [default: the experiment's name with .safetensors]
    #[arg(long, value_name = "FILE", conflicts_with = "queue")]
    out: Option<PathBuf>,
    /// Stop after this many steps, whatever the file says
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Sequences per step, whatever the file says
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Train on this stored dataset instead of the file's
    #[arg(long, value_name = "NAME_OR_ID")]
    dataset: Option<String>,
    /// Seed of drawn weights, data order, augmentation and exploration, whatever the file says
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Begin with the weights of this model instead of drawn ones: a file, or one that ships; with --queue the name, an
    /// alias or the id of a stored one
    #[arg(long, value_name = "FILE_OR_NAME")]
    start_from: Option<String>,
    /// Go on where an earlier training to the same file was interrupted
    #[arg(long, conflicts_with = "queue")]
    resume: bool,
    /// Replace the checkpoint that is there
    #[arg(long, conflicts_with = "queue")]
    overwrite: bool,
    /// Seconds between writings of the training's state, from which --resume goes on
    #[arg(long, value_name = "SECONDS", default_value_t = 60, conflicts_with = "queue")]
    save_every: u64,
    /// Write the checkpoint without evaluating it on the test split
    #[arg(long, conflicts_with = "queue")]
    no_eval: bool,
    /// What computes: cpu, cuda or cuda:N [default: the first GPU if the program is built for GPUs and there is one]
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto, hide_default_value = true)]
    #[arg(conflicts_with = "queue")]
    device: DeviceChoice,
    /// Several GPUs that share every batch, e.g. cuda:0,cuda:1
    #[arg(long, value_name = "DEVICES", value_delimiter = ',', conflicts_with_all = ["device", "queue"])]
    devices: Vec<DeviceChoice>,
    #[command(flatten)]
    queue: Enqueue,
    /// The team that the run belongs to, whose datasets and models names mean first
    #[arg(long, value_name = "NAME", default_value = LOCAL, requires = "queue")]
    team: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Train {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let experiment = self.experiment()?;
        if self.queue.queue { self.enqueue(experiment) } else { self.train(experiment) }
    }

    /// The file's experiment with what the arguments change.
    fn experiment(&self) -> anyhow::Result<Experiment> {
        let mut experiment = puzzles::read_experiment(&self.config)?;
        experiment.train.max_steps = self.steps.or(experiment.train.max_steps);
        experiment.train.batch_size = self.batch_size.unwrap_or(experiment.train.batch_size);
        experiment.seed = self.seed.unwrap_or(experiment.seed);
        experiment.start_from = self.start_from.clone().or(experiment.start_from);
        if let Some(dataset) = self.dataset.clone() {
            experiment.data = DataSpec::Stored { dataset };
        }
        experiment.validate()?;
        Ok(experiment)
    }

    fn enqueue(self, mut experiment: Experiment) -> anyhow::Result<ExitCode> {
        let stop = interrupt::stop_signal()?;
        let files = match &experiment.data {
            spec @ (DataSpec::Csv(_) | DataSpec::Arc(_)) => {
                let puzzles = puzzles::load(spec, &self.database, &stop)?;
                let leaks = puzzles::leaks(&puzzles, &stop)?;
                data::name_of_files(spec).map(|(name, origin)| (name, origin, puzzles, leaks))
            }
            DataSpec::Folder(_) => bail!(
                "a folder of arrays cannot be queued as it is: store its puzzles with `hrm data import folder DIR` and name \
                 that dataset with --dataset"
            ),
            DataSpec::Generate(_) | DataSpec::Stored { .. } => None,
        };
        if let Some(named) = experiment.start_from.as_deref().filter(|named| Path::new(named).exists()) {
            bail!(
                "a run begins with a stored model, and {named} is a file: upload it, on the page under Models or with POST \
                 /api/v1/models?name=NAME, and give its name"
            );
        }
        let run = session::with_database(&self.database, async |pool| {
            let team = team::named(pool, &self.team).await?;
            if experiment.start_from.is_some() {
                // One that ships may be meant, which a server that never ran has not stored.
                shipped::store_all(pool).await?;
            }
            if let Some((name, origin, puzzles, leaks)) = &files {
                data::check_name(name)?;
                let (seed, leaks) = (data::seed_of_files(&experiment.data), Some(*leaks));
                let new = NewDataset { team, name, origin, generated: None, license: None, seed, leaks };
                let stored = data::store(pool, new, puzzles, IMPORT_FIRST).await?;
                experiment.data = DataSpec::Stored { dataset: stored.id.to_string() };
            }
            let viewer = Viewer::Everything.at_home_in(team);
            Ok(runs::create(pool, &viewer, &experiment, self.queue.terms(team)).await?)
        })?;
        println!("queued {} as run {}", run.name, run.id);
        println!(
            "`hrm serve` or `hrm worker` trains it; `curl {}/api/v1/runs/{}` tells how it is doing",
            server_here(),
            run.id
        );
        Ok(ExitCode::SUCCESS)
    }

    /// This program on the devices that train.
    fn environment(&self, experiment: &Experiment) -> anyhow::Result<Environment> {
        let first = self.devices.first().unwrap_or(&self.device).open()?;
        let mut environment = environment::here(experiment.arch.forward_dtype, &first);
        if self.devices.len() > 1 {
            environment.device = format!("{} × {}", self.devices.len(), environment.device);
        }
        Ok(environment)
    }

    fn train(self, mut experiment: Experiment) -> anyhow::Result<ExitCode> {
        let environment = self.environment(&experiment)?;
        let out = self.out.unwrap_or_else(|| format!("{}.safetensors", experiment.name).into());
        let saving = Saving { path: out.with_added_extension("state"), every: Duration::from_secs(self.save_every) };
        let state = saving.state(self.resume, &out)?;
        if state.is_none() && self.resume && !self.overwrite && is_trained(&out, &experiment) {
            println!("{} is trained already: --overwrite trains it anew", out.display());
            return Ok(ExitCode::SUCCESS);
        }
        checkpoint::check_place(&out, if state.is_some() || self.overwrite { Output::File } else { Output::NewFile })?;
        let stop = interrupt::stop_signal()?;
        let weights = Weights::of(&mut experiment, state)?;
        let experiment = &experiment;
        let (corpus, puzzles) = puzzles::load_to_train(experiment, &self.database, &stop)?;
        println!(
            "{}: {} training and {} test puzzles, {} of side {}",
            experiment.name,
            report::thousands(corpus.examples() as u64),
            report::thousands(puzzles.test.len() as u64),
            puzzles.kind,
            puzzles.side
        );
        if let Weights::Model(start) = &weights {
            println!("begins with the weights of {}", start.model().info().experiment.name);
        }
        let trained = if self.devices.is_empty() {
            let mut training = saving.begin(experiment, corpus, &weights, &self.device.open()?)?;
            // They are the training's own by now.
            drop(weights);
            saving.train(&mut training, &stop)?;
            training.finish()?
        } else {
            saving.train_on(&self.devices, experiment, &corpus, &weights, &stop)?
        };
        // Before a word of it: somebody who reads no more ends the program.
        let model = trained.model.trained_by(environment);
        let size = checkpoint::save(&model, &out)?;
        println!("trained {} steps in {}", report::thousands(trained.step), report::duration(trained.seconds));
        if let Some(choice) = &model.info().choice {
            println!("the checkpoint is {}", report::choice(choice, model.info().step));
        }
        println!("wrote {} ({} bytes)", out.display(), report::thousands(size));
        saving.forget()?;

        if self.no_eval {
            return Ok(ExitCode::SUCCESS);
        }
        let max_steps = experiment.arch.halt_max_steps as u32;
        let protocol = Protocol::halting_by_q(max_steps);
        println!("{}", report::score(&evaluate(&model, &puzzles, Split::Test, &protocol, &stop)?));
        Ok(ExitCode::SUCCESS)
    }
}

/// Evaluates a split behind a progress bar.
pub(crate) fn evaluate(
    model: &Model,
    puzzles: &Dataset,
    split: Split,
    protocol: &Protocol,
    stop: &StopSignal,
) -> anyhow::Result<Evaluation> {
    let bar = puzzles::bar("evaluating {bar:30} {pos}/{len} puzzles, {eta} left");
    let evaluation = eval::evaluate(model, puzzles, split, protocol, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        stop.flow()
    });
    bar.finish_and_clear();
    interruptible(evaluation)
}

fn interruptible<T>(result: Result<T, Error>) -> anyhow::Result<T> {
    match result {
        Err(Error::Cancelled) => Err(Interrupted.into()),
        other => Ok(other?),
    }
}

/// Whether a file is the checkpoint of this experiment, whose training is over then.
fn is_trained(file: &Path, experiment: &Experiment) -> bool {
    let model = fs::read(file).ok().and_then(|bytes| Model::from_bytes(&bytes).ok());
    let told = |other: &Experiment| Experiment { start_from: None, ..other.clone() };
    model.is_some_and(|model| told(&model.info().experiment) == told(experiment))
}

/// Where a training's weights come from.
enum Weights {
    Drawn,
    Model(Box<Start>),
    State(Box<TrainState>),
}

impl Weights {
    /// Those of a state, of the model that the experiment names, or none yet. The experiment names the model by its hash
    /// afterwards. To go on, its file need not be there any more.
    fn of(experiment: &mut Experiment, state: Option<TrainState>) -> anyhow::Result<Self> {
        let named = experiment.start_from.take();
        let start = named.as_deref().map(checkpoint::start).transpose();
        if let Some(state) = state {
            let found = start.ok().flatten().map(|start| start.sha256().to_owned());
            experiment.start_from = found.or_else(|| state.info().experiment.start_from.clone());
            return Ok(Self::State(Box::new(state)));
        }
        let Some(start) = start? else { return Ok(Self::Drawn) };
        experiment.start_from = Some(start.sha256().to_owned());
        Ok(Self::Model(Box::new(start)))
    }

    fn origin(&self) -> Origin<'_> {
        match self {
            Self::Drawn => Origin::Drawn,
            Self::Model(start) => Origin::Model(start),
            Self::State(state) => Origin::State(state),
        }
    }
}

/// Where and how often a training's state is written.
struct Saving {
    path: PathBuf,
    every: Duration,
}

impl Saving {
    /// The state to go on from, if that is asked for and there is one.
    fn state(&self, resume: bool, out: &Path) -> anyhow::Result<Option<TrainState>> {
        let path = self.path.display();
        if !self.path.exists() {
            if resume && !out.exists() {
                println!("there is no {path} to go on from: begins anew");
            }
            return Ok(None);
        }
        // Also where it is not asked for, so that nobody is sent to --resume in vain.
        let state = TrainState::read(&self.path);
        let state = state.with_context(|| format!("{path} cannot be read; remove it, or choose another --out"))?;
        ensure!(resume, "{path} is the state of an interrupted training: go on from it with --resume, or remove it");
        Ok(Some(state))
    }

    fn cannot_go_on(&self) -> String {
        format!("{} cannot be gone on from; with other settings begin anew under another --out", self.path.display())
    }

    fn begin<'a>(
        &self,
        experiment: &'a Experiment,
        corpus: Corpus,
        weights: &Weights,
        device: &Device,
    ) -> anyhow::Result<Training<'a>> {
        let training = Training::open(experiment, corpus, weights.origin(), device);
        if !matches!(weights, Weights::State(_)) {
            return Ok(training?);
        }
        let training = training.with_context(|| self.cannot_go_on())?;
        println!("goes on from {} after step {}", self.path.display(), report::thousands(training.step()));
        Ok(training)
    }

    /// The same on several devices.
    fn train_on(
        &self,
        devices: &[DeviceChoice],
        experiment: &Experiment,
        corpus: &Corpus,
        weights: &Weights,
        stop: &StopSignal,
    ) -> anyhow::Result<Trained> {
        let devices = devices.iter().copied().map(DeviceChoice::open).collect::<Result<Vec<_>, Error>>()?;
        let (mut watch, mut saved, mut step) = (None, Instant::now(), 0);
        let trained = train_on(&devices, experiment, corpus, weights.origin(), &self.path, &mut |training, point| {
            watch.get_or_insert_with(|| Watch::new(training)).note(training.step(), point);
            step = training.step();
            if stop.flow().is_break() {
                Next::Stop
            } else if saved.elapsed() >= self.every {
                saved = Instant::now();
                Next::Save
            } else {
                Next::GoOn
            }
        });
        if let Some(watch) = watch {
            watch.bar.finish_and_clear();
        }
        if matches!(trained, Err(Error::Cancelled)) {
            eprintln!("{} keeps step {}; go on with --resume", self.path.display(), report::thousands(step));
        }
        interruptible(trained)
    }

    /// Trains to the end, writing the state now and then and when it is interrupted.
    fn train(&self, training: &mut Training<'_>, stop: &StopSignal) -> anyhow::Result<()> {
        let (mut watch, mut saved) = (Watch::new(training), Instant::now());
        let mut failed = None;
        let trained = train(training, &mut |training, point| {
            watch.note(training.step(), point);
            if saved.elapsed() >= self.every {
                saved = Instant::now();
                failed = training.write(&self.path).err();
            }
            if failed.is_some() { ControlFlow::Break(()) } else { stop.flow() }
        });
        watch.bar.finish_and_clear();
        if let Some(error) = failed {
            return Err(error).with_context(|| format!("{} could not be written", self.path.display()));
        }
        if matches!(trained, Err(Error::Cancelled)) {
            training.write(&self.path)?;
            eprintln!("{} keeps step {}; go on with --resume", self.path.display(), report::thousands(training.step()));
        }
        interruptible(trained)
    }

    /// Removes the state of a training that has ended.
    fn forget(&self) -> std::io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The progress of training: a bar on a terminal, else a line now and then.
struct Watch {
    bar: ProgressBar,
    total_steps: u64,
    line: Instant,
}

impl Watch {
    fn new(training: &Training<'_>) -> Self {
        let (total_steps, weights) = (training.total_steps(), training.parameters());
        println!("{} weights, {} steps", report::thousands(weights), report::thousands(total_steps));
        let bar = puzzles::bar("{bar:30} step {pos}/{len}, {eta} left, {msg}");
        bar.set_length(total_steps);
        // What was done before counts for the bar, not for its estimate.
        bar.set_position(training.step());
        bar.reset_eta();
        Self { bar, total_steps, line: Instant::now() }
    }

    fn note(&mut self, step: u64, point: Option<&MetricPoint>) {
        self.bar.set_position(step);
        let Some(point) = point else { return };
        self.bar.set_message(words(point));
        let last = step == self.total_steps;
        if self.bar.is_hidden() && (last || point.validation.is_some() || self.line.elapsed() >= LINE_EVERY) {
            self.line = Instant::now();
            eprintln!("step {step}/{}: {}", self.total_steps, words(point));
        }
    }
}

fn words(point: &MetricPoint) -> String {
    let share = |share: Option<f64>| share.map_or_else(|| "-".into(), report::percent);
    format!(
        "loss {:.4}, accuracy {}, exact {}{}, {:.0} seq/s",
        point.loss,
        share(point.accuracy),
        share(point.exact_accuracy),
        point.validation.map(|seen| format!(", validation {} of {} exact", seen.exact, seen.n)).unwrap_or_default(),
        point.sequences_per_second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_state_is_to_be_removed_and_not_gone_on_from() {
        let folder = tempfile::tempdir().expect("a folder");
        let saving = Saving { path: folder.path().join("model.state"), every: Duration::ZERO };
        assert!(
            saving.state(true, &saving.path.with_extension("")).is_ok_and(|state| state.is_none()),
            "nothing is there"
        );
        let path = saving.path.display();
        for content in ["", "damaged"] {
            std::fs::write(&saving.path, content).expect("a file");
            for resume in [true, false] {
                let error = saving.state(resume, &saving.path.with_extension("")).err().expect("a refusal");
                let advice = format!("{path} cannot be read; remove it, or choose another --out: not a usable");
                let said = report::chain(&error);
                assert!(said.starts_with(&advice) && !said.contains("--resume"), "{said}");
            }
        }
    }
}
