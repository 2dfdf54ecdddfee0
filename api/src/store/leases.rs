//! Who may work on a run: claims, heartbeats, progress and endings, each guarded by the lease's token.
//!
//! Every statement that changes a running run names the token and checks that a row was affected, so that a
//! worker which was believed dead and replaced writes nothing when it comes back.

use super::{Error, metrics, runs::parse_state};
use hrm_types::{
    experiment::Experiment,
    ids::{DatasetId, RunId, WorkerId},
    run::{MetricPoint, RunState},
};
use sqlx::{PgConnection, PgPool, postgres::types::PgInterval, types::Json};
use std::time::Duration;
use uuid::Uuid;

/// The right to work on a run, until it expires or is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run_id: RunId,
    /// Fresh at every claim; every write names it.
    pub token: Uuid,
    /// Attempts begun, this one included.
    pub attempt: u32,
}

/// A claimed run: the lease and what is to be done.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The lease.
    pub lease: Lease,
    /// What to train on what.
    pub experiment: Experiment,
    /// The dataset, if it is known already.
    pub dataset_id: Option<DatasetId>,
}

/// What a sweep did with a run whose worker had vanished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// The run.
    pub run_id: RunId,
    /// Where it stands now.
    pub state: RunState,
    /// Why.
    pub reason: String,
}

fn interval(length: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(length.as_micros()).unwrap_or(i64::MAX) }
}

/// The oldest queued run, now running under a fresh lease of this worker.
pub async fn claim_next_run(pool: &PgPool, worker: WorkerId, length: Duration) -> Result<Option<Claim>, Error> {
    let token = Uuid::new_v4();
    let row = sqlx::query!(
        r#"WITH next AS MATERIALIZED (
               SELECT id FROM runs WHERE state = 'queued' ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
           )
           UPDATE runs SET state = 'running', attempt = attempt + 1, worker_id = $1, lease_token = $2,
                           lease_expires = now() + $3, reason = NULL, phase = NULL, step = 0, total_steps = NULL,
                           parameters = NULL, started_at = now()
           FROM next WHERE runs.id = next.id
           RETURNING runs.id, runs.attempt, runs.experiment AS "experiment: Json<Experiment>", runs.dataset_id"#,
        worker.0,
        token,
        interval(length)
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Claim {
        lease: Lease { run_id: RunId(row.id), token, attempt: row.attempt as u32 },
        experiment: row.experiment.0,
        dataset_id: row.dataset_id.map(DatasetId),
    }))
}

/// Extends the lease from now on; the answer is whether the run was asked to stop.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn extend(pool: &PgPool, lease: &Lease, length: Duration) -> Result<bool, Error> {
    sqlx::query_scalar!(
        "UPDATE runs SET lease_expires = now() + $3 WHERE id = $1 AND state = 'running' AND lease_token = $2
         RETURNING cancel_requested",
        lease.run_id.0,
        lease.token,
        interval(length)
    )
    .fetch_optional(pool)
    .await?
    .ok_or(Error::StaleLease)
}

/// Says what the worker does now.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn set_phase(pool: &PgPool, lease: &Lease, phase: &str) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE runs SET phase = $3 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.run_id.0,
        lease.token,
        phase
    )
    .execute(pool)
    .await?;
    held(done.rows_affected())
}

/// Ties the run to its dataset.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn set_dataset(pool: &PgPool, lease: &Lease, dataset: DatasetId) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE runs SET dataset_id = $3 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.run_id.0,
        lease.token,
        dataset.0
    )
    .execute(pool)
    .await?;
    held(done.rows_affected())
}

/// Says how long the run will be and how large its model is.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn set_plan(pool: &PgPool, lease: &Lease, total_steps: u64, parameters: u64) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE runs SET total_steps = $3, parameters = $4
         WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.run_id.0,
        lease.token,
        total_steps.cast_signed(),
        parameters.cast_signed()
    )
    .execute(pool)
    .await?;
    held(done.rows_affected())
}

/// Notes the steps done and adds metrics, together or not at all.
///
/// # Errors
/// [`Error::StaleLease`]; then nothing was written.
pub async fn record_progress(pool: &PgPool, lease: &Lease, step: u64, points: &[MetricPoint]) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let done = sqlx::query!(
        "UPDATE runs SET step = $3 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.run_id.0,
        lease.token,
        step.cast_signed()
    )
    .execute(&mut *tx)
    .await?;
    held(done.rows_affected())?;
    metrics::append(&mut tx, lease, points).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends the run for good, inside the caller's transaction, which also stores what the run produced.
///
/// # Errors
/// [`Error::StaleLease`]; the caller must roll back.
pub async fn finish(
    connection: &mut PgConnection,
    lease: &Lease,
    state: RunState,
    reason: Option<&str>,
) -> Result<(), Error> {
    debug_assert!(state.is_final(), "a run ends in a final state, not {state:?}");
    let done = sqlx::query!(
        "UPDATE runs SET state = $3, reason = $4, phase = NULL, worker_id = NULL, lease_token = NULL,
                         lease_expires = NULL, finished_at = now()
         WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.run_id.0,
        lease.token,
        state.as_str(),
        reason
    )
    .execute(connection)
    .await?;
    held(done.rows_affected())
}

/// Gives the run back to the queue; the attempt does not count as a failure. A run that was asked to stop
/// is cancelled instead.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn give_back(pool: &PgPool, lease: &Lease, reason: &str) -> Result<(), Error> {
    let done = sqlx::query!(
        "UPDATE runs SET
             state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END,
             reason = CASE WHEN cancel_requested THEN 'cancelled' ELSE $3 END,
             finished_at = CASE WHEN cancel_requested THEN now() END,
             step = 0, phase = NULL, worker_id = NULL, lease_token = NULL, lease_expires = NULL
         WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.run_id.0,
        lease.token,
        reason
    )
    .execute(pool)
    .await?;
    held(done.rows_affected())
}

/// Takes runs from workers whose leases have expired: back into the queue, or, after too many deaths,
/// failed; a run that was asked to stop is cancelled.
pub async fn sweep_expired(pool: &PgPool) -> Result<Vec<Swept>, Error> {
    let rows = sqlx::query!(
        r#"WITH expired AS MATERIALIZED (
               SELECT id,
                      CASE WHEN cancel_requested THEN 'cancelled'
                           WHEN deaths + 1 >= max_attempts THEN 'failed'
                           ELSE 'queued' END AS next_state,
                      CASE WHEN cancel_requested THEN 'cancelled; its worker had died'
                           WHEN deaths + 1 >= max_attempts THEN 'worker died ' || (deaths + 1) || ' times'
                           ELSE 'queued again: its worker died in attempt ' || attempt END AS why
               FROM runs WHERE state = 'running' AND lease_expires < now() FOR NO KEY UPDATE SKIP LOCKED
           )
           UPDATE runs SET state = expired.next_state, reason = expired.why, deaths = deaths + 1, step = 0, phase = NULL,
                           worker_id = NULL, lease_token = NULL, lease_expires = NULL,
                           finished_at = CASE WHEN expired.next_state = 'queued' THEN NULL ELSE now() END
           FROM expired WHERE runs.id = expired.id
           RETURNING runs.id, runs.state, expired.why AS "why!""#
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Swept { run_id: RunId(row.id), state: parse_state(&row.state)?, reason: row.why }))
        .collect()
}

/// Checks that a guarded statement found its run.
fn held(rows_affected: u64) -> Result<(), Error> {
    if rows_affected == 1 { Ok(()) } else { Err(Error::StaleLease) }
}
