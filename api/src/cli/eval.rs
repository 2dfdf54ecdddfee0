//! `hrm eval`: a checkpoint's score on puzzles.
#![expect(clippy::print_stdout, reason = "the score is the command's output")]

use super::{checkpoint, interrupt, puzzles, report, train};
use anyhow::bail;
use clap::Args;
use hrm_api::config::DatabaseConfig;
use hrm_model::data::{self, Dataset};
use hrm_types::{
    evaluation::{Halting, Protocol},
    experiment::DataSpec,
};
use std::{path::PathBuf, process::ExitCode};

/// Measure a checkpoint's accuracy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm eval --config configs/sudoku-6x6.toml                          the model that ships, on the file's test split
  hrm eval --checkpoint sudoku.safetensors --dataset my-puzzles      on the test split of a stored dataset
  hrm eval --checkpoint sudoku.safetensors --csv test.csv.gz --limit 1000 --steps 16")]
pub(crate) struct Eval {
    /// The checkpoint [default: the model that ships for puzzles of this side]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    puzzles: Puzzles,
    /// Evaluate the first N puzzles only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Take exactly N ACT steps, or with Q halt when `q_halt` > `q_continue`
    #[arg(long, value_name = "N|Q", default_value = "Q", value_parser = parse_steps)]
    steps: Steps,
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
        let protocol = match self.steps {
            Steps::Q => Protocol { halting: Halting::Q, max_steps: info.experiment.arch.halt_max_steps as u32 },
            Steps::Exactly(max_steps) => Protocol { halting: Halting::Fixed, max_steps },
        };
        let (name, parameters) = (&info.experiment.name, report::thousands(info.parameters));
        println!("{name}: {parameters} weights after {} steps", report::thousands(info.step));
        println!("{}", report::score(&train::evaluate(&model, &puzzles, &protocol, &stop)?));
        Ok(ExitCode::SUCCESS)
    }
}
