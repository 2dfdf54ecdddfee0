//! `hrm leaderboard`: scores on a dataset, and what others have published.
#![expect(clippy::print_stdout, reason = "the scores are the command's output")]

use super::{report, session};
use clap::Args;
use hrm_api::{
    config::DatabaseConfig,
    published,
    store::{access::Viewer, datasets, evaluations},
};
use hrm_types::{
    dataset::Dataset,
    evaluation::{LeaderboardRow, SeedGroup},
    published::{Metric, PublishedScore},
};
use std::process::ExitCode;

/// List the scores on a dataset's test split, best first, and below them what others have published.
///
/// Measured scores have a rank. Claimed ones came with imported runs and were not measured here. Published ones are the
/// claims of papers and repositories: with a dataset those on its kind and side, without one all of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm leaderboard maze-hard
  hrm leaderboard                 published scores alone")]
pub(crate) struct Leaderboard {
    /// The dataset, by name or id
    dataset: Option<String>,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Leaderboard {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let published = published::scores()?;
        if let Some(wanted) = &self.dataset {
            let (dataset, rows, seeds) = session::with_database(&self.database, async |pool| {
                let dataset = datasets::find(pool, &Viewer::Everything, wanted).await?;
                let mut rows: Vec<LeaderboardRow> = Vec::new();
                loop {
                    let after = rows.last().map(|row| row.evaluation_id);
                    let page = evaluations::leaderboard(pool, &Viewer::Everything, dataset.id, after, 100).await?;
                    rows.extend(page.items);
                    if page.next_cursor.is_none() {
                        let seeds = evaluations::over_seeds(pool, &Viewer::Everything, dataset.id).await?;
                        return Ok((dataset, rows, seeds));
                    }
                }
            })?;
            print_measured(&dataset, &rows);
            print_means(&seeds);
            let published = published::beside(&dataset)?;
            let same = published.same_test_split;
            let (comparable, others): (Vec<_>, Vec<_>) =
                published.items.into_iter().partition(|row| Some(row.benchmark) == same);
            print_published(&format!("published on this very test split (table {})", published.version), &comparable);
            print_published(
                &format!("published on other test splits (table {}): not to be compared", published.version),
                &others,
            );
            return Ok(ExitCode::SUCCESS);
        }
        print_published(&format!("published (table {})", published.version), &published.items);
        Ok(ExitCode::SUCCESS)
    }
}

fn print_measured(dataset: &Dataset, rows: &[LeaderboardRow]) {
    println!("{}: {} test puzzles, {}", dataset.name, report::thousands(dataset.test_count), dataset.content_hash);
    for row in rows {
        let score = &row.evaluation;
        let [low, high] = score.exact_interval.map(report::percent);
        let rank = if row.claimed { "claimed".into() } else { row.rank.to_string() };
        println!(
            "{rank:>8}  {:>9} ({low} to {high})  {}, {}; {}",
            report::percent(score.exact_accuracy),
            row.model,
            report::protocol(&score.protocol),
            row.choice.as_ref().map_or_else(|| "choice not known".into(), |choice| report::choice(choice, row.step)),
        );
    }
    println!();
}

fn print_means(groups: &[SeedGroup]) {
    for group in groups {
        let (mean, half) = (report::percent(group.mean), report::percent(group.half_width));
        let seeds: Vec<String> = group.seeds.iter().map(ToString::to_string).collect();
        let protocol = report::protocol(&group.protocol);
        println!("{mean} ± {half} (95 %, Student's t)  {} over the seeds {}, {protocol}", group.name, seeds.join(", "));
    }
    if !groups.is_empty() {
        println!();
    }
}

fn print_published(title: &str, rows: &[PublishedScore]) {
    if rows.is_empty() {
        return;
    }
    println!("{title}, claims that were not measured here:");
    for row in rows {
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
}
