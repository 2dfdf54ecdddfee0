//! Who may work on a job: claims, heartbeats, progress and endings, each guarded by the lease's token.
//!
//! Every statement that changes a running job names the token and checks that a row was affected, so that a
//! worker which was believed dead and replaced writes nothing when it comes back.

use super::{Error, interval, jobs::parse_state, metrics};
use hrm_types::{
    experiment::Experiment,
    ids::{DatasetId, JobId, RunId, WorkerId},
    job::{EvaluationSpec, GenerationSpec, JobKind},
    run::{MetricPoint, RunState},
};
use sqlx::{PgConnection, PgPool, types::Json};
use std::time::Duration;
use uuid::Uuid;

/// Held while a claim counts the running jobs of the owners, so that two claims cannot both find room for one.
const CLAIM_LOCK: i64 = 0x6872_6d01;

/// The right to work on a job, until it expires or is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// Fresh at every claim; every write names it.
    pub token: Uuid,
    /// Attempts begun, this one included.
    pub attempt: u32,
}

impl Lease {
    /// The run that the job is; only a training is one.
    pub fn run_id(&self) -> RunId {
        RunId(self.job_id.0)
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Work {
    /// Train, evaluate, store.
    Training {
        /// What to train on what.
        experiment: Box<Experiment>,
        /// The dataset, if it is known already.
        dataset_id: Option<DatasetId>,
    },
    /// Measure a stored checkpoint.
    Evaluation(EvaluationSpec),
    /// Make puzzles.
    Generation(GenerationSpec),
}

/// A claimed job.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The lease.
    pub lease: Lease,
    /// Its name.
    pub name: String,
    /// What is to be done.
    pub work: Work,
}

/// Who claims, and on what terms.
#[derive(Debug, Clone, Copy)]
pub struct Claimer<'a> {
    /// The worker.
    pub worker: WorkerId,
    /// The device it computes on, which holds one job at a time.
    pub device: &'a str,
    /// How long the lease lasts without being extended.
    pub lease: Duration,
    /// Jobs of one owner that may run at once.
    pub owner_cap: Option<u32>,
}

/// What others want of a running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// End for good.
    Cancel,
    /// Save and wait until somebody asks for it again.
    Pause,
    /// Save and make room for a job of higher priority.
    MakeRoom,
}

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

/// The queued job whose turn it is, now running under a fresh lease.
///
/// The highest priority goes first; within it the owner who was served longest ago; of his jobs the oldest. None
/// while the device holds another job.
pub async fn claim_next_job(pool: &PgPool, claimer: Claimer<'_>) -> Result<Option<Claim>, Error> {
    let claimed = if claimer.owner_cap.is_some() {
        let mut tx = pool.begin().await?;
        sqlx::query!("SELECT pg_advisory_xact_lock($1)", CLAIM_LOCK).execute(&mut *tx).await?;
        let claimed = claim(&mut tx, claimer).await;
        if claimed.is_ok() {
            tx.commit().await?;
        }
        claimed
    } else {
        claim(&mut *pool.acquire().await?, claimer).await
    };
    match claimed {
        // Another worker has put a job on the device between the look and the claim.
        Err(Error::Conflict { constraint, .. }) if constraint == "jobs_device_key" => Ok(None),
        other => other,
    }
}

async fn claim(connection: &mut PgConnection, claimer: Claimer<'_>) -> Result<Option<Claim>, Error> {
    let token = Uuid::new_v4();
    let row = sqlx::query!(
        r#"WITH RECURSIVE owners AS (
               (SELECT owner FROM jobs WHERE state = 'queued' ORDER BY owner LIMIT 1)
               UNION ALL
               SELECT (SELECT owner FROM jobs WHERE state = 'queued' AND owner > owners.owner ORDER BY owner LIMIT 1)
               FROM owners WHERE owners.owner IS NOT NULL
           ), turns AS MATERIALIZED (
               SELECT owners.owner FROM owners
               CROSS JOIN LATERAL (
                   SELECT priority, id FROM jobs
                   WHERE state = 'queued' AND jobs.owner = owners.owner AND run_after <= now()
                   ORDER BY priority DESC, id LIMIT 1
               ) AS head
               CROSS JOIN LATERAL (SELECT max(started_at) AS at FROM jobs WHERE jobs.owner = owners.owner) AS served
               WHERE $5::bigint IS NULL
                  OR (SELECT count(*) FROM jobs WHERE state = 'running' AND jobs.owner = owners.owner) < $5
               ORDER BY head.priority DESC, served.at NULLS FIRST, head.id
           ), next AS MATERIALIZED (
               SELECT head.id FROM turns
               CROSS JOIN LATERAL (
                   SELECT id FROM jobs
                   WHERE state = 'queued' AND jobs.owner = turns.owner AND run_after <= now()
                   ORDER BY priority DESC, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
               ) AS head
               WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND device = $2)
               LIMIT 1
           ), claimed AS (
               UPDATE jobs SET state = 'running', attempt = attempt + 1, worker_id = $1, device = $2,
                               lease_token = $3, lease_expires = now() + $4, reason = NULL, phase = NULL,
                               done = saved_done, preempted_by = NULL, started_at = now()
               FROM next WHERE jobs.id = next.id
               RETURNING jobs.id, jobs.kind, jobs.name, jobs.spec, jobs.attempt
           )
           SELECT claimed.id AS "id!", claimed.kind AS "kind!", claimed.name AS "name!", claimed.spec,
                  claimed.attempt AS "attempt!", runs.experiment AS "experiment?: Json<Experiment>",
                  runs.dataset_id AS "dataset_id?"
           FROM claimed LEFT JOIN runs ON runs.id = claimed.id"#,
        claimer.worker.0,
        claimer.device,
        token,
        interval(claimer.lease),
        claimer.owner_cap.map(i64::from)
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let lease = Lease { job_id: JobId(row.id), token, attempt: row.attempt as u32 };
    let work = match row.experiment {
        Some(Json(experiment)) => {
            Work::Training { experiment: Box::new(experiment), dataset_id: row.dataset_id.map(DatasetId) }
        }
        None => work(&row.kind, row.spec.unwrap_or_default())?,
    };
    Ok(Some(Claim { lease, name: row.name, work }))
}

