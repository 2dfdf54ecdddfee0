//! `hrm data`: what puzzles are stored.
#![expect(clippy::print_stdout, reason = "what was stored is the command's output")]

mod export;
mod generate;
mod import;
mod info;
mod show;

use super::{report, session};
use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use hrm_api::store::access::Viewer;
use hrm_api::{
    config::DatabaseConfig,
    store::{
        Error, PgPool,
        datasets::{self, DatasetFilter, NewDataset},
        slices::Slice,
    },
};
use hrm_model::data::Dataset;
use hrm_types::{
    dataset::{self, LeakReport},
    experiment::DataSpec,
    name,
};
use std::{path::Path, process::ExitCode};

/// Import, generate, export, list and check puzzles.
#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    Import(import::Import),
    Generate(generate::Generate),
    List(List),
    Show(show::Show),
    Info(info::Info),
    Export(export::Export),
}

impl Data {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Import(import) => import.run(),
            Self::Generate(generate) => generate.run(),
            Self::List(list) => list.run(),
            Self::Show(show) => show.run(),
            Self::Info(info) => info.run(),
            Self::Export(export) => export.run(),
        }
    }
}

/// List the stored datasets, newest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm data list")]
pub(crate) struct List {
    #[command(flatten)]
    database: DatabaseConfig,
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        let stored = session::with_database(&self.database, async |pool| {
            let all = Slice::newest(u32::MAX);
            Ok(datasets::list(pool, &Viewer::Everything, DatasetFilter::default(), &all).await?.items)
        })?;
        let columns = ["kind", "side", "train", "validation", "test", "leaks"];
        let [kind, side, train, validation, test, leaks] = columns;
        println!(
            "{:36}  {kind:6}  {side:>4}  {train:>9}  {validation:>10}  {test:>9}  {leaks:>5}  {:32}  {:16}  origin",
            "id", "name", "team"
        );
        for set in stored {
            let [train, validation, test] =
                [set.train_count, set.validation_count, set.test_count].map(report::thousands);
            let leaks = set.leaks.map_or_else(|| "-".into(), |leaks| report::thousands(leaks.test_in_train));
            println!(
                "{:36}  {:6}  {:>4}  {train:>9}  {validation:>10}  {test:>9}  {leaks:>5}  {:32}  {:16}  {}",
                set.id, set.kind, set.side, set.name, set.team, set.origin
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Stores imported puzzles under a name that is free, or finds them where they are stored already; `advice` is what helps
/// where the name is not free.
pub(crate) async fn store(
    pool: &PgPool,
    new: NewDataset<'_>,
    puzzles: &Dataset,
    advice: &'static str,
) -> anyhow::Result<dataset::Dataset> {
    let name = new.name;
    match datasets::find_or_create(pool, new, puzzles).await {
        Err(Error::Conflict { constraint, .. }) if constraint == "datasets_name_key" => {
            bail!("a dataset named {name:?} is stored already; {advice}")
        }
        other => Ok(other?),
    }
}

/// A name for the dataset that files make, and what it is made from; nothing for puzzles that come from elsewhere.
pub(crate) fn name_of_files(spec: &DataSpec) -> Option<(String, String)> {
    match spec {
        DataSpec::Csv(spec) => {
            let rows = spec.train_rows.map(|rows| format!("-{rows}")).unwrap_or_default();
            let base: String = name_of(Path::new(&spec.train)).chars().take(name::LONGEST - rows.len()).collect();
            Some((base + &rows, spec.train.clone()))
        }
        DataSpec::Arc(spec) => {
            let names: Vec<String> = spec.paths.iter().map(|path| name_of(Path::new(path))).collect();
            Some((names.join("-").chars().take(name::LONGEST).collect(), spec.paths.join(", ")))
        }
        DataSpec::Generate(_) | DataSpec::Folder(_) | DataSpec::Stored { .. } => None,
    }
}

/// The seed that rows or tasks of files are drawn with, if any are.
pub(crate) fn seed_of_files(spec: &DataSpec) -> Option<u64> {
    match spec {
        DataSpec::Csv(spec) => (spec.train_rows.is_some() || spec.validation_rows > 0).then_some(spec.subsample_seed),
        DataSpec::Arc(spec) => (spec.validation_tasks > 0).then_some(spec.seed),
        DataSpec::Generate(_) | DataSpec::Folder(_) | DataSpec::Stored { .. } => None,
    }
}

/// The file's name without its endings, as far as it may be a dataset's name.
fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = [".gz", ".csv", ".tar", ".tgz"].into_iter().fold(&*name, |name, ending| name.trim_end_matches(ending));
    stem.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(name::LONGEST)
        .collect()
}

pub(crate) fn check_name(name: &str) -> anyhow::Result<()> {
    name::check(name).map_err(|problem| anyhow!("the dataset's name: {problem}"))
}

/// Tells what is stored.
///
/// # Errors
/// When the puzzles were stored already under another name than the one asked for.
fn print_stored(stored: &dataset::Dataset, asked: Option<&str>) -> anyhow::Result<()> {
    if let Some(other) = asked.filter(|asked| *asked != stored.name) {
        bail!(
            "exactly these puzzles are stored already, as {}: use that name, since nothing is stored as {other}",
            stored.name
        );
    }
    println!(
        "{}: {} training, {} validation and {} test puzzles, {} of side {}, id {}",
        stored.name,
        report::thousands(stored.train_count),
        report::thousands(stored.validation_count),
        report::thousands(stored.test_count),
        stored.kind,
        stored.side,
        stored.id
    );
    if let Some(leaks) = &stored.leaks {
        println!(
            "up to symmetry, {} test and {} validation puzzles are trained on, {} test puzzles stand in the validation \
             split; the answers of {} test puzzles are also answers of training puzzles{}",
            report::thousands(leaks.test_in_train),
            report::thousands(leaks.validation_in_train),
            report::thousands(leaks.test_in_validation),
            report::thousands(leaks.test_answers_in_train),
            repeated(leaks)
        );
    }
    Ok(())
}

/// How many puzzles repeat another of their split, where that was counted.
fn repeated(leaks: &LeakReport) -> String {
    let (Some(train), Some(test)) = (leaks.train_repeated, leaks.test_repeated) else { return String::new() };
    let [train, test] = [train, test].map(report::thousands);
    format!("; {train} training and {test} test puzzles repeat another of their split")
}
