//! What can go wrong with what is kept.

use hrm_types::{experiment::InvalidExperiment, run::RunState};
use sqlx::migrate::MigrateError;
use thiserror::Error as ThisError;

/// PostgreSQL's code for a file that could not be extended.
const DISK_FULL: &str = "53100";

/// Why the store did not do what it was asked.
#[derive(Debug, ThisError)]
pub enum Error {
    /// Nothing has this id or name.
    #[error("expected a stored {what} called {key:?}, found none")]
    NotFound {
        /// `dataset`, `run`, `model`, `artifact`, ….
        what: &'static str,
        /// The id or name asked for.
        key: String,
    },
    /// The request collides with something stored; nothing was changed.
    #[error("{detail}")]
    Conflict {
        /// The violated constraint's name, e.g. `datasets_name_key`.
        constraint: String,
        /// What is in the way, in words.
        detail: String,
    },
    /// An experiment that the dataset it names has no puzzles for.
    #[error(transparent)]
    Experiment(#[from] InvalidExperiment),
    /// The job is in a state in which this cannot be asked of it.
    #[error("expected a job that is {expected}, found one in the state \"{}\"", found.as_str())]
    WrongState {
        /// The states in which it could.
        expected: &'static str,
        /// The state it is in.
        found: RunState,
    },
    /// It was changed since the caller looked at it; nothing was changed now.
    #[error("it was changed since you looked at it; look again")]
    Stale,
    /// Somebody else holds the job by now, or nobody: the caller must stop, and nothing was written.
    #[error("the lease of this job is no longer held by this worker")]
    StaleLease,
    /// A stored value that this version cannot read.
    #[error("expected a readable {what}, found: {detail}")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// What was wrong with it.
        detail: String,
    },
    /// Bytes to be stored could not be read.
    #[error("reading the bytes to store: {0}")]
    Input(#[from] std::io::Error),
    /// Stored bytes could not be written to where they were asked for.
    #[error("writing what is stored: {0}")]
    Output(std::io::Error),
    /// An object store did not do what it was asked.
    #[error("the object store, at {address}: {detail}")]
    Object {
        /// The object's address.
        address: String,
        /// What it said.
        detail: String,
        /// Whether it could not be reached at all, so that trying again later may help.
        away: bool,
    },
    /// Nobody lets this program in where the database should be.
    #[error("no connection to the database at {place}: {error}")]
    Unreachable {
        /// Its host and port.
        place: String,
        /// What stood in the way.
        error: sqlx::Error,
    },
    /// The database refused or is not reachable.
    #[error("the database: {0}")]
    Database(sqlx::Error),
    /// The database has no room for what it was to store.
    #[error("the database's disk is full: {0}")]
    Full(sqlx::Error),
    /// The database could not be brought up to this version's tables.
    #[error("migrating the database: {0}")]
    Migrate(MigrateError),
    /// The database's tables are of a version that this program does not know.
    #[error(
        "the database was made by a newer program, which has brought its tables to version {found}, and this one knows them \
         up to {known}: start a program that is as new, or restore a backup of before into another database"
    )]
    Newer {
        /// The database's version.
        found: i64,
        /// The newest one here.
        known: i64,
    },
}

impl Error {
    /// A missing thing.
    pub fn not_found(what: &'static str, key: impl Into<String>) -> Self {
        Self::NotFound { what, key: key.into() }
    }

    /// Whether the database gave up because the statement took too long.
    pub fn is_timeout(&self) -> bool {
        // 57014: query_canceled.
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "57014"))
    }

    /// Whether trying again later may help: the connection failed, or there was no room, not the request.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Object { away: true, .. }
                | Self::Full(_)
                | Self::Database(
                    sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Protocol(_)
                )
        ) || matches!(self, Self::Database(sqlx::Error::Database(error))
            // Class 57P: the server is stopping or starting; class 08: the connection broke; class 40: two transactions
            // stood in each other's way, and this one was rolled back; 25P03: it stood still for longer than it may.
            if error.code().is_some_and(|code| ["57P", "08", "40", "25P03"].iter().any(|class| code.starts_with(class))))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => match database.constraint() {
                Some(constraint) if database.is_unique_violation() || database.is_foreign_key_violation() => {
                    Self::Conflict { constraint: constraint.to_owned(), detail: conflict_in_words(constraint) }
                }
                _ if database.code().is_some_and(|code| code == DISK_FULL) => Self::Full(error),
                _ => Self::Database(error),
            },
            _ => Self::Database(error),
        }
    }
}

impl From<MigrateError> for Error {
    fn from(error: MigrateError) -> Self {
        let known = super::MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default();
        match error {
            MigrateError::VersionMissing(found) if found > known => Self::Newer { found, known },
            error => Self::Migrate(error),
        }
    }
}

/// The constraints a user can run into, in words.
fn conflict_in_words(constraint: &str) -> String {
    match constraint {
        "datasets_name_key" => "a dataset of this name is stored already; choose another name".into(),
        "datasets_content_hash_key" => {
            "a dataset with exactly these puzzles is stored already; use that one, or other puzzles".into()
        }
        "checkpoints_pkey" => "a model of another run is stored under the id of this one's already".into(),
        "runs_dataset_id_fkey" | "evaluations_dataset_id_fkey" => {
            "the dataset was deleted just now; choose another".into()
        }
        "runs_start_artifact_id_fkey" => "the model to begin with was deleted just now; choose another".into(),
        "users_name_key" => "a user of this name is there already; choose another name".into(),
        "teams_name_key" => "a team of this name is there already; choose another name".into(),
        "memberships_user_id_fkey" => "there is no such user".into(),
        "memberships_team_id_fkey" => "there is no such team".into(),
        other => format!("the constraint {other} does not allow it"),
    }
}
