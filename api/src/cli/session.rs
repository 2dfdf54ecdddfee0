//! Commands that need the database: opened before, closed after, whatever happens in between.

use super::interrupt::{self, Interrupted};
use anyhow::Context;
use hrm_api::{cluster::Database, config::DatabaseConfig, store::PgPool};
use tokio::runtime::Runtime;

/// The async runtime of the program.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Runtime::new().context("starting the async runtime")
}

/// Does `work` with the database open. The private one is attached to if it runs, else it runs for the duration.
pub(crate) fn with_database<T>(
    config: &DatabaseConfig,
    work: impl AsyncFnOnce(&PgPool) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    runtime()?.block_on(async {
        let interrupted = interrupt::requested()?;
        let database = Database::open(config).await?;
        let result = tokio::select! {
            result = work(&database.pool) => result,
            () = interrupted => Err(Interrupted.into()),
        };
        let closed = database.close().await;
        let value = result?;
        closed?;
        Ok(value)
    })
}
