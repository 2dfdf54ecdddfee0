//! `hrm user`: who has an account.
#![expect(clippy::print_stdout, reason = "accounts and invitations are the command's output")]

mod password;

use super::session;
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use hrm_api::{
    accounts::{INVITATION, Secret, check_password, hash_password},
    config::DatabaseConfig,
    store::{
        Error, PgPool,
        invitations::{self, NewInvitation},
        slices::Slice,
        teams,
        users::{self, UserFilter},
    },
};
use hrm_types::{
    account::{ChangeUser, Role, Team},
    name::{check_owner, check_user},
};
use std::process::ExitCode;

/// Make, invite, list and change users.
///
/// As soon as there is one, everybody signs in: browsers at /login, programs with a token.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    Add(Add),
    Invite(Invite),
    Uninvite(Uninvite),
    List(List),
    Password(Password),
    Change(Change),
}

impl User {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run(),
            Self::Invite(invite) => invite.run(),
            Self::Uninvite(uninvite) => uninvite.run(),
            Self::List(list) => list.run(),
            Self::Password(password) => password.run(),
            Self::Change(change) => change.run(),
        }
    }
}

/// A role, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Reads and solves
    Viewer,
    /// Makes and changes, too
    Member,
    /// Everything, accounts included
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Member => Self::Member,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// Whose name, what role, which team.
#[derive(Debug, Args)]
struct NewUser {
    /// 1 to 64 letters, digits, '-', '_', '.' or '@'
    name: String,
    /// What the user may do [default: member, of the first user admin]
    #[arg(long)]
    role: Option<RoleName>,
    /// The team, made if there is none of that name; what was stored before there were accounts belongs to `local`
    #[arg(long, default_value = "local")]
    team: String,
}

impl NewUser {
    fn check(&self) -> anyhow::Result<()> {
        check_user(&self.name).map_err(|problem| anyhow::anyhow!("NAME: {problem}"))?;
        check_owner(&self.team).map_err(|problem| anyhow::anyhow!("--team: {problem}"))
    }

    /// The role; somebody must be able to manage the others.
    async fn role(&self, pool: &PgPool) -> anyhow::Result<Role> {
        match (self.role, users::exist(pool).await?) {
            (None, false) => Ok(Role::Admin),
            (Some(role), false) if role != RoleName::Admin => bail!("expected --role admin for the first user"),
            (role, _) => Ok(role.map_or(Role::Member, Role::from)),
        }
    }

    async fn team(&self, pool: &PgPool) -> anyhow::Result<Team> {
        match teams::named(pool, &self.team).await {
            Err(Error::NotFound { .. }) => Ok(teams::create(pool, &self.team).await?),
            other => Ok(other?),
        }
    }
}

/// Make a user. The password is asked for, or read from the first line of standard input if that is no terminal.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm user add ann                       the first user is an admin
  hrm user add bob --role viewer --team puzzlers
  hrm user add ann < password.txt")]
