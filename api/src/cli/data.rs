//! `hrm data`: what puzzles are stored.
#![expect(clippy::print_stdout, reason = "what was stored is the command's output")]

use super::{interrupt, puzzles, queue::Enqueue, report, session};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use hrm_api::{
    config::DatabaseConfig,
    store::{
        Error, PgPool,
        datasets::{self, NewDataset},
        generation_jobs,
    },
};
use hrm_model::data::{self, Dataset};
use hrm_types::{
    dataset,
    experiment::{CsvSpec, GenerateSpec},
    job::GenerationSpec,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Import, generate and list puzzles.
#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    Import(Import),
    Generate(Generate),
    List(List),
}

impl Data {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Import(import) => import.run(),
            Self::Generate(generate) => generate.run(),
            Self::List(list) => list.run(),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Sudoku,
}

/// Store the puzzles of a CSV file with the columns source,question,answer,rating; plain or .gz.
///
/// Every row is checked: length, characters, givens kept, and the answer a valid solution.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm data import sudoku train.csv.gz --test test.csv.gz --name extreme
  hrm data import sudoku puzzles.csv --test-rows 500     its last 500 rows become the test split")]
pub(crate) struct Import {
    /// Kind of the puzzles
    kind: Kind,
    /// The file; its rows are the training split
    file: PathBuf,
    /// The dataset's name [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// A second file, whose rows are the test split; without one the last rows of the first file are
    /// [default: the last 1,000 rows, or a tenth if that is less]
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    test: Option<PathBuf>,
    /// Number of test rows: the first of --test, else the last of the file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    test_rows: Option<u32>,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Import {
    fn run(self) -> anyhow::Result<ExitCode> {
        let Kind::Sudoku = self.kind;
        let puzzles = self.read()?;
        let name = self.name.clone().unwrap_or_else(|| name_of(&self.file));
        let origin = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stored = session::with_database(&self.database, async |pool| store(pool, &name, &origin, &puzzles).await)?;
        print_stored(&stored, &name);
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self) -> anyhow::Result<Dataset> {
        let rows = data::read_csv_file(&self.file)?;
        let side = rows[0].question.side();
        let Some(file) = &self.test else {
            let (train, test) = puzzles::split_off_test(rows, self.test_rows)?;
            println!("the last {} rows become the test split", report::thousands(test.len() as u64));
            return Ok(Dataset { side, train, test });
        };
        let mut test = data::read_csv_file(file)?;
        let test_side = test[0].question.side();
        if side != test_side {
            bail!(
                "expected puzzles of side {side} in {}, as in the other file; found side {test_side}",
                file.display()
            );
        }
        test.truncate(self.test_rows.map_or(usize::MAX, |rows| rows as usize));
        Ok(Dataset { side, train: rows, test })
    }
}

/// Generate and store Sudoku puzzles with exactly one solution each.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm data generate --side 6 --train 20000 --test 1000 --givens 8 16 --seed 1 --name small")]
pub(crate) struct Generate {
    /// Side of the grids: 4, 6 or 9
    #[arg(long)]
    side: u8,
    /// Number of training puzzles
    #[arg(long, value_name = "N")]
    train: u32,
    /// Number of test puzzles; none is equal to a training puzzle
    #[arg(long, value_name = "N")]
    test: u32,
    /// Fewest and most givens
    #[arg(long, num_args = 2, value_names = ["FEWEST", "MOST"])]
    givens: Vec<u8>,
    /// Seed of the puzzles: the same always gives the same
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The dataset's name [default: the side and the start of the content's hash]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    queue: Enqueue,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Generate {
    fn run(self) -> anyhow::Result<ExitCode> {
        let Ok(givens) = <[u8; 2]>::try_from(self.givens) else { bail!("expected two numbers after --givens") };
        let spec = GenerateSpec { side: self.side, train: self.train, test: self.test, givens, seed: self.seed };
        if self.queue.queue {
            return enqueue(&self.queue, self.name, spec, &self.database);
        }
        let puzzles = puzzles::generate(&spec, &interrupt::stop_signal()?)?;
        let name = self.name.unwrap_or_else(|| datasets::generated_name(&puzzles));
        check_name(&name)?;
        let new = NewDataset { name: &name, origin: datasets::GENERATED, generated: Some(&spec) };
        let stored = session::with_database(&self.database, async |pool| {
            Ok(datasets::find_or_create(pool, new, &puzzles).await?)
        })?;
        print_stored(&stored, &name);
        Ok(ExitCode::SUCCESS)
    }
}

fn enqueue(
    queue: &Enqueue,
    name: Option<String>,
    generate: GenerateSpec,
    database: &DatabaseConfig,
) -> anyhow::Result<ExitCode> {
    generate.validate()?;
    let Some(name) = name else { bail!("a queued dataset needs a name: expected --name") };
    check_name(&name)?;
    let (spec, terms) = (GenerationSpec { name, generate }, queue.terms()?);
    let job = session::with_database(database, async |pool| Ok(generation_jobs::create(pool, &spec, terms).await?))?;
    println!("queued {} as job {}", job.name, job.id);
    Ok(ExitCode::SUCCESS)
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
            let mut all = Vec::new();
            loop {
                let page = datasets::list(pool, all.last().map(|last: &dataset::Dataset| last.id), 100).await?;
                all.extend(page.items);
                if page.next_cursor.is_none() {
                    return Ok(all);
                }
            }
        })?;
        println!("{:36}  {:>4}  {:>9}  {:>9}  {:32}  origin", "id", "side", "train", "test", "name");
        for set in stored {
            let (train, test) = (report::thousands(set.train_count), report::thousands(set.test_count));
            println!("{:36}  {:>4}  {train:>9}  {test:>9}  {:32}  {}", set.id, set.side, set.name, set.origin);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Stores imported puzzles under a name that is free, or finds them where they are stored already.
pub(crate) async fn store(
    pool: &PgPool,
    name: &str,
    origin: &str,
    puzzles: &Dataset,
) -> anyhow::Result<dataset::Dataset> {
    check_name(name)?;
    let new = NewDataset { name, origin, generated: None };
    match datasets::find_or_create(pool, new, puzzles).await {
        Err(error @ Error::Conflict { .. }) => Err(error).context("choose another name with --name"),
        other => Ok(other?),
    }
}

/// A name for the dataset that a pair of files makes.
pub(crate) fn name_of_files(spec: &CsvSpec) -> String {
    let rows = spec.train_rows.map(|rows| format!("-{rows}")).unwrap_or_default();
    format!("{}{rows}", name_of(Path::new(&spec.train)))
}

/// The file's name without its endings, as far as it may be a dataset's name.
fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.trim_end_matches(".gz").trim_end_matches(".csv");
    stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).take(64).collect()
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    bail!("expected a name of 1 to 64 letters, digits, '-', '_' or '.', found {name:?}")
}

fn print_stored(stored: &dataset::Dataset, wanted: &str) {
    if stored.name != wanted {
        println!("exactly these puzzles are stored already, as {}", stored.name);
    }
    println!(
        "{}: {} training and {} test puzzles of side {}, id {}",
        stored.name,
        report::thousands(stored.train_count),
        report::thousands(stored.test_count),
        stored.side,
        stored.id
    );
}
