//! The command line: what can be asked of the program, and how its answers end.

mod backup;
mod bench;
mod checkpoint;
mod compare;
mod data;
mod eval;
mod import;
mod interrupt;
mod leaderboard;
mod measure;
mod openapi;
mod owning_team;
mod predict;
mod puzzles;
mod queue;
mod report;
mod restore;
mod run;
mod serve;
mod session;
mod shipped;
mod solve;
mod states;
mod team;
mod token;
mod train;
mod user;
mod variables;
mod verify;
mod worker;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use hrm_model::threads::compute;
use std::{io::IsTerminal, process::ExitCode};
use tracing_subscriber::EnvFilter;

/// Hierarchical reasoning models: train them, score them, solve with them.
#[derive(Debug, Parser)]
#[command(name = "hrm", version, long_version = hrm_api::environment::version(), arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  hrm serve                                      the server and its page on http://127.0.0.1:8080
  hrm train --config configs/sudoku-6x6.toml     train on this machine, without a server
  hrm solve ..3.5..5.1..6...2..2...4..4.6..1.2..  solve a puzzle with the model that ships

The log's level is set with RUST_LOG, e.g. RUST_LOG=debug.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Worker(worker::Worker),
    Train(train::Train),
    Eval(eval::Eval),
    Solve(solve::Solve),
    #[command(subcommand)]
    Data(data::Data),
    #[command(subcommand)]
    Import(import::Import),
    Predict(predict::Predict),
    #[command(subcommand)]
    Run(run::Run),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Team(team::Team),
    #[command(subcommand)]
    Token(token::Token),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Compare(compare::Compare),
    Leaderboard(leaderboard::Leaderboard),
    Openapi(openapi::Openapi),
    Verify(verify::Verify),
    #[command(subcommand)]
    Bench(bench::Bench),
}

impl Command {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Worker(worker) => worker.run(),
            Self::Train(train) => compute(None, || train.run())?,
            Self::Eval(eval) => compute(None, || eval.run())?,
            Self::Solve(solve) => compute(None, || solve.run())?,
            Self::Data(data) => data.run(),
            Self::Import(import) => import.run(),
            Self::Predict(predict) => compute(None, || predict.run())?,
            Self::Run(run) => run.run(),
            Self::User(user) => user.run(),
            Self::Team(team) => team.run(),
            Self::Token(token) => token.run(),
            Self::Backup(backup) => backup.run(),
            Self::Restore(restore) => restore.run(),
            Self::Compare(compare) => compare.run(),
            Self::Leaderboard(leaderboard) => leaderboard.run(),
            Self::Openapi(openapi) => openapi.run(),
            Self::Verify(verify) => compute(None, || verify.run())?,
            Self::Bench(bench) => bench.run(),
        }
    }

    /// Long-running processes tell what they do; the others speak through their output.
    fn default_log_level(&self) -> &'static str {
        match self {
            Self::Serve(_) | Self::Worker(_) => "info,sqlx=warn",
            _ => "warn",
        }
    }
}

/// The exit code of a program whose reader has gone, as a shell tells it: 128 and the signal's number.
const READER_GONE: i32 = 128 + 13;

/// Ends the program where `print!` cannot write: quietly when nobody reads any more, as in `hrm openapi | head`, else with why
/// not, such as that the disk is full. It knows no other way to say so than a panic.
fn end_with_the_output() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload_as_str().unwrap_or_default();
        if let Some(cause) = said.strip_prefix("failed printing to stdout: ") {
            if cause.starts_with("Broken pipe") {
                std::process::exit(READER_GONE);
            }
            eprintln!("error: the output could not be written: {cause}");
            std::process::exit(1);
        }
        report(panic);
    }));
}

/// What the arguments and the environment ask for; ends the program where they ask for nothing that can be done.
fn parse() -> Command {
    let matches = variables::without_empty(Cli::command(), variables::is_empty).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command
}

/// Parses the arguments and does what they say. Errors end in exit code 1, wrong arguments in 2.
pub(crate) fn main() -> ExitCode {
    end_with_the_output();
    let command = parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(command.default_log_level()));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A variable, so that the worker beside a server has it, too.
    match std::env::var("HRM_LOG_FORMAT").as_deref() {
        Ok("json") => log.json().flatten_event(true).init(),
        Ok("text" | "") | Err(_) => log.with_ansi(std::io::stderr().is_terminal()).init(),
        Ok(other) => {
            eprintln!("error: HRM_LOG_FORMAT: expected text or json, found {other:?}");
            return ExitCode::from(2);
        }
    }
    match command.run() {
        Ok(code) => code,
        Err(error) if error.is::<interrupt::Interrupted>() => {
            eprintln!("interrupted");
            ExitCode::from(interrupt::INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {}", report::chain(&error));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cli, CommandFactory};

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
