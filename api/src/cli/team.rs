//! `hrm team`: who owns things together.
#![expect(clippy::print_stdout, reason = "teams are the command's output")]

use super::{owning_team, session};
use clap::{Args, Subcommand};
use hrm_api::{
    config::DatabaseConfig,
    store::{PgPool, access::Viewer, slices::Slice, teams, users},
};
use hrm_types::{account, name::check_owner};
use std::process::ExitCode;

/// List, rename and delete teams, and take members out.
///
/// A team is made with its first user: `hrm user add`, `hrm user invite` and `hrm user change` take --team.
#[derive(Debug, Subcommand)]
pub(crate) enum Team {
    List(List),
    Rename(Rename),
    Delete(Delete),
    Leave(Leave),
}

impl Team {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(),
            Self::Rename(rename) => rename.run(),
            Self::Delete(delete) => delete.run(),
            Self::Leave(leave) => leave.run(),
        }
    }
}

/// List the teams with their members, newest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm team list")]
pub(crate) struct List {
    #[command(flatten)]
    database: DatabaseConfig,
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        println!("{:32}  members", "name");
        for (team, members) in session::with_database(&self.database, async |pool| with_members(pool).await)? {
            println!("{:32}  {}", team.name, members.join(", "));
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn with_members(pool: &PgPool) -> anyhow::Result<Vec<(account::Team, Vec<String>)>> {
    let mut all = Vec::new();
    for team in teams::list(pool, &Viewer::Everything, &Slice::newest(u32::MAX)).await?.items {
        let members = teams::members(pool, team.id, &Slice::ordered("name", false, u32::MAX)).await?.items;
        all.push((team, members.into_iter().map(|member| member.name).collect()));
    }
    Ok(all)
}

/// Give a team another name. What it owns stays its own.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm team rename puzzlers solvers")]
pub(crate) struct Rename {
    /// The team's name
    team: String,
    /// 1 to 64 letters, digits, '-', '_', '.' or '@'
    name: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Rename {
    fn run(self) -> anyhow::Result<ExitCode> {
        check_owner(&self.name).map_err(|problem| anyhow::anyhow!("NAME: {problem}"))?;
        session::with_database(&self.database, async |pool| {
            let team = owning_team::named(pool, &self.team).await?;
            Ok(teams::rename(pool, team, &self.name).await?)
        })?;
        println!("{} is called {}", self.team, self.name);
        Ok(ExitCode::SUCCESS)
    }
}

/// Delete a team that owns nothing. Its members stay users.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm team delete puzzlers")]
pub(crate) struct Delete {
    /// The team's name
    team: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Delete {
    fn run(self) -> anyhow::Result<ExitCode> {
        session::with_database(&self.database, async |pool| {
            let team = owning_team::named(pool, &self.team).await?;
            Ok(teams::delete(pool, team).await?)
        })?;
        println!("the team {} is deleted", self.team);
        Ok(ExitCode::SUCCESS)
    }
}

/// Take a member out of a team. What the member has made stays with the team.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm team leave puzzlers bob")]
pub(crate) struct Leave {
    /// The team's name
    team: String,
    /// The user's name
    user: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Leave {
    fn run(self) -> anyhow::Result<ExitCode> {
        session::with_database(&self.database, async |pool| {
            let team = owning_team::named(pool, &self.team).await?;
            let user = users::find(pool, &self.user).await?;
            Ok(teams::remove_member(pool, team, user.id).await?)
        })?;
        println!("{} is no member of {}", self.user, self.team);
        Ok(ExitCode::SUCCESS)
    }
}
