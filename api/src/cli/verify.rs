//! `hrm verify`: how far this implementation is from the reference.
#![expect(clippy::print_stdout, reason = "the comparison is the command's output")]

use clap::Args;
use hrm_model::verify::{TOLERANCE, verify};
use std::{path::PathBuf, process::ExitCode};

/// Replay a fixture of the reference implementation and print the relative errors.
///
/// Exits with 1 if an error is above 1e-4.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm verify fixtures/hrm_rope_stablemax     reads hrm_rope_stablemax.json and hrm_rope_stablemax.safetensors")]
pub(crate) struct Verify {
    /// Path of the fixture's files without `.json` and `.safetensors`
    prefix: PathBuf,
}

impl Verify {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let report = verify(&self.prefix)?;
        for comparison in &report.comparisons {
            println!("{:9.2e}  {}", comparison.error, comparison.what);
        }
        let (worst, count) = (report.worst(), report.comparisons.len());
        if report.passes() {
            println!("passes: {count} comparisons, the largest relative error is {worst:.2e}, allowed {TOLERANCE:.0e}");
            Ok(ExitCode::SUCCESS)
        } else {
            println!("fails: {count} comparisons, the largest relative error is {worst:.2e}, allowed {TOLERANCE:.0e}");
            Ok(ExitCode::FAILURE)
        }
    }
}
