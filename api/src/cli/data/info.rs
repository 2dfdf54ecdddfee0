//! `hrm data info`: what a folder of the reference's builders holds.
#![expect(clippy::print_stdout, reason = "what the folder holds is the command's output")]

use crate::cli::{
    checkpoint::{self, Output},
    interrupt, report,
};
use clap::Args;
use hrm_model::data::{
    self,
    npy::{Folder, Split},
};
use std::{fs, path::PathBuf, process::ExitCode};

/// Puzzle identifiers that are printed by name.
const NAMED: usize = 3;

/// Check a folder of .npy arrays as the reference's builders write it, and say what it holds.
///
/// Every file is read and checked against itself and the others: types, shapes, tokens, identifiers, indices, counts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm data info data/sudoku-extreme-1k-aug-1000
  hrm data info arc-aug-1000 --rewrite copy      write the same folder again, byte for byte")]
pub(crate) struct Info {
    /// The folder, with identifiers.json, train/ and test/
    folder: PathBuf,
    /// Write what was read to this new folder
    #[arg(long, value_name = "DIR")]
    rewrite: Option<PathBuf>,
}

impl Info {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(place) = &self.rewrite {
            checkpoint::check_place(place, Output::Folder)?;
            let partial = data::partial(place);
            interrupt::end_when_asked(move || drop(fs::remove_dir_all(partial)))?;
        }
        let folder = Folder::read(&self.folder)?;
        let task = folder.task();
        println!("tokens              {} of {} kinds", report::thousands(task.seq_len as u64), task.vocab_size);
        println!("puzzle identifiers  {}", names(&folder.identifiers));
        for (name, split) in &folder.splits {
            println!("{name:18}  {}", counts(split));
        }
        if let Some(place) = &self.rewrite {
            folder.write(place)?;
            println!("written to {}", place.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn names(identifiers: &[String]) -> String {
    let first = identifiers.iter().take(NAMED).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let more = if identifiers.len() > NAMED { ", …" } else { "" };
    format!("{}: {first}{more}", report::thousands(identifiers.len() as u64))
}

fn counts(split: &Split) -> String {
    let [groups, puzzles, examples] = split.counts().map(|count| report::thousands(count as u64));
    let sets = split.metadata.sets.join(", ");
    format!("{examples} examples of {puzzles} puzzles in {groups} groups; sets: {sets}")
}
