//! The puzzles a command works on: generated, from files, or stored.

use super::{interrupt::Interrupted, owning_team, session};
use anyhow::{Context, ensure};
use hrm_api::{config::DatabaseConfig, queue::StopSignal, store::puzzles};
use hrm_model::data::{self, Corpus, DataError, Dataset};
use hrm_types::{
    dataset::LeakReport,
    experiment::{DataSpec, Experiment, GenerateSpec},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{fs, ops::ControlFlow, path::Path};

/// Reads an experiment's file and checks it.
pub(crate) fn read_experiment(file: &Path) -> anyhow::Result<Experiment> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let experiment: Experiment = toml::from_str(&text).with_context(|| file.display().to_string())?;
    experiment.validate().with_context(|| file.display().to_string())?;
    Ok(experiment)
}

/// Where stored datasets are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub(crate) database: &'a DatabaseConfig,
    /// The team whose datasets a name means first.
    pub(crate) team: &'a str,
}

/// All puzzles that `spec` stands for.
pub(crate) fn load(spec: &DataSpec, shelf: Shelf<'_>, stop: &StopSignal) -> anyhow::Result<Dataset> {
    match spec {
        DataSpec::Generate(spec) => generate(spec, stop),
        DataSpec::Csv(spec) => Ok(data::load_csv(spec)?),
        DataSpec::Arc(spec) => Ok(data::load_arc(spec)?),
        DataSpec::Folder(spec) => Ok(data::load_folder(Path::new(&spec.path))?.1),
        DataSpec::Stored { dataset } => stored(dataset, shelf),
    }
}

/// What an experiment trains on, and the puzzles it stands for.
pub(crate) fn load_to_train(
    experiment: &Experiment,
    shelf: Shelf<'_>,
    stop: &StopSignal,
) -> anyhow::Result<(Corpus, Dataset)> {
    if let DataSpec::Folder(spec) = &experiment.data {
        return Ok(data::load_folder(Path::new(&spec.path))?);
    }
    let puzzles = load(&experiment.data, shelf, stop)?;
    Ok((Corpus::of_dataset(&puzzles, experiment), puzzles))
}

/// Generates puzzles behind a progress bar.
pub(crate) fn generate(spec: &GenerateSpec, stop: &StopSignal) -> anyhow::Result<Dataset> {
    let bar = bar("generating {bar:30} {pos}/{len} puzzles, {eta} left");
    let generated = data::generate(spec, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        stop.flow()
    });
    bar.finish_and_clear();
    interruptible(generated)
}

/// Looks for leaks behind a progress bar.
pub(crate) fn leaks(puzzles: &Dataset, stop: &StopSignal) -> anyhow::Result<LeakReport> {
    looked(stop, |on_progress| data::leak_report(puzzles, on_progress))
}

/// Counts the test puzzles of which an equivalent one is in the training split, behind a progress bar.
pub(crate) fn tested_in_training(puzzles: &Dataset, stop: &StopSignal) -> anyhow::Result<u32> {
    looked(stop, |on_progress| {
        data::tested_in_training((puzzles.kind, puzzles.side), &puzzles.test, &puzzles.train, on_progress)
    })
}

fn looked<T>(
    stop: &StopSignal,
    look: impl FnOnce(&mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> Result<T, DataError>,
) -> anyhow::Result<T> {
    let bar = bar("looking for leaks {bar:30} {pos}/{len} puzzles, {eta} left");
    let found = look(&mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        stop.flow()
    });
    bar.finish_and_clear();
    interruptible(found)
}

fn interruptible<T>(result: Result<T, DataError>) -> anyhow::Result<T> {
    match result {
        Err(DataError::Cancelled) => Err(Interrupted.into()),
        other => Ok(other?),
    }
}

fn stored(name_or_id: &str, shelf: Shelf<'_>) -> anyhow::Result<Dataset> {
    let loaded = session::with_database(shelf.database, async |pool| {
        let dataset = owning_team::dataset(pool, shelf.team, name_or_id).await?;
        Ok(puzzles::load_dataset(pool, &dataset).await?)
    });
    loaded.context("see `hrm data list` for what is stored")
}

/// A progress bar on standard error; it does not show where that is no terminal.
pub(crate) fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style.progress_chars("=> "))
}

/// Splits the last rows off as test puzzles: so many, or a tenth and at most 1,000.
///
/// # Errors
/// When a row would not be left for either.
pub(crate) fn split_off_test(
    mut rows: Vec<data::Puzzle>,
    test_rows: Option<u32>,
) -> anyhow::Result<(Vec<data::Puzzle>, Vec<data::Puzzle>)> {
    let count = rows.len();
    let wanted = test_rows.map_or_else(|| (count / 10).clamp(1, 1_000), |rows| rows as usize);
    ensure!(
        count >= 2,
        "expected at least two rows, the last for the test split, found {count}: add some, or name a file of test rows \
         with --test"
    );
    ensure!(
        (1..count).contains(&wanted),
        "expected 1 to {} rows for the test split, found a wish for {wanted}",
        count - 1
    );
    let test = rows.split_off(count - wanted);
    Ok((rows, test))
}
