//! `hrm data export`: a stored dataset as files.
#![expect(clippy::print_stdout, reason = "what was written is the command's output")]

use crate::cli::{
    checkpoint::{self, Output},
    interrupt, owning_team, report, session,
};
use clap::{Args, ValueEnum};
use hrm_api::{config::DatabaseConfig, store::puzzles};
use hrm_model::data;
use hrm_types::job::LOCAL;
use std::{fs, path::PathBuf, process::ExitCode};

/// Write a stored dataset as files.
///
/// Every format can be imported again. The new folder is whole or not there at all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm data export sudoku-extreme-1k --out sudoku --format arrays     for the reference code
  hrm data export sudoku-extreme-1k --out csv --format csv
  hrm data export arc-1 --out tasks --format json")]
pub(crate) struct Export {
    /// The dataset, by name or id
    dataset: String,
    /// The team whose dataset a name means first
    #[arg(long, value_name = "NAME", default_value = LOCAL)]
    team: String,
    /// A folder that is not there yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How it is written
    #[arg(long, value_enum)]
    format: Format,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The reference builders' .npy arrays, without variants; a validation split becomes a third folder beside train and
    /// test
    Arrays,
    /// source,question,answer,rating, a file for every split; Sudoku and mazes
    Csv,
    /// A file for every task; ARC. Such files know no side, which is 30 once they are read again, and no validation split
    Json,
}

impl Export {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        checkpoint::check_place(&self.out, Output::Folder)?;
        let (stored, puzzles) = session::with_database(&self.database, async |pool| {
            let stored = owning_team::dataset(pool, &self.team, &self.dataset).await?;
            let puzzles = puzzles::load_dataset(pool, &stored).await?;
            Ok((stored, puzzles))
        })?;
        let partial = data::partial(&self.out);
        interrupt::end_when_asked(move || drop(fs::remove_dir_all(partial)))?;
        match self.format {
            Format::Arrays => data::folder_of(&puzzles)?.write(&self.out)?,
            Format::Csv => data::write_csv(&puzzles, &self.out)?,
            Format::Json => data::write_json(&puzzles, &self.out)?,
        }
        println!(
            "wrote {}: {} training, {} validation and {} test puzzles of {}",
            self.out.display(),
            report::thousands(stored.train_count),
            report::thousands(stored.validation_count),
            report::thousands(stored.test_count),
            stored.name
        );
        Ok(ExitCode::SUCCESS)
    }
}
