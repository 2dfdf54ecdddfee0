//! `hrm restore`: everything back from one file.
#![expect(clippy::print_stdout, reason = "what was restored is the command's output")]

use super::{report, session};
use clap::Args;
use hrm_api::{backup, config::DatabaseConfig};
use std::{path::PathBuf, process::ExitCode};

/// Restore what `hrm backup` wrote, into an empty database.
///
/// The whole file is checked first, and everything is restored or nothing. Runs that were running wait for a worker
/// and go on from their newest stored state.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  HRM_DATA_DIR=/srv/hrm hrm restore lab.backup
  DATABASE_URL=postgres://hrm:secret@db/hrm hrm restore lab.backup")]
pub(crate) struct Restore {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Restore {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let summary =
            session::with_database(&self.database, async |pool| Ok(backup::restore(pool, &self.file).await?))?;
        let (file, size) = (self.file.display(), report::thousands(summary.size));
        println!("restored {file} of {}: {} tables, {size} bytes", summary.taken_at, summary.tables);
        Ok(ExitCode::SUCCESS)
    }
}
