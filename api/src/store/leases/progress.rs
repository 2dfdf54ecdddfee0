//! What a worker notes about a job that it holds: what it does, how far it is, what is stored of it.

use super::{Lease, held};
use crate::store::{Error, metrics};
use hrm_types::{ids::DatasetId, run::MetricPoint};
use sqlx::{PgConnection, PgExecutor, PgPool};

/// Notes, inside the caller's transaction, which also stores it, that a checkpoint holds the first `done` steps:
/// the next attempt begins there, and deaths are counted anew.
///
/// # Errors
/// [`Error::StaleLease`]; the caller must roll back.
pub async fn note_checkpoint(connection: &mut PgConnection, lease: &Lease, done: u64) -> Result<(), Error> {
    let written = sqlx::query!(
        "UPDATE jobs SET saved_done = $3, deaths = 0 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        done.cast_signed()
    )
    .execute(connection)
    .await?;
    held(written.rows_affected())
}

/// Notes, inside the caller's transaction, that this attempt begins after `done` steps, which may be fewer than the
/// newest checkpoint was believed to hold.
///
/// # Errors
/// [`Error::StaleLease`]; the caller must roll back.
pub async fn note_beginning(connection: &mut PgConnection, lease: &Lease, done: u64) -> Result<(), Error> {
    let written = sqlx::query!(
        "UPDATE jobs SET done = $3, saved_done = $3 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        done.cast_signed()
    )
    .execute(connection)
    .await?;
    held(written.rows_affected())
}

/// Says what the worker does now.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn set_phase(pool: &PgPool, lease: &Lease, phase: &str) -> Result<(), Error> {
    let written = sqlx::query!(
        "UPDATE jobs SET phase = $3 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        phase
    )
    .execute(pool)
    .await?;
    held(written.rows_affected())
}

/// Ties the run to its dataset.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn set_dataset(pool: &PgPool, lease: &Lease, dataset: DatasetId) -> Result<(), Error> {
    let written = sqlx::query!(
        "WITH held AS (
             UPDATE jobs SET revision = revision + 1 WHERE id = $1 AND state = 'running' AND lease_token = $2
             RETURNING id
         )
         UPDATE runs SET dataset_id = $3 FROM held WHERE runs.id = held.id",
        lease.job_id.0,
        lease.token,
        dataset.0
    )
    .execute(pool)
    .await?;
    held(written.rows_affected())
}

/// Says how many steps the run will have and how large its model is.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn set_plan(pool: &PgPool, lease: &Lease, total_steps: u64, parameters: u64) -> Result<(), Error> {
    let written = sqlx::query!(
        "WITH held AS (
             UPDATE jobs SET total = $3 WHERE id = $1 AND state = 'running' AND lease_token = $2 RETURNING id
         )
         UPDATE runs SET parameters = $4 FROM held WHERE runs.id = held.id",
        lease.job_id.0,
        lease.token,
        total_steps.cast_signed(),
        parameters.cast_signed()
    )
    .execute(pool)
    .await?;
    held(written.rows_affected())
}

/// Notes the steps done and adds metrics, together or not at all.
///
/// # Errors
/// [`Error::StaleLease`]; then nothing was written.
pub async fn record_progress(pool: &PgPool, lease: &Lease, step: u64, points: &[MetricPoint]) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let written = sqlx::query!(
        "UPDATE jobs SET done = $3 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        step.cast_signed()
    )
    .execute(&mut *tx)
    .await?;
    held(written.rows_affected())?;
    metrics::append(&mut tx, (lease.run_id(), lease.attempt), points).await?;
    tx.commit().await?;
    Ok(())
}

/// Notes how much of how much is done, for jobs that are not counted in training steps.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn record_count(executor: impl PgExecutor<'_>, lease: &Lease, done: u64, total: u64) -> Result<(), Error> {
    let written = sqlx::query!(
        "UPDATE jobs SET done = $3, total = $4 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        done.cast_signed(),
        total.cast_signed()
    )
    .execute(executor)
    .await?;
    held(written.rows_affected())
}
