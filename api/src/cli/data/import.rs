//! `hrm data import`: puzzles from files.
#![expect(clippy::print_stdout, reason = "what was stored is the command's output")]

use super::{check_name, name_of, print_stored, store};
use crate::cli::{interrupt, owning_team, puzzles, report, session};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hrm_api::{config::DatabaseConfig, store::datasets::NewDataset};
use hrm_model::data::{self, Dataset, DrawnRows, Puzzle};
use hrm_types::{board::Kind, experiment::ArcSpec, job::LOCAL, name};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Store the puzzles of files, every answer checked against its puzzle; not whether it is the only one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm data import sudoku train.csv.gz --test test.csv.gz --name extreme
  hrm data import sudoku puzzles.csv --test-rows 500     its last 500 rows become the test split
  hrm data import sudoku train.csv.gz --train-rows 1000 --validation 500 --test test.csv.gz --name extreme-1k
  hrm data import maze hard-train.csv.gz --test hard-test.csv.gz --license unknown
  hrm data import arc ARC-AGI-1.tar.gz ConceptARC.tar.gz --name arc-1 --license Apache-2.0
  hrm data import folder data/sudoku-extreme-1k-aug-1000 --name sudoku-extreme-1k")]
pub(crate) struct Import {
    #[command(subcommand)]
    kind: Source,
}

#[derive(Debug, Subcommand)]
enum Source {
    /// Sudoku from CSV files with the columns source,question,answer,rating; plain or .gz
    Sudoku(Csv),
    /// Mazes from such files; a maze is one line of #, spaces, S and G, its answer marks a shortest path with o
    Maze(Csv),
    /// ARC tasks from folders or .tar.gz archives of their JSON files
    Arc(Arc),
    /// The original puzzles of a folder of .npy arrays as the reference's builders write it; variants are drawn anew
    /// where they are trained on
    Folder(Folder),
}

#[derive(Debug, Args)]
struct Folder {
    /// The folder, with identifiers.json, train/ and test/
    folder: PathBuf,
    #[command(flatten)]
    stored: Stored,
}

#[derive(Debug, Args)]
struct Stored {
    /// The dataset's name [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// The licence the puzzles' publisher states
    #[arg(long)]
    license: Option<String>,
    /// The team that the dataset belongs to
    #[arg(long, value_name = "NAME", default_value = LOCAL)]
    team: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Debug, Args)]
struct Csv {
    /// The file; its rows are the training split
    file: PathBuf,
    /// A second file, whose rows are the test split; without one the last rows of the first file are
    /// [default: the last 1,000 rows, or a tenth if that is less]
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    test: Option<PathBuf>,
    /// Number of test rows: the first of --test, else the last of the file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    test_rows: Option<u32>,
    /// Train on this many drawn rows [default: all that validation leaves]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    train_rows: Option<u32>,
    /// Hold this many rows out for validation, drawn from those that are not trained on
    #[arg(long, value_name = "N", default_value_t = 0)]
    validation: u32,
    /// A file of its own for validation instead
    #[arg(long, value_name = "FILE", conflicts_with = "validation")]
    validation_file: Option<PathBuf>,
    /// Seed of these draws
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: u64,
    #[command(flatten)]
    stored: Stored,
}

#[derive(Debug, Args)]
struct Arc {
    /// Folders or .tar.gz archives; tasks in a folder `evaluation` are evaluated on, all others are trained on
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Hold the test pairs of this many drawn training tasks out for validation
    #[arg(long, value_name = "N", default_value_t = 0)]
    validation: u32,
    /// Seed of that draw
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: u64,
    #[command(flatten)]
    stored: Stored,
}

impl Import {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let place = self.kind.stored();
        // Before the work: a team that is not there is known at once.
        let team = session::with_database(&place.database, async |pool| owning_team::named(pool, &place.team).await)?;
        let (files, puzzles, seed, stored) = match self.kind {
            Source::Sudoku(csv) => (vec![csv.file.clone()], csv.read(Kind::Sudoku)?, csv.drawn_with(), csv.stored),
            Source::Maze(csv) => (vec![csv.file.clone()], csv.read(Kind::Maze)?, csv.drawn_with(), csv.stored),
            Source::Arc(arc) => (arc.paths.clone(), arc.read()?, (arc.validation > 0).then_some(arc.seed), arc.stored),
            Source::Folder(of) => (vec![of.folder.clone()], data::import_folder(&of.folder)?, None, of.stored),
        };
        let names = |of: &dyn Fn(&PathBuf) -> String, part: &str| files.iter().map(of).collect::<Vec<_>>().join(part);
        let default = || names(&|file| name_of(file), "-").chars().take(name::LONGEST).collect();
        let name = stored.name.clone().unwrap_or_else(default);
        let origin = names(&|file| file.file_name().unwrap_or_default().to_string_lossy().into_owned(), ", ");
        check_name(&name)?;
        let leaks = Some(puzzles::leaks(&puzzles, &interrupt::stop_signal()?)?);
        let license = stored.license.as_deref();
        let found = session::with_database(&stored.database, async |pool| {
            let new = NewDataset { team, name: &name, origin: &origin, generated: None, license, seed, leaks };
            store(pool, new, &puzzles, "choose another with --name").await
        })?;
        print_stored(&found, stored.name.as_deref())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Source {
    fn stored(&self) -> &Stored {
        match self {
            Self::Sudoku(csv) | Self::Maze(csv) => &csv.stored,
            Self::Arc(arc) => &arc.stored,
            Self::Folder(folder) => &folder.stored,
        }
    }
}

impl Csv {
    /// The seed, if anything was drawn with it.
    fn drawn_with(&self) -> Option<u64> {
        (self.train_rows.is_some() || self.validation > 0).then_some(self.seed)
    }

    fn read(&self, kind: Kind) -> anyhow::Result<Dataset> {
        let rows = data::read_csv_file(&self.file, kind)?;
        let side = rows[0].question.rows();
        let (rows, test) = match &self.test {
            None => {
                let split = puzzles::split_off_test(rows, self.test_rows);
                let (rows, test) = split.with_context(|| self.file.display().to_string())?;
                println!("the last {} rows become the test split", report::thousands(test.len() as u64));
                (rows, test)
            }
            Some(file) => {
                let mut test = read_of_side(file, kind, side)?;
                let wanted = data::rows_wanted(self.test_rows, test.len(), &file.display().to_string())?;
                test.truncate(wanted as usize);
                (rows, test)
            }
        };
        let drawn = DrawnRows { train: self.train_rows, validation: self.validation, seed: self.seed };
        let (train, mut validation) = drawn.of(rows, &self.file.display().to_string())?;
        if let Some(file) = &self.validation_file {
            validation = read_of_side(file, kind, side)?;
        }
        Ok(Dataset { kind, side, train, validation, test })
    }
}

/// The puzzles of another file.
fn read_of_side(file: &Path, kind: Kind, side: u8) -> anyhow::Result<Vec<Puzzle>> {
    let puzzles = data::read_csv_file(file, kind)?;
    let found = puzzles[0].question.rows();
    if side != found {
        bail!("expected puzzles of side {side} in {}, as in the other file; found side {found}", file.display());
    }
    Ok(puzzles)
}

impl Arc {
    fn read(&self) -> anyhow::Result<Dataset> {
        let paths = self.paths.iter().map(|path| path.display().to_string()).collect();
        Ok(data::load_arc(&ArcSpec { paths, validation_tasks: self.validation, seed: self.seed })?)
    }
}
