//! How a job leaves its worker: done, given back, or taken from a worker that died.

use super::{Lease, held};
use crate::store::{Error, interval, variant};
use hrm_types::{ids::JobId, run::RunState};
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use uuid::Uuid;

/// What a sweep did with a job whose worker had vanished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// The job.
    pub job_id: JobId,
    /// Where it stands now.
    pub state: RunState,
    /// Why.
    pub reason: String,
}

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// Done; with the evaluation or dataset that came of it, if it is no training.
    Succeeded(Option<Uuid>),
    /// It cannot be done.
    Failed(&'a str),
    /// Somebody asked for it.
    Cancelled,
}

/// Ends the job for good, inside the caller's transaction, which also stores what the job produced.
///
/// # Errors
/// [`Error::StaleLease`]; the caller must roll back.
pub async fn finish(connection: &mut PgConnection, lease: &Lease, ending: Ending<'_>) -> Result<(), Error> {
    let (state, reason, result) = match ending {
        Ending::Succeeded(result) => (RunState::Succeeded, None, result),
        Ending::Failed(reason) => (RunState::Failed, Some(reason), None),
        Ending::Cancelled => (RunState::Cancelled, Some("cancelled"), None),
    };
    let written = sqlx::query!(
        "UPDATE jobs SET state = $3, reason = $4, result_id = $5, phase = NULL, worker_id = NULL, device = NULL,
                         lease_token = NULL, lease_expires = NULL, preempted_by = NULL, pause_requested = false,
                         finished_at = now(),
                         -- A batch's answers that were not stored are gone.
                         done = CASE kind WHEN 'batch' THEN saved_done ELSE done END
         WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        state.as_str(),
        reason,
        result
    )
    .execute(connection)
    .await?;
    held(written.rows_affected())
}

/// Gives the job back without counting it as a death: cancelled or paused if that was asked for, else into the
/// queue, with the job it made room for as the reason if there is one.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn give_back(pool: &PgPool, lease: &Lease, reason: &str) -> Result<(), Error> {
    let written = sqlx::query!(
        "UPDATE jobs SET
             state = CASE WHEN cancel_requested THEN 'cancelled' WHEN pause_requested THEN 'paused'
                          ELSE 'queued' END,
             reason = CASE WHEN cancel_requested THEN 'cancelled' WHEN pause_requested THEN 'paused'
                           ELSE COALESCE((SELECT 'preempted by '
                                                 || CASE WHEN other.team_id = jobs.team_id OR other.public
                                                         THEN other.name || ' of ' || other.owner
                                                         ELSE 'another team''s job' END
                                                 || ' (priority ' || other.priority || ')'
                                          FROM jobs AS other WHERE other.id = jobs.preempted_by), $3) END,
             finished_at = CASE WHEN cancel_requested THEN now() END,
             pause_requested = false, preempted_by = NULL, done = saved_done, phase = NULL, worker_id = NULL,
             device = NULL, lease_token = NULL, lease_expires = NULL
         WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        reason
    )
    .execute(pool)
    .await?;
    held(written.rows_affected())
}

/// Takes jobs from workers whose leases have expired. The reasons say that the worker died. A database that has just
/// started takes none for `grace`: while it was away no worker could extend its lease, and each needs a moment to do so.
pub async fn sweep_expired(pool: &PgPool, grace: Duration) -> Result<Vec<Swept>, Error> {
    take_from_dead(&mut *pool.acquire().await?, None, grace, "its worker died").await
}

/// The holder's own word that it dies: counted like a death, but without waiting for the lease to run out.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn die(pool: &PgPool, lease: &Lease, cause: &str) -> Result<Swept, Error> {
    let mut tx = pool.begin().await?;
    // A sweep leaves out what somebody else changes at this moment; the holder waits for that.
    super::hold(&mut tx, lease).await?;
    let taken = take_from_dead(&mut tx, Some(lease), Duration::ZERO, cause).await?;
    tx.commit().await?;
    taken.into_iter().next().ok_or(Error::StaleLease)
}

/// Back into the queue with a pause that doubles with every death or, after too many deaths without a checkpoint
/// between them, failed; cancelled or paused if that was asked for.
async fn take_from_dead(
    connection: &mut PgConnection,
    dying: Option<&Lease>,
    grace: Duration,
    cause: &str,
) -> Result<Vec<Swept>, Error> {
    let rows = sqlx::query!(
        r#"WITH dead AS MATERIALIZED (
               SELECT id,
                      CASE WHEN cancel_requested THEN 'cancelled'
                           WHEN deaths + 1 >= max_deaths THEN 'failed'
                           WHEN pause_requested THEN 'paused'
                           ELSE 'queued' END AS next_state,
                      CASE WHEN cancel_requested THEN 'cancelled; ' || $3
                           WHEN deaths + 1 >= max_deaths THEN
                               $3 || ' ' || (deaths + 1) || ' times without a new checkpoint between'
                           WHEN pause_requested THEN 'paused; ' || $3 || ' in attempt ' || attempt
                           ELSE 'queued again: ' || $3 || ' in attempt ' || attempt END AS why
               FROM jobs
               WHERE state = 'running'
                 AND CASE WHEN $1::uuid IS NULL
                          THEN lease_expires < now() AND pg_postmaster_start_time() + $4::interval <= now()
                          ELSE id = $1 AND lease_token = $2 END
               FOR NO KEY UPDATE SKIP LOCKED
           )
           UPDATE jobs SET state = dead.next_state, reason = dead.why, deaths = deaths + 1,
                           run_after = now() + interval '1 second' * LEAST(300, 2 ^ (deaths + 1)),
                           done = saved_done, pause_requested = false, preempted_by = NULL, phase = NULL,
                           worker_id = NULL, device = NULL, lease_token = NULL, lease_expires = NULL,
                           finished_at = CASE WHEN dead.next_state IN ('failed', 'cancelled') THEN now() END
           FROM dead WHERE jobs.id = dead.id
           RETURNING jobs.id, jobs.state, dead.why AS "why!""#,
        dying.map(|lease| lease.job_id.0),
        dying.map(|lease| lease.token),
        cause,
        interval(grace)
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Swept { job_id: JobId(row.id), state: variant("state", &row.state)?, reason: row.why }))
        .collect()
}
