//! `hrm run`: what can be asked of stored runs.

use super::states::States;
use clap::Subcommand;
use std::process::ExitCode;

/// Look at the stored states of a run, and say which stay.
#[derive(Debug, Subcommand)]
pub(crate) enum Run {
    #[command(flatten)]
    States(States),
}

impl Run {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::States(states) => states.run(),
        }
    }
}
