//! `hrm eval`: a checkpoint's score on puzzles.
#![expect(clippy::print_stdout, reason = "the score is the command's output")]

use super::{checkpoint, interrupt, puzzles, queue::Enqueue, report, session, train};
use anyhow::bail;
use clap::Args;
use hrm_api::{
    config::DatabaseConfig,
    store::{checkpoints, datasets, evaluation_jobs},
};
use hrm_model::data::{self, Dataset};
use hrm_types::{
    dataset::Split,
    evaluation::{Halting, Protocol},
    experiment::DataSpec,
    job::EvaluationSpec,
};
use std::{path::PathBuf, process::ExitCode};

/// Measure a checkpoint's accuracy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm eval --config configs/sudoku-6x6.toml                          the model that ships, on the file's test split
  hrm eval --checkpoint sudoku.safetensors --dataset my-puzzles      on the test split of a stored dataset
  hrm eval --checkpoint sudoku.safetensors --csv test.csv.gz --limit 1000 --steps 16
  hrm eval --model sudoku-6x6 --dataset my-puzzles --queue           a stored model, measured by a worker")]
pub(crate) struct Eval {
    /// The checkpoint [default: the model that ships for puzzles of this side]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The stored model that is queued, by name or id
    #[arg(long, value_name = "NAME_OR_ID", requires_all = ["queue", "dataset"], conflicts_with = "checkpoint")]
    model: Option<String>,
    #[command(flatten)]
    puzzles: Puzzles,
    /// Evaluate the first N puzzles only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Take exactly N ACT steps, or with Q halt when `q_halt` > `q_continue`
    #[arg(long, value_name = "N|Q", default_value = "Q", value_parser = parse_steps)]
    steps: Steps,
    #[command(flatten)]
    queue: Enqueue,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Puzzles {
    /// The test split of this experiment's puzzles
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The test split of this stored dataset
    #[arg(long, value_name = "NAME_OR_ID")]
    dataset: Option<String>,
    /// All puzzles of this CSV file, plain or .gz
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
enum Steps {
    Q,
    Exactly(u32),
}

fn parse_steps(text: &str) -> Result<Steps, String> {
    match text.parse() {
        _ if text.eq_ignore_ascii_case("q") => Ok(Steps::Q),
        Ok(steps @ 1..=1024) => Ok(Steps::Exactly(steps)),
        _ => Err("expected Q or 1 to 1024".into()),
    }
}

impl Eval {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.queue.queue { self.enqueue() } else { self.measure() }
    }

    fn enqueue(&self) -> anyhow::Result<ExitCode> {
        let (Some(model), Some(dataset)) = (&self.model, &self.puzzles.dataset) else {
            bail!("a queued evaluation needs what is stored: expected --model and --dataset");
        };
        if self.limit.is_some() {
            bail!("a queued evaluation measures the whole test split: expected no --limit");
        }
        let terms = self.queue.terms()?;
        let queued = session::with_database(&self.database, async |pool| {
            let model = checkpoints::find(pool, model).await?;
            let dataset = datasets::find(pool, dataset).await?;
            if model.side != dataset.side {
                bail!(
                    "{} solves puzzles of side {}, {} has side {}",
                    model.name,
                    model.side,
                    dataset.name,
                    dataset.side
                );
            }
            let protocol = self.protocol(model.experiment.arch.halt_max_steps as u32);
            let spec = EvaluationSpec { checkpoint_id: model.id, dataset_id: dataset.id, split: Split::Test, protocol };
            Ok(evaluation_jobs::create(pool, &model.name, &spec, terms).await?)
        })?;
        println!("queued {} as job {}", queued.job.name, queued.job.id);
        println!("`curl localhost:8080/api/v1/evaluations/{}` tells how it is doing", queued.job.id);
        Ok(ExitCode::SUCCESS)
    }

    fn protocol(&self, halt_max_steps: u32) -> Protocol {
        match self.steps {
            Steps::Q => Protocol { halting: Halting::Q, max_steps: halt_max_steps },
            Steps::Exactly(max_steps) => Protocol { halting: Halting::Fixed, max_steps },
        }
    }

    fn measure(self) -> anyhow::Result<ExitCode> {
        let stop = interrupt::stop_signal()?;
        let mut puzzles = match &self.puzzles {
            Puzzles { csv: Some(file), .. } => {
                let test = data::read_csv_file(file)?;
                Dataset { side: test[0].question.side(), train: vec![], test }
            }
            Puzzles { dataset: Some(dataset), .. } => {
                puzzles::load(&DataSpec::Stored { dataset: dataset.clone() }, &self.database, &stop)?
            }
            Puzzles { config: Some(file), .. } => {
                puzzles::load(&puzzles::read_experiment(file)?.data, &self.database, &stop)?
            }
            _ => bail!("expected one of --config, --dataset and --csv"),
        };
        puzzles.test.truncate(self.limit.map_or(usize::MAX, |limit| limit as usize));
        if puzzles.test.is_empty() {
            bail!("the test split is empty: choose a dataset that has one");
        }
        let model = checkpoint::load(self.checkpoint.as_deref(), puzzles.side)?;
        let info = model.info();
        let protocol = self.protocol(info.experiment.arch.halt_max_steps as u32);
        let (name, parameters) = (&info.experiment.name, report::thousands(info.parameters));
        println!("{name}: {parameters} weights after {} steps", report::thousands(info.step));
        println!("{}", report::score(&train::evaluate(&model, &puzzles, &protocol, &stop)?));
        Ok(ExitCode::SUCCESS)
    }
}
