//! `hrm leaderboard`: scores by test set and protocol, and what others have published.
#![expect(clippy::print_stdout, reason = "the scores are the command's output")]

use super::{report, session};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use hrm_api::{
    config::DatabaseConfig,
    leaderboard::{self, Order},
    published,
    store::{self, PgPool, access::Viewer, datasets, leaderboards},
};
use hrm_types::{
    evaluation::Protocol,
    leaderboard::{Board, BoardRow, BoardTask, Leaderboard as Built},
    published::{Metric, PublishedScore},
};
use std::process::ExitCode;

/// Show leaderboards: a row is a configuration with all its seeds.
///
/// Rows measured here have a rank: one more than the number of those whose whole intervals are better. Claimed ones came with imported runs and
/// published ones are the figures of papers: neither was measured here.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm leaderboard                                        which there are
  hrm leaderboard maze-hard                              those on a dataset's test puzzles
  hrm leaderboard 3f2a9c0d1e4b5a69 --order parameters,-mean
  hrm leaderboard 3f2a9c0d1e4b5a69 --format csv > scores.csv
  hrm leaderboard --published                            every published score, with its source")]
pub(crate) struct Leaderboard {
    /// A leaderboard's id, or a dataset by name or id
    which: Option<String>,
    /// Keys of columns, separated by commas, - before one to put the highest first
    #[arg(long, value_name = "KEYS", requires = "which", conflicts_with = "published", allow_hyphen_values = true)]
    order: Option<String>,
    /// How they are written
    #[arg(long, value_enum, default_value_t = Format::Table, requires = "which", conflicts_with = "published")]
    format: Format,
    /// List every published score instead
    #[arg(long, conflicts_with = "which")]
    published: bool,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The most important columns, for people
    Table,
    /// Every declared column
    Csv,
    /// Everything
    Json,
}

