//! `hrm run states`, `pin`, `unpin`, `drop`: the stored states of a run.
#![expect(clippy::print_stdout, reason = "the states are the command's output")]

use super::{report, session};
use anyhow::Context;
use clap::{Args, Subcommand};
use hrm_api::{
    config::DatabaseConfig,
    store::{PgPool, kept_states},
};
use hrm_types::{ids::RunId, train_state::TrainState};
use std::process::ExitCode;

/// States listed at most.
const MOST: u32 = 10_000;

/// What can be asked of a run's states.
#[derive(Debug, Subcommand)]
pub(crate) enum States {
    /// List the stored states of a run, from which it goes on after an interruption
    #[command(after_help = "Example:\n  hrm run states 0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77")]
    #[command(name = "states")]
    List(AllStates),
    /// Keep a state whatever else is kept, also after the run
    #[command(after_help = "Example:\n  hrm run pin 0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77 2000")]
    Pin(OneState),
    /// Let a pinned state go; it is dropped when the run stores its next one, or by `hrm run drop`
    #[command(after_help = "Example:\n  hrm run unpin 0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77 2000")]
    Unpin(OneState),
    /// Remove a state that is not pinned and that its run does not go on from
    #[command(after_help = "Example:\n  hrm run drop 0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77 2000")]
    Drop(OneState),
}

/// A run.
#[derive(Debug, Args)]
pub(crate) struct AllStates {
    /// The run's id
    run: RunId,
    #[command(flatten)]
    database: DatabaseConfig,
}

/// A state of a run.
#[derive(Debug, Args)]
pub(crate) struct OneState {
    /// The run's id
    run: RunId,
    /// Steps done in the state
    step: u64,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl States {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(AllStates { run, database }) => {
                let states =
                    session::with_database(
                        &database,
                        async |pool| Ok(kept_states::list(pool, run, None, MOST).await?),
                    )?;
                print!("{}", table(&states));
            }
            Self::Pin(state) => println!("{}", state.set_pinned(true)?),
            Self::Unpin(state) => println!("{}", state.set_pinned(false)?),
            Self::Drop(state) => println!("{}", state.drop_it()?),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl OneState {
    fn set_pinned(&self, pinned: bool) -> anyhow::Result<String> {
        let step = self.with(async |pool| {
            kept_states::set_pinned(pool, self.run, self.step, pinned).await.context("`hrm run states` lists them")
        })?;
        let step = step.step;
        Ok(if pinned {
            format!("the state after step {step} stays")
        } else {
            format!("the state after step {step} may go")
        })
    }

    fn drop_it(&self) -> anyhow::Result<String> {
        self.with(async |pool| Ok(kept_states::remove(pool, self.run, self.step).await?))?;
        Ok(format!("the state after step {} is gone", self.step))
    }

    fn with<T>(&self, work: impl AsyncFnOnce(&PgPool) -> anyhow::Result<T>) -> anyhow::Result<T> {
        session::with_database(&self.database, work)
    }
}

/// A line for each state.
fn table(states: &[TrainState]) -> String {
    if states.is_empty() {
        return "no state is stored\n".into();
    }
    let mut lines =
        format!("{:>10}  {:>7}  {:>15}  {:>10}  {:>10}  kept\n", "step", "attempt", "bytes", "validation", "training");
    for state in states {
        let share = |share: Option<f64>| share.map_or_else(|| "–".into(), report::percent);
        let kept = match (state.pinned, state.damaged) {
            (_, true) => "damaged",
            (true, _) => "pinned",
            _ => "",
        };
        lines += format!(
            "{:>10}  {:>7}  {:>15}  {:>10}  {:>10}  {kept}",
            report::thousands(state.step),
            state.attempt,
            report::thousands(state.size),
            share(state.validation_exact),
            share(state.training_exact),
        )
        .trim_end();
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    #[test]
    fn states_are_told_in_a_line_each() {
        assert_eq!(table(&[]), "no state is stored\n");
        let state = TrainState {
            step: 12_000,
            attempt: 2,
            size: 430_000_000,
            sha256: String::new(),
            pinned: true,
            damaged: false,
            validation_exact: None,
            training_exact: Some(0.5),
            created_at: OffsetDateTime::UNIX_EPOCH,
        };
        let told = table(&[state.clone(), TrainState { step: 9, pinned: false, ..state }]);
        let lines: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["12,000", "2", "430,000,000", "–", "50.00", "%", "pinned"]);
        assert_eq!(lines[2], ["9", "2", "430,000,000", "–", "50.00", "%"]);
    }
}
