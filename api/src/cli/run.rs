//! `hrm run`: stored runs, what they rest on, and their way to another place.
#![expect(clippy::print_stdout, reason = "what is known of runs is the command's output")]

use super::{
    checkpoint::{self, Output},
    owning_team, report, session,
    states::States,
};
use anyhow::Context;
use clap::{Args, Subcommand};
use hrm_api::{
    config::DatabaseConfig,
    run_folder,
    store::{
        access::Viewer,
        imported_runs::{self, Imported},
        provenance,
        runs::{self, RunFilter},
        slices::Slice,
    },
};
use hrm_types::{
    ids::RunId,
    job::LOCAL,
    provenance::{Attempt, RunProvenance, Score},
};
use std::{path::PathBuf, process::ExitCode};

/// List runs, show what they rest on, take them elsewhere, look at their stored states.
#[derive(Debug, Subcommand)]
pub(crate) enum Run {
    List(List),
    Show(Show),
    Export(Export),
    Import(Import),
    #[command(flatten)]
    States(States),
}

impl Run {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(),
            Self::Show(show) => show.run(),
            Self::Export(export) => export.run(),
            Self::Import(import) => import.run(),
            Self::States(states) => states.run(),
        }
    }
}

/// List runs, newest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm run list --limit 100")]
pub(crate) struct List {
    /// Runs at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    database: DatabaseConfig,
}

/// Show what a run's results rest on.
///
/// Seed, settings, data, program, compiler, machine, kernels, time, memory, the checkpoint with how it was chosen, and its
/// scores.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm run show 0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d
  hrm run show 0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d --json")]
pub(crate) struct Show {
    /// The run
    id: RunId,
    /// As JSON, with every setting
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseConfig,
}

/// Write a run that has succeeded as a folder that can be taken elsewhere.
///
/// The folder holds config.toml, metrics.csv, provenance.json, scores.json, checkpoint.safetensors and the hashes of all
/// of them in SHA256SUMS. It is whole or not there at all.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm run export 0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d --out sudoku-run && (cd sudoku-run && sha256sum --check SHA256SUMS)")]
pub(crate) struct Export {
    /// The run
    id: RunId,
    /// A folder that is not there yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    database: DatabaseConfig,
}

/// Store a run out of a folder that `hrm run export` wrote.
///
/// Everything in the folder is checked against its hashes and against each other first; then all of it is stored or
/// nothing. Its scores are marked as claimed until the checkpoint is evaluated here. A run that is stored already stays as
/// it is, but scores that it did not have are added to it as claims.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm run import sudoku-run
  hrm eval --model sudoku-6x6 --dataset my-puzzles --queue      then measures a claimed score here")]
