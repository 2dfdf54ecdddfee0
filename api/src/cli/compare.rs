//! `hrm compare`: what differs between runs, and which puzzles one of two solves alone.
#![expect(clippy::print_stdout, reason = "the comparison is the command's output")]

use super::{report, session};
use anyhow::{Context, bail};
use clap::Args;
use hrm_api::{
    comparison,
    config::DatabaseConfig,
    store::{self, access::Viewer, comparisons},
};
use hrm_types::{
    comparison::{ComparedRun, Comparison, Difference, Part, PuzzleComparison, Solved},
    ids::RunId,
};
use std::process::ExitCode;

/// Say what differs between runs: settings, what they rest on, scores; of two also whose puzzles are solved by whom.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm compare 0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77 0199c2a4-9d02-7b31-a4c6-5f0e2d7b8a11
  hrm compare --json RUN_ID RUN_ID RUN_ID | jq .config")]
pub(crate) struct Compare {
    /// The runs' ids
    #[arg(required = true, num_args = 2.., value_name = "RUN_ID")]
    runs: Vec<RunId>,
    /// Print JSON: the comparison, and of two runs the puzzles' counts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Compare {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let twice = self.runs.iter().enumerate().find(|(i, run)| self.runs[..*i].contains(run));
        if let Some((_, run)) = twice {
            bail!("expected different runs, found {run} twice");
        }
        let (compared, solved) = session::with_database(&self.database, async |pool| {
            let compared = comparison::of_runs(pool, &Viewer::Everything, &self.runs).await?;
            let [first, second] = self.runs[..] else { return Ok((compared, None)) };
            let pair = (first, second);
            let solved = comparisons::puzzles(pool, &Viewer::Everything, pair, Part::OnlyFirst, None, 1).await;
            match solved {
                Err(store::Error::Conflict { .. }) => Ok((compared, None)),
                found => Ok((compared, Some(found?))),
            }
        })?;
        let solved = solved.map(|PuzzleComparison { solved, .. }| solved);
        if self.json {
            let mut whole = serde_json::to_value(&compared).context("writing JSON")?;
            whole["solved"] = serde_json::to_value(solved).context("writing JSON")?;
            println!("{whole:#}");
        } else {
            print!("{}", text(&compared, solved.as_ref()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn text(compared: &Comparison, solved: Option<&Solved>) -> String {
    let mut lines: Vec<String> = compared.runs.iter().map(run).collect();
    for (title, differences) in [("settings", &compared.config), ("provenance", &compared.provenance)] {
        lines.push(String::new());
        lines.push(if differences.is_empty() { format!("{title}: no difference") } else { format!("{title}:") });
        lines.extend(differences.iter().map(difference));
    }
    if let Some(solved) = solved {
        lines.push(String::new());
        lines.push(format!(
            "of {} puzzles {} are solved by both, {} by the first alone, {} by the second alone, {} by neither \
             (between equally good models a difference like this has p = {:.3})",
            solved.n, solved.both, solved.only_first, solved.only_second, solved.neither, solved.p_value
        ));
    }
    lines.join("\n") + "\n"
}

fn run(run: &ComparedRun) -> String {
    let score = run.evaluation.as_ref().map_or_else(
        || "no score".into(),
        |score| {
            let by_step: Vec<String> = score.exact_by_step.iter().map(|&share| report::percent(share)).collect();
            format!("exact {}; after each ACT step {}", report::percent(score.exact_accuracy), by_step.join(", "))
        },
    );
    let time = run.active_seconds.map(|seconds| format!(", trained {}", report::duration(seconds))).unwrap_or_default();
    format!("{}  {}  seed {}, {}{time}\n  {score}", run.id, run.name, run.seed, run.state.as_str())
}

fn difference(difference: &Difference) -> String {
    let values: Vec<String> = difference.values.iter().map(ToString::to_string).collect();
    format!("  {}: {}", difference.path, values.join("  |  "))
}
