//! `hrm train`: an experiment on this machine, or into the queue.
#![expect(clippy::print_stdout, reason = "what was trained is the command's output")]

mod held;
mod saving;
mod watch;
mod weights;

use super::{
    checkpoint::{self, Output},
    data, interrupt, measure, owning_team,
    puzzles::{self, Shelf},
    queue::{Enqueue, how_to_ask},
    report, session, shipped,
};
use anyhow::{Context, bail};
use clap::Args;
use held::Held;
use hrm_api::{
    config::DatabaseConfig,
    environment,
    store::{access::Viewer, datasets::NewDataset, runs},
};
use hrm_model::{Model, device::DeviceChoice};
use hrm_types::{
    dataset::Split,
    evaluation::Protocol,
    experiment::{DataSpec, Experiment},
    job::LOCAL,
    provenance::Environment,
};
use saving::Saving;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use weights::Weights;

/// What helps where the puzzles that an experiment's files make would have another dataset's name.
const IMPORT_FIRST: &str =
    "store these puzzles with `hrm data import … --name NAME`, and name that dataset with --dataset";

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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
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
    /// What computes: cpu, cuda, cuda:N, or auto: the first GPU if the program is built for GPUs and there is one
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
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
                let puzzles = puzzles::load(spec, Shelf { database: &self.database, team: &self.team }, &stop)?;
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
            let team = owning_team::named(pool, &self.team).await?;
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
            // Names mean what the team may read: its results must not rest on what another one keeps to itself.
            let viewer = Viewer::Teams(vec![team.0]);
            Ok(runs::create(pool, &viewer, &experiment, self.queue.terms(team)).await?)
        })?;
        println!("queued {} as run {}", run.name, run.id);
        println!("`hrm serve` or `hrm worker` trains it; {}", how_to_ask(&format!("/api/v1/runs/{}", run.id)));
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
        let _held = Held::take(&out)?;
        let state = saving.state(self.resume, &out)?;
        if state.is_none() && self.resume && !self.overwrite && is_trained(&out, &experiment) {
            println!("{} is trained already: --overwrite trains it anew", out.display());
            return Ok(ExitCode::SUCCESS);
        }
        checkpoint::check_place(&out, if state.is_some() || self.overwrite { Output::File } else { Output::NewFile })?;
        let stop = interrupt::stop_signal()?;
        let weights = Weights::of(&mut experiment, state)?;
        let experiment = &experiment;
        let shelf = Shelf { database: &self.database, team: &self.team };
        let (corpus, puzzles) = puzzles::load_to_train(experiment, shelf, &stop)?;
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
        let size = model.write(&out).context("the checkpoint could not be written; choose another place")?;
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
        println!("{}", report::score(&measure::measure(&model, &puzzles, Split::Test, &protocol, &stop)?.evaluation));
        measure::tell_of_tested_in_training(&puzzles, &stop)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether a file is the checkpoint of this experiment, whose training is over then. The file that the training began with
/// need not be there any more.
fn is_trained(file: &Path, experiment: &Experiment) -> bool {
    let Some(model) = fs::read(file).ok().and_then(|bytes| Model::from_bytes(&bytes).ok()) else { return false };
    let found = &model.info().experiment;
    let start = match experiment.start_from.as_deref().map(checkpoint::start) {
        None => None,
        Some(Ok(start)) => Some(start.sha256().to_owned()),
        Some(Err(_)) => found.start_from.clone(),
    };
    *found == Experiment { start_from: start, ..experiment.clone() }
}
