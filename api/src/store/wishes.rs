//! What is asked of jobs: to stop, to pause and to go on, to be tried again, to go first, to be gone.
//!
//! Each is one guarded change: what the job's state does not allow changes nothing and says which state it is in.

use super::{Error, checkpoints, datasets, jobs};
use hrm_types::ids::{CheckpointId, DatasetId, JobId};
use sqlx::PgPool;
use uuid::Uuid;

/// Cancels a waiting job at once and asks the worker of a running one to stop; asking twice is no error.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::WrongState`] when it has ended.
pub async fn request_cancel(pool: &PgPool, id: JobId) -> Result<(), Error> {
    let changed = cancel_all(pool, &[id.0]).await?;
    expect_change(pool, id, changed, "queued, running or paused").await
}

/// The same of all of these jobs that have not ended; how many they are.
pub(super) async fn cancel_all(pool: &PgPool, ids: &[Uuid]) -> Result<u64, Error> {
    let changed = sqlx::query!(
        "UPDATE jobs SET
             cancel_requested = true,
             pause_requested = false,
             reason = CASE state WHEN 'queued' THEN
                                    CASE attempt WHEN 0 THEN 'cancelled before it started'
                                                 ELSE 'cancelled while queued' END
                                 WHEN 'paused' THEN 'cancelled while paused' ELSE 'asked to stop' END,
             finished_at = CASE state WHEN 'running' THEN NULL ELSE now() END,
             state = CASE state WHEN 'running' THEN state ELSE 'cancelled' END
         WHERE id IN (SELECT id FROM jobs WHERE id = ANY($1) AND state IN ('queued', 'running', 'paused')
                      -- In one order, so that two who cancel the same do not wait for each other.
                      ORDER BY id FOR NO KEY UPDATE)",
        ids
    )
    .execute(pool)
    .await?;
    Ok(changed.rows_affected())
}

/// Deletes a job that has ended, with all that is stored under it alone: a run's metrics, log, checkpoints and their scores, a
/// batch's puzzles and answers. What a generation or an evaluation has stored stays. A sweep goes with its last run.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::WrongState`] when it has not ended; [`Error::Conflict`] when a job that has not ended needs a
/// model that it made.
pub async fn delete(pool: &PgPool, id: JobId) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let models = sqlx::query_scalar!("SELECT id FROM checkpoints WHERE run_id = $1 FOR UPDATE", id.0)
        .fetch_all(&mut *tx)
        .await?;
    jobs::expect_unneeded(&mut *tx, "checkpoint_id", &models).await?;
    // Of two who delete a sweep's last runs at once the second sees that no run is left.
    let sweep = sqlx::query_scalar!(
        "SELECT sweeps.id FROM sweeps JOIN runs ON sweep_id = sweeps.id WHERE runs.id = $1 FOR UPDATE OF sweeps",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?;
    let deleted =
        sqlx::query!("DELETE FROM jobs WHERE id = $1 AND state IN ('succeeded', 'failed', 'cancelled')", id.0)
            .execute(&mut *tx)
            .await?;
    sqlx::query!("DELETE FROM sweeps WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM runs WHERE sweep_id = $1)", sweep)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    expect_change(pool, id, deleted.rows_affected(), "succeeded, failed or cancelled").await
}

/// Sets a queued job aside at once and asks the worker of a running one to save and pause; asking twice is no error.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::WrongState`] when it has ended or is about to be cancelled.
pub async fn request_pause(pool: &PgPool, id: JobId) -> Result<(), Error> {
    let changed = sqlx::query!(
        "UPDATE jobs SET
             pause_requested = (state = 'running'),
             reason = CASE state WHEN 'running' THEN 'asked to pause' ELSE 'paused' END,
             state = CASE state WHEN 'running' THEN state ELSE 'paused' END
         WHERE id = $1 AND state IN ('queued', 'running', 'paused') AND NOT cancel_requested",
        id.0
    )
    .execute(pool)
    .await?;
    expect_change(pool, id, changed.rows_affected(), "queued, running or paused, and not asked to stop").await
}

/// Queues a paused job again, and takes the wish to pause back from a running one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::WrongState`] when it is neither paused nor about to be.
pub async fn resume(pool: &PgPool, id: JobId) -> Result<(), Error> {
    let changed = sqlx::query!(
        "UPDATE jobs SET
             pause_requested = false,
             reason = CASE state WHEN 'paused' THEN 'queued again: resumed' END,
             run_after = now(),
             state = CASE state WHEN 'paused' THEN 'queued' ELSE state END
         WHERE id = $1 AND (state = 'paused' OR (state = 'running' AND pause_requested))",
        id.0
    )
    .execute(pool)
    .await?;
    expect_change(pool, id, changed.rows_affected(), "paused or asked to pause").await
}

/// Queues a failed or cancelled job for another try. Its attempts go on being counted, its deaths begin anew.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::WrongState`] when it has neither failed nor been cancelled; [`Error::Conflict`] when the model or
/// the dataset that it needs has been deleted since.
pub async fn retry(pool: &PgPool, id: JobId) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let needs = sqlx::query!(
        "UPDATE jobs SET state = 'queued', reason = 'queued again: another try was asked for after it had '
                                                     || CASE state WHEN 'failed' THEN 'failed'
                                                                   ELSE 'been cancelled' END,
                         deaths = 0, cancel_requested = false, pause_requested = false, run_after = now(),
                         finished_at = NULL
         WHERE id = $1 AND state IN ('failed', 'cancelled')
         RETURNING (spec->>'checkpoint_id')::uuid AS model, (spec->>'dataset_id')::uuid AS dataset",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(needs) = needs else { return expect_change(pool, id, 0, "failed or cancelled").await };
    if let Some(model) = needs.model {
        checkpoints::hold(&mut tx, CheckpointId(model)).await.map_err(gone)?;
    }
    if let Some(dataset) = needs.dataset {
        datasets::hold(&mut tx, DatasetId(dataset)).await.map_err(gone)?;
    }
    tx.commit().await?;
    Ok(())
}

/// Turns what a job needs and is not there into what stands in the way of another try.
fn gone(error: Error) -> Error {
    match error {
        Error::NotFound { what, key } => {
            let detail =
                format!("the {what} {key} that it needs has been deleted since; queue another with one that is there");
            Error::Conflict { constraint: "jobs_spec".into(), detail }
        }
        error => error,
    }
}

/// Turns a guarded change that found nothing into what stands in its way.
async fn expect_change(pool: &PgPool, id: JobId, rows_affected: u64, expected: &'static str) -> Result<(), Error> {
    if rows_affected == 1 {
        return Ok(());
    }
    Err(Error::WrongState { expected, found: jobs::find(pool, id).await?.state })
}
