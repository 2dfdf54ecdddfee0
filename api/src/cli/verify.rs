//! `hrm verify`: how far this implementation is from the reference.
#![expect(clippy::print_stdout, reason = "the comparison is the command's output")]

use clap::Args;
use hrm_model::verify::{Comparison, verify};
use std::{path::PathBuf, process::ExitCode};

/// Replay a fixture of the reference implementation and print the relative errors.
///
/// Exits with 1 if an error is above its bar: 1e-4, or 1e-3 where a model that mixes positions by an MLP trains on from its own
/// states.
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
        let (verdict, code) =
            if report.passes() { ("passes", ExitCode::SUCCESS) } else { ("fails", ExitCode::FAILURE) };
        print!("{verdict}: {} comparisons", report.comparisons.len());
        match report.nearest() {
            Some(Comparison { what, error, allowed }) => {
                println!(
                    ", the one nearest to its bar a relative error of {error:.2e} in {what}, allowed {allowed:.0e}"
                );
            }
            None => println!(),
        }
        Ok(code)
    }
}