impl Leaderboard {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.published {
            let table = published::scores()?;
            println!("table {}: claims that were not measured here", table.version);
            for row in &table.items {
                print_published(row);
            }
            return Ok(ExitCode::SUCCESS);
        }
        let order = self.order.as_deref().map(Order::parse).transpose()?.unwrap_or_default();
        let Some(which) = self.which else {
            let boards = session::with_database(&self.database, async |pool| boards(pool, None).await)?;
            for Board { id, task, protocol, scores } in &boards {
                println!("{}; {scores} score{}", title(id, task, protocol), if *scores == 1 { "" } else { "s" });
            }
            if boards.is_empty() {
                eprintln!("no scores yet: runs bring them, and `hrm eval --model NAME --dataset NAME --queue`");
            }
            return Ok(ExitCode::SUCCESS);
        };
        let found = session::with_database(&self.database, async |pool| {
            let mut found = Vec::new();
            for board in named(pool, &which).await? {
                let scores = leaderboards::scores(pool, &Viewer::Everything, &board).await?;
                found.push(leaderboard::build(board, scores, &order));
            }
            Ok(found)
        })?;
        if found.is_empty() {
            eprintln!("no scores yet on the test puzzles of {which}");
        }
        match (self.format, &found[..]) {
            (Format::Table, found) => found.iter().for_each(|built| print!("{}", table(built))),
            (_, [_, _, ..]) => {
                bail!("expected one protocol's scores, found several: name one of the ids that `hrm leaderboard` lists")
            }
            (Format::Csv, found) => found.iter().for_each(|built| print!("{}", leaderboard::csv(built))),
            (Format::Json, found) => {
                for built in found {
                    println!("{}", serde_json::to_string_pretty(built).context("writing JSON")?);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Every leaderboard, or those on one set of test puzzles.
async fn boards(pool: &PgPool, test_hash: Option<&str>) -> anyhow::Result<Vec<Board>> {
    Ok(leaderboards::list(pool, &Viewer::Everything, test_hash, None, u32::MAX - 1).await?.items)
}

/// The leaderboard with this id, or those on the dataset with this id or name.
async fn named(pool: &PgPool, which: &str) -> anyhow::Result<Vec<Board>> {
    match leaderboards::get(pool, &Viewer::Everything, which).await {
        Err(store::Error::NotFound { .. }) => {}
        found => return Ok(vec![found?]),
    }
    let dataset = datasets::find(pool, &Viewer::Everything, which).await;
    let dataset = dataset.with_context(|| format!("{which} is no id of a leaderboard"))?;
    boards(pool, Some(&dataset.test_hash.unwrap_or(dataset.content_hash))).await
}

/// What a leaderboard is about.
fn title(id: &str, task: &BoardTask, protocol: &Protocol) -> String {
    let sets = if task.datasets.is_empty() { "no stored dataset".to_owned() } else { task.datasets.join(", ") };
    let part = protocol.limit.map(|limit| format!(", the first {} puzzles", report::thousands(limit)));
    let (kind, side, part) = (&task.kind, task.side, part.unwrap_or_default());
    format!("{id}  {kind} {side}×{side}  {sets}; {}{part}", report::protocol(protocol))
}

fn table(built: &Built) -> String {
    let mut lines = vec![title(&built.id, &built.task, &built.protocol)];
    if let Some(reference) = &built.reference {
        let (figure, tolerance) = (report::percent(reference.score), 100.0 * reference.tolerance);
        lines.push(format!("compared with {} at {figure} ± {tolerance:.1} ({})", reference.system, reference.source));
    }
    let [rank, seeds, best, weights, paper] = ["rank", "seeds", "best", "weights", "paper"];
    let metric = &built.metric;
    lines.push(format!("{rank:>5}  {metric:>24}  {seeds:>5}  {best:>8}  {weights:>10}  {paper:>6}"));
    lines.extend(built.rows.iter().map(table_row));
    lines.join("\n") + "\n"
}

fn table_row(row: &BoardRow) -> String {
    let nothing = || "–".to_owned();
    let rank = match row.rank {
        Some(rank) => format!("{rank}{}", if row.tied { "=" } else { " " }),
        None => nothing(),
    };
    let interval = row.interval.map(|[low, high]| format!(" ({:.1}–{:.1})", 100.0 * low, 100.0 * high));
    let mean = report::percent(row.mean) + &interval.unwrap_or_default();
    let seeds = if row.n == 0 { nothing() } else { row.n.to_string() };
    let best = report::percent(row.best);
    let weights = row.parameters.map_or_else(nothing, report::thousands);
    let paper = row.difference.map_or_else(nothing, |difference| format!("{:+.1}", 100.0 * difference));
    let standing = match (&row.source, row.verified, row.reproduced) {
        (Some(source), ..) => format!(" (published, {source})"),
        (None, false, _) => " (claimed)".into(),
        (None, true, Some(true)) => " (reproduced)".into(),
        (None, true, _) => String::new(),
    };
    let claimed = if row.train_claimed { " (as its file says)" } else { "" };
    let trained = row.train_set.as_ref().map(|set| format!(", trained on {set}{claimed}")).unwrap_or_default();
    let seen = row
        .in_training
        .filter(|&count| count > 0)
        .map(|count| format!(", {} of the test puzzles among it", report::thousands(count)));
    let seen = seen.unwrap_or_default();
    let further = if row.start_from.is_some() { " further than another model" } else { "" };
    let name = &row.name;
    format!(
        "{rank:>5}  {mean:>24}  {seeds:>5}  {best:>8}  {weights:>10}  {paper:>6}  {name}{trained}{seen}{further}{standing}"
    )
}

fn print_published(row: &PublishedScore) {
    let metric = match row.metric {
        Metric::Exact => "exact",
        Metric::AnyOptimal => "any optimal",
        Metric::Pass1 => "pass@1",
        Metric::Pass2 => "pass@2",
        Metric::NotStated => "metric not stated",
    };
    let (benchmark, hand) = (row.benchmark.as_str(), if row.first_hand { "" } else { ", quoted second-hand" });
    println!("{benchmark:15} {:>7.2} % {metric:12} {}: {}{hand}", row.percent, row.system, row.source);
    println!("{:15} {}. {}", "", row.protocol, row.watch.as_deref().unwrap_or_default());
}