pub(crate) struct Import {
    /// The folder
    folder: PathBuf,
    /// The team that the run belongs to
    #[arg(long, value_name = "NAME", default_value = LOCAL)]
    team: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        let runs = session::with_database(&self.database, async |pool| {
            let newest = Slice::newest(self.limit);
            Ok(runs::list(pool, &Viewer::Everything, RunFilter::default(), &newest).await?.items)
        })?;
        let (state, step, exact) = ("state", "step", "exact");
        println!("{:36}  {state:9}  {step:>10}  {exact:>9}  name", "id");
        for run in runs {
            let exact = run.evaluation.map_or_else(|| "-".into(), |score| report::percent(score.exact_accuracy));
            let (state, step) = (run.state.as_str(), report::thousands(run.step));
            println!("{:36}  {state:9}  {step:>10}  {exact:>9}  {}", run.id, run.name);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    fn run(self) -> anyhow::Result<ExitCode> {
        let found = session::with_database(&self.database, async |pool| Ok(provenance::of_run(pool, self.id).await?))?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&found)?);
        } else {
            println!("{}", described(&found));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn described(run: &RunProvenance) -> String {
    let maybe = |text: Option<String>| text.unwrap_or_else(|| "not known".into());
    let mut lines = vec![
        ("run", format!("{} {}", run.name, run.run_id)),
        ("seed", run.seed.to_string()),
        ("settings", format!("sha256 {}", run.config_hash)),
        (
            "began with",
            run.experiment
                .start_from
                .as_ref()
                .map_or_else(|| "drawn weights".into(), |start| format!("the checkpoint sha256 {start}")),
        ),
        ("imported", run.imported_at.map_or_else(|| "no, trained here".into(), |at| format!("at {at}"))),
    ];
    if let Some(dataset) = &run.dataset {
        let name = dataset.name.clone().unwrap_or_else(|| "not stored here".into());
        lines.push(("dataset", format!("{name}, sha256 {}", dataset.content_hash)));
        lines.push(("test split", maybe(dataset.test_hash.as_ref().map(|hash| format!("sha256 {hash}")))));
    }
    for attempt in &run.attempts {
        lines.extend(of_attempt(attempt));
    }
    lines.push(("wall time", maybe(run.wall_seconds.map(report::duration))));
    lines.push(("active time", maybe(run.active_seconds.map(report::duration))));
    lines.push(("peak memory", maybe(run.peak_memory_bytes.map(|bytes| format!("{} MiB", bytes >> 20)))));
    if let Some(checkpoint) = &run.checkpoint {
        let size = report::thousands(checkpoint.size);
        lines.push(("checkpoint", format!("sha256 {}, {size} bytes", checkpoint.sha256)));
        lines.push(("chosen", maybe(checkpoint.choice.as_ref().map(|choice| report::choice(choice, checkpoint.step)))));
    }
    lines.extend(run.scores.iter().map(|score| ("score", of_score(score))));
    lines.iter().map(|(name, value)| format!("{name:12}  {value}")).collect::<Vec<_>>().join("\n")
}

fn of_attempt(attempt: &Attempt) -> Vec<(&'static str, String)> {
    let Attempt { attempt: number, from_step, begun_at, environment, .. } = attempt;
    let mut lines = vec![("attempt", format!("{number}, from step {} at {begun_at}", report::thousands(*from_step)))];
    let Some(here) = environment else { return lines };
    let code = &here.code;
    let commit = code.commit.clone().unwrap_or_else(|| "built outside a git checkout".into());
    let dirty = if code.dirty == Some(true) { ", with changes" } else { "" };
    lines.push(("  program", format!("hrm {} ({commit}{dirty}), {} for {}", code.version, code.compiler, code.target)));
    lines.push(("  machine", format!("{}, {}, {} threads, {}", here.host, here.device, here.threads, here.os)));
    lines.push(("  kernels", format!("{}; products {}", here.kernels.operations, here.kernels.products)));
    lines
}

fn of_score(score: &Score) -> String {
    let Score { evaluation, dataset, split, claimed, .. } = score;
    let name = dataset.name.clone().unwrap_or_else(|| format!("dataset {}", &dataset.content_hash[..8]));
    let word = if *claimed { "claimed, not measured here" } else { "measured here" };
    let protocol = report::protocol(&evaluation.protocol);
    let (exact, n) = (report::thousands(evaluation.exact), report::thousands(evaluation.n));
    let solved = evaluation.solved().map(|share| format!(", {} solved", report::percent(share))).unwrap_or_default();
    let of = evaluation.of.map(|all| format!(", the first of {}", report::thousands(all))).unwrap_or_default();
    format!(
        "{exact} of {n} exact{of} ({}){solved} on {name}, {}, {protocol}; {word}",
        report::percent(evaluation.exact_accuracy),
        split.as_str()
    )
}

impl Export {
    fn run(self) -> anyhow::Result<ExitCode> {
        checkpoint::check_place(&self.out, Output::Folder)?;
        session::with_database(&self.database, async |pool| Ok(run_folder::export(pool, self.id, &self.out).await?))?;
        println!("wrote {}", self.out.display());
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    fn run(self) -> anyhow::Result<ExitCode> {
        let folder = run_folder::read(&self.folder).context("nothing was stored")?;
        let imported = session::with_database(&self.database, async |pool| {
            let team = owning_team::named(pool, &self.team).await?;
            Ok(imported_runs::store(pool, team, &folder).await?)
        })?;
        let run = &folder.record.provenance;
        match imported {
            Imported::Stored => println!(
                "{}: run {} with {} points and {} claimed scores",
                run.name,
                run.run_id,
                report::thousands(folder.points.len() as u64),
                folder.scores.len()
            ),
            Imported::Known => println!(
                "{}: run {} is stored already; scores that it did not have are added to it as claims",
                run.name, run.run_id
            ),
        }
        Ok(ExitCode::SUCCESS)
    }
}
