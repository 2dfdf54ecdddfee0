//! `hrm data generate`: puzzles made from a seed.
#![expect(clippy::print_stdout, reason = "what was stored is the command's output")]

use super::{check_name, print_stored, store};
use crate::cli::{interrupt, owning_team, puzzles, queue::Enqueue, session};
use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use hrm_api::{
    config::DatabaseConfig,
    store::{
        datasets::{self, NewDataset},
        generation_jobs,
    },
};
use hrm_types::{
    board::Kind,
    experiment::{GenerateSpec, MazeStyle},
    job::{GenerationSpec, LOCAL},
};
use std::process::ExitCode;

/// What is generated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// Sudoku puzzles with exactly one solution each
    #[default]
    Sudoku,
    /// Mazes with one way between any two cells
    PerfectMaze,
    /// Mazes of scattered walls, with several shortest paths
    HardMaze,
    /// ARC-like tasks of small coloured grids
    Arc,
}

/// Generate and store puzzles: Sudoku, mazes or ARC-like tasks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm data generate --side 6 --train 20000 --test 1000 --givens 8 16 --seed 1 --name small
  hrm data generate --kind hard-maze --side 9 --train 5000 --validation 200 --test 500 --name mazes
  hrm data generate --kind arc --side 8 --train 100 --test 20 --name tasks")]
pub(crate) struct Generate {
    /// Kind of the puzzles
    #[arg(long, value_enum, default_value_t)]
    kind: Wanted,
    /// Side of the grids: 4, 6 or 9 for Sudoku, 3 to 30 for mazes, 5 to 30 for ARC
    #[arg(long)]
    side: u8,
    /// Number of training puzzles; of ARC, of training tasks
    #[arg(long, value_name = "N")]
    train: u32,
    /// Number of validation puzzles; of ARC, of training tasks whose test pair is held out
    #[arg(long, value_name = "N", default_value_t = 0)]
    validation: u32,
    /// Number of test puzzles, none equal to a training puzzle; of ARC, of evaluation tasks
    #[arg(long, value_name = "N")]
    test: u32,
    /// Sudoku, and needed there: fewest and most givens
    #[arg(long, num_args = 2, value_names = ["FEWEST", "MOST"])]
    givens: Option<Vec<u8>>,
    /// Mazes: moves of the shortest path, at least
    #[arg(long, value_name = "MOVES")]
    min_path: Option<u32>,
    /// Seed of the puzzles: the same always gives the same
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The dataset's name [default: kind, side and the start of the content's hash]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    queue: Enqueue,
    /// The team that the dataset belongs to
    #[arg(long, value_name = "NAME", default_value = LOCAL)]
    team: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Generate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let spec = self.spec()?;
        if self.queue.queue {
            return self.enqueue(spec);
        }
        self.name.as_deref().map_or(Ok(()), check_name)?;
        let stop = interrupt::stop_signal()?;
        let stored = session::with_database(&self.database, async |pool| {
            // Before the work: a name that cannot be had is known at once.
            let team = owning_team::named(pool, &self.team).await?;
            let known = datasets::generated_from(pool, team, &spec).await?;
            if let Some(known) = known {
                return Ok(known);
            }
            if let Some(name) = &self.name {
                let taken = datasets::is_named(pool, team, name).await?;
                ensure!(!taken, "a dataset named {name:?} is stored already; choose another with --name");
            }
            let puzzles = puzzles::generate(&spec, &stop)?;
            let name = self.name.clone().unwrap_or_else(|| datasets::generated_name(&puzzles));
            let leaks = Some(puzzles::leaks(&puzzles, &stop)?);
            store(pool, NewDataset::generated(team, &name, &spec, leaks), &puzzles, "choose another with --name").await
        })?;
        print_stored(&stored, self.name.as_deref())?;
        Ok(ExitCode::SUCCESS)
    }

    fn spec(&self) -> anyhow::Result<GenerateSpec> {
        let (kind, maze) = match self.kind {
            Wanted::Sudoku => (Kind::Sudoku, None),
            Wanted::PerfectMaze => (Kind::Maze, Some(MazeStyle::Perfect)),
            Wanted::HardMaze => (Kind::Maze, Some(MazeStyle::Hard)),
            Wanted::Arc => (Kind::Arc, None),
        };
        let givens = match self.givens.as_deref() {
            Some(&[fewest, most]) => Some([fewest, most]),
            Some(_) => bail!("expected two numbers after --givens"),
            None => None,
        };
        let spec = GenerateSpec {
            kind,
            side: self.side,
            train: self.train,
            test: self.test,
            validation: self.validation,
            givens,
            maze,
            min_path: self.min_path,
            seed: self.seed,
        };
        spec.validate().map_err(|error| {
            let option = error.field.trim_start_matches("data.").replace('_', "-");
            anyhow::anyhow!("--{option}: {}", error.problem)
        })?;
        Ok(spec)
    }

    fn enqueue(self, generate: GenerateSpec) -> anyhow::Result<ExitCode> {
        let Some(name) = self.name else { bail!("a queued dataset needs a name: expected --name") };
        check_name(&name)?;
        let spec = GenerationSpec { name, generate };
        let job = session::with_database(&self.database, async |pool| {
            let terms = self.queue.terms(owning_team::named(pool, &self.team).await?);
            Ok(generation_jobs::create(pool, &spec, terms).await?)
        })?;
        println!("queued {} as job {}", job.name, job.id);
        Ok(ExitCode::SUCCESS)
    }
}
