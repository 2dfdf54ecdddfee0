//! `hrm token`: secrets with which programs act for a user.
#![expect(clippy::print_stdout, reason = "the token is the command's output")]

use super::session;
use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use hrm_api::{
    accounts::Secret,
    config::DatabaseConfig,
    store::{
        credentials::{self, MOST_DAYS, NewToken},
        slices::Slice,
        users,
    },
};
use hrm_types::{account::Scope, ids::TokenId, name};
use std::{process::ExitCode, time::Duration};

/// Make, list and end API tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    Create(Create),
    List(List),
    Delete(Delete),
}

impl Token {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(create) => create.run(),
            Self::List(list) => list.run(),
            Self::Delete(delete) => delete.run(),
        }
    }
}

/// A scope, as it is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeName {
    /// Look at what is stored
    Read,
    /// Have puzzles solved
    Solve,
    /// Make, change and delete
    Write,
    /// Manage users, teams and invitations
    Admin,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::Solve => Self::Solve,
            ScopeName::Write => Self::Write,
            ScopeName::Admin => Self::Admin,
        }
    }
}

/// Make a token and print it, once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm token create ann notebook --scopes read,solve,write
  curl -H \"authorization: Bearer $(hrm token create ann once --days 1)\" localhost:8080/api/v1/me")]
pub(crate) struct Create {
    /// The user's name
    user: String,
    /// What it is for
    name: String,
    /// What it may do, as far as its user may
    #[arg(long, value_delimiter = ',', default_values_t = [ScopeName::Read, ScopeName::Solve], value_enum)]
    scopes: Vec<ScopeName>,
    /// Days until it ends; 0 for never
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(..=i64::from(MOST_DAYS)))]
    days: u32,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Create {
    fn run(self) -> anyhow::Result<ExitCode> {
        name::check_label(&self.name).map_err(|problem| anyhow!("name: {problem}"))?;
        let secret = Secret::token()?;
        let scopes: Vec<Scope> = self.scopes.iter().map(|&scope| scope.into()).collect();
        let new = NewToken {
            name: &self.name,
            prefix: secret.prefix(),
            secret_hash: &secret.hash(),
            scopes: &scopes,
            length: (self.days > 0).then(|| Duration::from_hours(24) * self.days),
        };
        session::with_database(&self.database, async |pool| {
            let user = users::find(pool, &self.user).await?;
            Ok(credentials::create_token(pool, user.id, new).await?)
        })?;
        println!("{}", secret.reveal());
        Ok(ExitCode::SUCCESS)
    }
}

/// List a user's tokens, newest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm token list ann")]
pub(crate) struct List {
    /// The user's name
    user: String,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        let page = session::with_database(&self.database, async |pool| {
            let user = users::find(pool, &self.user).await?;
            Ok(credentials::list_tokens(pool, user.id, &Slice::newest(1_000)).await?)
        })?;
        println!("{:36}  {:8}  {:24}  {:24}  name", "id", "begins", "scopes", "ends");
        for token in page.items {
            let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
            let ends = token.expires_at.map_or_else(|| "never".to_owned(), |at| at.date().to_string());
            println!("{:36}  {:8}  {:24}  {ends:24}  {}", token.id, token.prefix, scopes.join(","), token.name);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// End a token, at once and for good.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hrm token delete ann 0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77")]
pub(crate) struct Delete {
    /// The user's name
    user: String,
    /// The token's id
    id: TokenId,
    #[command(flatten)]
    database: DatabaseConfig,
}

impl Delete {
    fn run(self) -> anyhow::Result<ExitCode> {
        session::with_database(&self.database, async |pool| {
            let user = users::find(pool, &self.user).await?;
            Ok(credentials::delete_token(pool, user.id, self.id).await?)
        })?;
        println!("it has ended");
        Ok(ExitCode::SUCCESS)
    }
}