fn work(kind: &str, spec: serde_json::Value) -> Result<Work, Error> {
    let unreadable = |error: serde_json::Error| Error::Corrupt { what: "job", detail: error.to_string() };
    if kind == JobKind::Evaluation.as_str() {
        Ok(Work::Evaluation(serde_json::from_value(spec).map_err(unreadable)?))
    } else {
        Ok(Work::Generation(serde_json::from_value(spec).map_err(unreadable)?))
    }
}

/// Extends the lease from now on, and says that its worker is alive; the answer is what others want of the job.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn extend(connection: &mut PgConnection, lease: &Lease, length: Duration) -> Result<Option<Wish>, Error> {
    let row = sqlx::query!(
        r#"WITH held AS (
               UPDATE jobs SET lease_expires = now() + $3 WHERE id = $1 AND state = 'running' AND lease_token = $2
               RETURNING worker_id, cancel_requested, pause_requested, preempted_by
           ), seen AS (
               UPDATE workers SET last_seen = now() FROM held WHERE workers.id = held.worker_id
           )
           SELECT cancel_requested, pause_requested, preempted_by IS NOT NULL AS "make_room!" FROM held"#,
        lease.job_id.0,
        lease.token,
        interval(length)
    )
    .fetch_optional(connection)
    .await?
    .ok_or(Error::StaleLease)?;
    Ok(match (row.cancel_requested, row.pause_requested, row.make_room) {
        (true, ..) => Some(Wish::Cancel),
        (_, true, _) => Some(Wish::Pause),
        (_, _, true) => Some(Wish::MakeRoom),
        _ => None,
    })
}

/// Locks the job for the rest of the caller's transaction, so that what it writes is written under the lease.
///
/// # Errors
/// [`Error::StaleLease`]; the caller must roll back.
pub async fn hold(connection: &mut PgConnection, lease: &Lease) -> Result<(), Error> {
    sqlx::query_scalar!(
        "SELECT id FROM jobs WHERE id = $1 AND state = 'running' AND lease_token = $2 FOR NO KEY UPDATE",
        lease.job_id.0,
        lease.token
    )
    .fetch_optional(connection)
    .await?
    .map(drop)
    .ok_or(Error::StaleLease)
}

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
    metrics::append(&mut tx, lease, points).await?;
    tx.commit().await?;
    Ok(())
}

/// Notes how much of how much is done, for jobs that are not counted in training steps.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn record_count(pool: &PgPool, lease: &Lease, done: u64, total: u64) -> Result<(), Error> {
    let written = sqlx::query!(
        "UPDATE jobs SET done = $3, total = $4 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        done.cast_signed(),
        total.cast_signed()
    )
    .execute(pool)
    .await?;
    held(written.rows_affected())
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
                         finished_at = now()
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
                           ELSE COALESCE((SELECT 'preempted by ' || other.name || ' of ' || other.owner
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
    take_from_dead(pool, None, grace, "its worker died").await
}

/// The holder's own word that it dies: counted like a death, but without waiting for the lease to run out.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn die(pool: &PgPool, lease: &Lease, cause: &str) -> Result<Swept, Error> {
    take_from_dead(pool, Some(lease), Duration::ZERO, cause).await?.into_iter().next().ok_or(Error::StaleLease)
}

/// Back into the queue with a pause that doubles with every death or, after too many deaths without a checkpoint
/// between them, failed; cancelled or paused if that was asked for.
async fn take_from_dead(
    pool: &PgPool,
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
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Swept { job_id: JobId(row.id), state: parse_state(&row.state)?, reason: row.why }))
        .collect()
}

/// Checks that a guarded statement found its job.
pub(super) fn held(rows_affected: u64) -> Result<(), Error> {
    if rows_affected == 1 { Ok(()) } else { Err(Error::StaleLease) }
}
