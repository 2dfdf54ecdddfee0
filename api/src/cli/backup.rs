//! `hrm backup`: everything that is stored, as one file.
#![expect(clippy::print_stdout, reason = "what was written is the command's output")]

use super::{
    checkpoint::{self, Output},
    report, session,
};
use clap::Args;
use hrm_api::{backup, config::DatabaseConfig};
use std::{path::PathBuf, process::ExitCode};

/// Write everything that is stored into one file.
///
/// Datasets, runs with their metrics, logs and training states, checkpoints and scores, as they are at one moment;
/// the server and the workers may go on meanwhile. The file is whole or not there at all. `hrm restore` reads it.
/// Whoever reads it has everything, accounts with their passwords' hashes, too: its owner alone may.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm backup lab.backup
  DATABASE_URL=postgres://hrm:secret@db/hrm hrm backup /mnt/backups/lab.backup")]
pub(crate) struct Backup {
    /// The file; one that is there is replaced
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Backup {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        checkpoint::check_place(&self.file, Output::File)?;
        let summary = session::with_database(&self.database, async |pool| Ok(backup::write(pool, &self.file).await?))?;
        let (file, size) = (self.file.display(), report::thousands(summary.size));
        println!("wrote {file}: {} tables, {size} bytes, digest {}", summary.tables, summary.digest);
        Ok(ExitCode::SUCCESS)
    }
}
