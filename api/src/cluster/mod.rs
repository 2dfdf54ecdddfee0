//! The database: a given server, or a private PostgreSQL cluster in the data folder.
//!
//! The private one is created when it is first needed, started by whoever needs it first, used by every
//! process of that data folder, and stopped by the last of them. One that still runs because its users were
//! killed is attached to; one that was killed itself recovers at its next start.

mod account;
mod error;
mod files;
mod lock;
mod postmaster;
mod programs;

pub use error::Error;

use crate::{
    config::{DatabaseConfig, DatabaseUrlError},
    store,
};
use account::Account;
use files::Files;
use lock::{ChangeLock, UserLock};
use sqlx::postgres::{PgConnectOptions, PgPool};
use std::{
    convert::Infallible,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use thiserror::Error as ThisError;

/// Why there is no database to work with.
#[derive(Debug, ThisError)]
pub enum OpenError {
    /// The private cluster.
    #[error(transparent)]
    Cluster(#[from] Error),
    /// Which server to use is not known.
    #[error(transparent)]
    Setting(#[from] DatabaseUrlError),
    /// `DATABASE_URL` is no address of a PostgreSQL server.
    #[error("expected DATABASE_URL like postgres://user:password@host/database: {0}")]
    Url(sqlx::Error),
    /// Another kind of server, or no address at all.
    #[error(
        "expected DATABASE_URL like postgres://user:password@host/database, found something that does not begin so"
    )]
    Scheme,
    /// Connecting or migrating.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// An open database, migrated to this version's tables.
#[derive(Debug)]
pub struct Database {
    /// Connections to it.
    pub pool: PgPool,
    cluster: Option<Arc<Cluster>>,
}

/// Time between looks at whether the private server still runs.
const WATCH: Duration = Duration::from_secs(1);

impl Database {
    /// Opens the configured database; a private one is created and started as needed.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let (options, cluster) = if let Some(url) = config.url()? {
            if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                return Err(OpenError::Scheme);
            }
            (url.parse::<PgConnectOptions>().map_err(OpenError::Url)?, None)
        } else {
            let data_dir = config.data_dir().ok_or(Error::NoDataDir)?;
            let cluster = blocking(move || Cluster::open(&data_dir)).await?;
            (cluster.connect_options(), Some(Arc::new(cluster)))
        };
        let pool = store::connect(options).await?;
        Ok(Self { pool, cluster })
    }

    /// Starts the private server again whenever it was killed. Nothing committed is lost.
    pub async fn keep_running(&self) -> Infallible {
        let Some(cluster) = &self.cluster else { return std::future::pending().await };
        loop {
            tokio::time::sleep(WATCH).await;
            let cluster = Arc::clone(cluster);
            if let Err(error) = blocking(move || cluster.revive()).await {
                tracing::error!(%error, "the database could not be started again");
            }
        }
    }

    /// Closes the connections and, if nobody else uses it, stops the private cluster.
    pub async fn close(self) -> Result<(), Error> {
        self.pool.close().await;
        match self.cluster {
            Some(cluster) => blocking(move || cluster.close()).await,
            None => Ok(()),
        }
    }
}

/// Runs what waits for files and processes where waiting holds nobody up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// This process's use of the private cluster.
#[derive(Debug)]
pub struct Cluster {
    files: Files,
    account: Account,
    user: UserLock,
    closed: AtomicBool,
}

impl Cluster {
    /// Creates the cluster if it does not exist, starts it if it does not run, and marks this process as a user.
    pub fn open(data_dir: &Path) -> Result<Self, Error> {
        let files = Files::in_data_dir(data_dir)?;
        let account = Account::for_cluster(&files.home)?;
        let change = ChangeLock::acquire(&files.change_lock)?;
        files.create(&account)?;
        let user = UserLock::acquire(&files.users_lock, &change)?;
        if !files.cluster.exists() {
            tracing::info!(folder = %files.cluster.display(), "creating the database");
            postmaster::create(&files, &account)?;
        }
        let ran_already = postmaster::ensure_running(&files, &account)?;
        tracing::debug!(ran_already, socket = %files.socket().display(), "the database is running");
        Ok(Self { files, account, user, closed: AtomicBool::new(false) })
    }

    /// How to connect: by the socket, as the cluster's only role.
    pub fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.files.socket_dir)
            .port(files::PORT)
            .username("hrm")
            .database("postgres")
    }

    /// Starts the server again if it was killed.
    fn revive(&self) -> Result<(), Error> {
        if postmaster::is_running(&self.files) {
            return Ok(());
        }
        let _change = ChangeLock::acquire(&self.files.change_lock)?;
        // Closing waits for the same lock, and what was closed must not be started.
        if !self.closed.load(Ordering::SeqCst) && !postmaster::ensure_running(&self.files, &self.account)? {
            tracing::warn!("the database had ended and was started again");
        }
        Ok(())
    }

    /// Gives up the use of the cluster; the last user stops it.
    pub fn close(&self) -> Result<(), Error> {
        if self.closed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let change = ChangeLock::acquire(&self.files.change_lock)?;
        if self.user.release(&self.files.users_lock, &change)? {
            postmaster::stop(&self.files)?;
            tracing::debug!("the database is stopped");
        }
        Ok(())
    }
}

impl Drop for Cluster {
    /// For ways out that skip [`Database::close`], such as an error.
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the database could not be stopped");
        }
    }
}

#[cfg(test)]
mod tests;
