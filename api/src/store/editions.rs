//! Editions: how often people have changed something, so that of two who change it at once one is told.

use super::Error;
use hrm_types::ids::{CheckpointId, DatasetId, RunId, UserId};
use sqlx::PgExecutor;

/// A run's.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_run(executor: impl PgExecutor<'_>, id: RunId) -> Result<i64, Error> {
    let edition = sqlx::query_scalar!("SELECT edition FROM runs WHERE id = $1", id.0).fetch_optional(executor).await?;
    edition.ok_or_else(|| Error::not_found("run", id.to_string()))
}

/// A dataset's.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_dataset(executor: impl PgExecutor<'_>, id: DatasetId) -> Result<i64, Error> {
    let edition =
        sqlx::query_scalar!("SELECT edition FROM datasets WHERE id = $1", id.0).fetch_optional(executor).await?;
    edition.ok_or_else(|| Error::not_found("dataset", id.to_string()))
}

/// A model's.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_model(executor: impl PgExecutor<'_>, id: CheckpointId) -> Result<i64, Error> {
    let edition =
        sqlx::query_scalar!("SELECT edition FROM checkpoints WHERE id = $1", id.0).fetch_optional(executor).await?;
    edition.ok_or_else(|| Error::not_found("model", id.to_string()))
}

/// A user's.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_user(executor: impl PgExecutor<'_>, id: UserId) -> Result<i64, Error> {
    let edition = sqlx::query_scalar!("SELECT edition FROM users WHERE id = $1", id.0).fetch_optional(executor).await?;
    edition.ok_or_else(|| Error::not_found("user", id.to_string()))
}
