//! Claims: whose turn it is, and what is to be done.

use super::Lease;
use crate::store::{Error, interval};
use hrm_types::{
    batch::BatchSpec,
    experiment::Experiment,
    ids::{DatasetId, JobId, WorkerId},
    job::{EvaluationSpec, GenerationSpec, JobKind},
};
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Held while a claim counts the running jobs of the owners, so that two claims cannot both find room for one.
const CLAIM_LOCK: i64 = 0x6872_6d01;

/// How long a job is left alone that a worker's program could not read.
const POSTPONED: Duration = Duration::from_mins(1);

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
    /// Solve puzzles.
    Batch(BatchSpec),
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

/// The queued job whose turn it is, now running under a fresh lease.
///
/// The highest priority goes first; within it the owner who was served longest ago; of his jobs the first in his line. None
/// while the device holds another job.
pub async fn claim_next_job(pool: &PgPool, claimer: Claimer<'_>) -> Result<Option<Claim>, Error> {
    let mut tx = pool.begin().await?;
    // A table that has grown faster than it was analysed looks small, and sorting an owner's whole queue looks as cheap as
    // taking the first of it from the index. With indexes alone one plan is right whatever is queued, and made once.
    sqlx::query!(
        "SELECT set_config('enable_bitmapscan', 'off', true) || set_config('enable_seqscan', 'off', true)
           || set_config('plan_cache_mode', 'force_generic_plan', true) AS set"
    )
    .fetch_one(&mut *tx)
    .await?;
    if claimer.owner_cap.is_some() {
        sqlx::query!("SELECT pg_advisory_xact_lock($1)", CLAIM_LOCK).execute(&mut *tx).await?;
    }
    match claim(&mut tx, claimer).await {
        Ok(Some((lease, row))) => {
            let served = row.served;
            let claimed = match row.read(lease) {
                Ok(claim) => Some(claim),
                Err(detail) => {
                    postpone(&mut tx, &lease, served, &detail).await?;
                    None
                }
            };
            tx.commit().await?;
            Ok(claimed)
        }
        Ok(None) => {
            tx.commit().await?;
            Ok(None)
        }
        // Another worker has put a job on the device between the look and the claim.
        Err(Error::Conflict { constraint, .. }) if constraint == "jobs_device_key" => Ok(None),
        Err(error) => Err(error),
    }
}

async fn claim(connection: &mut PgConnection, claimer: Claimer<'_>) -> Result<Option<(Lease, Claimed)>, Error> {
    let token = Uuid::new_v4();
    let row = sqlx::query_as!(
        Claimed,
        r#"WITH RECURSIVE owners AS (
               (SELECT owner FROM jobs WHERE state = 'queued' ORDER BY owner, priority DESC, rank, id LIMIT 1)
               UNION ALL
               SELECT (SELECT owner FROM jobs WHERE state = 'queued' AND owner > owners.owner
                       ORDER BY owner, priority DESC, rank, id LIMIT 1)
               FROM owners WHERE owners.owner IS NOT NULL
           ), turns AS MATERIALIZED (
               SELECT owners.owner FROM owners
               CROSS JOIN LATERAL (
                   SELECT priority, id FROM jobs
                   WHERE state = 'queued' AND jobs.owner = owners.owner AND run_after <= now()
                   ORDER BY priority DESC, rank, id LIMIT 1
               ) AS head
               CROSS JOIN LATERAL (SELECT max(started_at) AS at FROM jobs WHERE jobs.owner = owners.owner) AS served
               WHERE $5::bigint IS NULL
                  OR (SELECT count(*) FROM jobs WHERE state = 'running' AND jobs.owner = owners.owner) < $5
               ORDER BY head.priority DESC, served.at NULLS FIRST, head.id
           ), next AS MATERIALIZED (
               SELECT head.id, head.started_at FROM turns
               CROSS JOIN LATERAL (
                   SELECT id, started_at FROM jobs
                   WHERE state = 'queued' AND jobs.owner = turns.owner AND run_after <= now()
                   ORDER BY priority DESC, rank, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
               ) AS head
               WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND device = $2)
               LIMIT 1
           ), claimed AS (
               UPDATE jobs SET state = 'running', attempt = attempt + 1, worker_id = $1, device = $2,
                               lease_token = $3, lease_expires = now() + $4, reason = NULL, phase = NULL,
                               done = saved_done, preempted_by = NULL, started_at = now()
               FROM next WHERE jobs.id = next.id
               RETURNING jobs.id, jobs.kind, jobs.name, jobs.spec, jobs.attempt, next.started_at AS served
           )
           SELECT claimed.id AS "id!", claimed.kind AS "kind!", claimed.name AS "name!", claimed.spec,
                  claimed.attempt AS "attempt!", claimed.served, runs.experiment AS "experiment?",
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
    Ok(row.map(|row| (Lease { job_id: JobId(row.id), token, attempt: row.attempt as u32 }, row)))
}

/// A claimed job as it is stored.
struct Claimed {
    id: Uuid,
    kind: String,
    name: String,
    spec: Option<serde_json::Value>,
    attempt: i64,
    /// When its last attempt began.
    served: Option<OffsetDateTime>,
    experiment: Option<serde_json::Value>,
    dataset_id: Option<Uuid>,
}

impl Claimed {
    /// What is to be done, or what in it this program does not know.
    fn read(self, lease: Lease) -> Result<Claim, String> {
        let work = match (self.experiment, self.spec.unwrap_or_default()) {
            (Some(experiment), _) => {
                let dataset_id = self.dataset_id.map(DatasetId);
                serde_json::from_value(experiment).map(|experiment| Work::Training { experiment, dataset_id })
            }
            (None, spec) if self.kind == JobKind::Evaluation.as_str() => {
                serde_json::from_value(spec).map(Work::Evaluation)
            }
            (None, spec) if self.kind == JobKind::Batch.as_str() => serde_json::from_value(spec).map(Work::Batch),
            (None, spec) => serde_json::from_value(spec).map(Work::Generation),
        };
        let work = work.map_err(|error| error.to_string())?;
        Ok(Claim { lease, name: self.name, work })
    }
}

/// Puts a job back that this worker's program cannot read, such as one that a newer server has queued. Until its time comes
/// again the jobs behind it are taken, and a worker of its own version takes it. Its attempt has not begun, nor was its owner
/// served.
async fn postpone(
    connection: &mut PgConnection,
    lease: &Lease,
    served: Option<OffsetDateTime>,
    detail: &str,
) -> Result<(), Error> {
    tracing::warn!(job = %lease.job_id, detail, "a job is left to a worker of another version");
    sqlx::query!(
        "UPDATE jobs SET state = 'queued', run_after = now() + $2,
                         reason = 'a worker of another version is needed; one could not read it: ' || $3,
                         worker_id = NULL, device = NULL, lease_token = NULL, lease_expires = NULL,
                         attempt = attempt - 1, started_at = $4
         WHERE id = $1",
        lease.job_id.0,
        interval(POSTPONED),
        detail,
        served
    )
    .execute(connection)
    .await?;
    Ok(())
}
