//! `hrm data show`: everything that is known of a stored dataset.
#![expect(clippy::print_stdout, reason = "what is known is the command's output")]

use crate::cli::{owning_team, report, session};
use clap::Args;
use hrm_api::config::DatabaseConfig;
use hrm_types::{dataset::Dataset, job::LOCAL};
use std::process::ExitCode;

/// Show everything that is known of a stored dataset: counts, source, licence, seed, hashes, leaks.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm data show sudoku-extreme-1k")]
pub(crate) struct Show {
    /// The dataset, by name or id
    dataset: String,
    /// The team whose dataset a name means first
    #[arg(long, value_name = "NAME", default_value = LOCAL)]
    team: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Show {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let found = session::with_database(&self.database, async |pool| {
            owning_team::dataset(pool, &self.team, &self.dataset).await
        })?;
        println!("{}", described(&found)?);
        Ok(ExitCode::SUCCESS)
    }
}

fn described(set: &Dataset) -> anyhow::Result<String> {
    let known = |text: Option<String>| text.unwrap_or_else(|| "not known".into());
    let [train, validation, test] = [set.train_count, set.validation_count, set.test_count].map(report::thousands);
    let leaks = set.leaks.map(|leaks| {
        format!(
            "up to symmetry {} test and {} validation puzzles are trained on, {} test puzzles stand in the validation \
             split, {} test answers are training answers{}",
            report::thousands(leaks.test_in_train),
            report::thousands(leaks.validation_in_train),
            report::thousands(leaks.test_in_validation),
            report::thousands(leaks.test_answers_in_train),
            super::repeated(&leaks)
        )
    });
    let generated = set.generated.as_ref().map(serde_json::to_string).transpose()?;
    let lines = [
        ("dataset", format!("{} {}", set.name, set.id)),
        ("team", set.team.clone()),
        ("puzzles", format!("{train} to train on, {validation} to validate on, {test} to test on")),
        ("kind", format!("{} of side {}", set.kind, set.side)),
        ("source", set.origin.clone()),
        ("generator", generated.unwrap_or_else(|| "none".into())),
        ("seed", set.seed.map_or_else(|| "nothing was drawn".into(), |seed| seed.to_string())),
        ("licence", known(set.license.clone())),
        ("content", format!("sha256 {}", set.content_hash)),
        ("test split", known(set.test_hash.as_ref().map(|hash| format!("sha256 {hash}")))),
        ("leaks", known(leaks)),
        ("stored", set.created_at.to_string()),
    ];
    Ok(lines.iter().map(|(name, value)| format!("{name:10}  {value}")).collect::<Vec<_>>().join("\n"))
}