pub(crate) struct Add {
    #[command(flatten)]
    new: NewUser,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Add {
    fn run(self) -> anyhow::Result<ExitCode> {
        self.new.check()?;
        let hash = asked_for(&self.new.name)?;
        let role = session::with_database(&self.database, async |pool| {
            if users::find(pool, &self.new.name).await.is_ok() {
                bail!("expected a new name, found that of a user: {}", self.new.name);
            }
            let (role, team) = (self.new.role(pool).await?, self.new.team(pool).await?);
            users::add(pool, &self.new.name, role, team.id, &hash).await?;
            Ok(role)
        })?;
        println!("{} is {} of {}", self.new.name, role.as_str(), self.new.team);
        Ok(ExitCode::SUCCESS)
    }
}

/// Invite somebody, who then chooses a password. Prints the address for it, once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm user invite bob --team puzzlers --url https://hrm.example.org")]
pub(crate) struct Invite {
    #[command(flatten)]
    new: NewUser,
    /// Where browsers find the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Invite {
    fn run(self) -> anyhow::Result<ExitCode> {
        self.new.check()?;
        let place = self.url.strip_prefix("http://").or_else(|| self.url.strip_prefix("https://")).unwrap_or_default();
        ensure!(
            place.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
                && !place.contains(['?', '#', ' ']),
            "--url: expected http://HOST or https://HOST, found {:?}",
            self.url
        );
        let code = Secret::new()?;
        let invitation = session::with_database(&self.database, async |pool| {
            let (role, team) = (self.new.role(pool).await?, self.new.team(pool).await?);
            let new = NewInvitation { name: &self.new.name, role, team: team.id, length: INVITATION };
            Ok(invitations::create(pool, &code.hash(), new).await?)
        })?;
        let (name, role, team) = (&invitation.name, invitation.role.as_str(), &invitation.team);
        println!("{}/invite?code={}", self.url.trim_end_matches('/'), code.reveal());
        eprintln!("whoever opens it within a week becomes {name}, {role} of {team}");
        Ok(ExitCode::SUCCESS)
    }
}

/// Take an invitation back that nobody has accepted yet.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm user uninvite bob")]
pub(crate) struct Uninvite {
    /// The name that was invited
    name: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Uninvite {
    fn run(self) -> anyhow::Result<ExitCode> {
        session::with_database(&self.database, async |pool| Ok(invitations::take_back(pool, &self.name).await?))?;
        println!("{} is invited no longer", self.name);
        Ok(ExitCode::SUCCESS)
    }
}

/// List the users, newest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm user list")]
pub(crate) struct List {
    #[command(flatten)]
    database: DatabaseConfig,
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        let all = session::with_database(&self.database, async |pool| {
            Ok(users::list(pool, UserFilter::default(), &Slice::newest(u32::MAX)).await?.items)
        })?;
        println!("{:32}  {:6}  {:8}  teams", "name", "role", "");
        for user in all {
            let teams: Vec<String> = user.teams.into_iter().map(|team| team.name).collect();
            let state = if user.disabled { "kept out" } else { "" };
            println!("{:32}  {:6}  {state:8}  {}", user.name, user.role.as_str(), teams.join(", "));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Give a user another password, and end the user's sessions.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm user password ann")]
pub(crate) struct Password {
    /// The user's name
    name: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Password {
    fn run(self) -> anyhow::Result<ExitCode> {
        let hash = asked_for(&self.name)?;
        session::with_database(&self.database, async |pool| {
            let user = users::find(pool, &self.name).await?;
            Ok(users::set_password(pool, user.id, &hash).await?)
        })?;
        println!("{} has another password", self.name);
        Ok(ExitCode::SUCCESS)
    }
}

/// Change a user's role, keep a user out, let one in again, or add one to a team.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm user change bob --role member
  hrm user change bob --disabled true
  hrm user change bob --team puzzlers")]
pub(crate) struct Change {
    /// The user's name
    name: String,
    /// What the user may do
    #[arg(long)]
    role: Option<RoleName>,
    /// Whether the user is kept out
    #[arg(long)]
    disabled: Option<bool>,
    /// A team whose member the user becomes, too; made if there is none of that name
    #[arg(long)]
    team: Option<String>,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Change {
    fn run(self) -> anyhow::Result<ExitCode> {
        ensure!(
            self.role.is_some() || self.disabled.is_some() || self.team.is_some(),
            "expected what to change: --role, --disabled or --team"
        );
        let joined = self.team.map(|team| NewUser { name: self.name.clone(), role: None, team });
        joined.iter().try_for_each(NewUser::check)?;
        let change = ChangeUser { role: self.role.map(Role::from), disabled: self.disabled };
        session::with_database(&self.database, async |pool| {
            let user = users::find(pool, &self.name).await?;
            users::change(pool, user.id, &change, None).await?;
            if let Some(joined) = &joined {
                teams::add_member(pool, joined.team(pool).await?.id, user.id).await?;
            }
            Ok(())
        })?;
        println!("{} is changed", self.name);
        Ok(ExitCode::SUCCESS)
    }
}

/// The hash of a password that will do.
fn asked_for(name: &str) -> anyhow::Result<String> {
    let password = password::read(name).context("reading the password")?;
    check_password(name, &password).context("the password")?;
    hash_password(&password).map_err(|error| anyhow::anyhow!("hashing the password: {error}"))
}
