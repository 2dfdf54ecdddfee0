//! What runs rest on: the machines and programs of their attempts, what they cost, their checkpoints and scores.

use super::{Error, evaluations, leases, leases::Lease};
use hrm_types::{
    experiment::Experiment,
    ids::{CheckpointId, DatasetId, RunId},
    provenance::{Attempt, CheckpointRef, Choice, DatasetRef, Environment, RunProvenance},
};
use sqlx::{PgPool, types::Json};
use time::OffsetDateTime;

/// Notes which program on which machine works on an attempt that has begun.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn note_environment(pool: &PgPool, lease: &Lease, environment: &Environment) -> Result<(), Error> {
    let written = sqlx::query!(
        "UPDATE run_attempts SET environment = $4 FROM jobs
         WHERE run_id = $1 AND run_attempts.attempt = $2
               AND jobs.id = run_id AND jobs.state = 'running' AND jobs.lease_token = $3",
        lease.job_id.0,
        i64::from(lease.attempt),
        lease.token,
        Json(environment) as _
    )
    .execute(pool)
    .await?;
    leases::held(written.rows_affected())
}

/// What an attempt has cost until now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Seconds for which its worker was at it.
    pub active_seconds: f64,
    /// Most memory its worker's process held meanwhile, bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// Notes what an attempt has cost until now.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn note_usage(pool: &PgPool, lease: &Lease, usage: Usage) -> Result<(), Error> {
    let written = sqlx::query!(
        "UPDATE run_attempts SET active_seconds = $4, peak_memory_bytes = COALESCE($5, peak_memory_bytes) FROM jobs
         WHERE run_id = $1 AND run_attempts.attempt = $2
               AND jobs.id = run_id AND jobs.state = 'running' AND jobs.lease_token = $3",
        lease.job_id.0,
        i64::from(lease.attempt),
        lease.token,
        usage.active_seconds,
        usage.peak_memory_bytes.map(u64::cast_signed)
    )
    .execute(pool)
    .await?;
    leases::held(written.rows_affected())
}

/// Everything that a run's results rest on.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_run(pool: &PgPool, run: RunId) -> Result<RunProvenance, Error> {
    let row = sqlx::query!(
        r#"SELECT jobs.name, runs.experiment AS "experiment: Json<Experiment>", runs.config_hash, runs.imported_at,
                  jobs.finished_at, datasets.id AS "dataset_id?", datasets.name AS "dataset_name?", datasets.test_hash AS "test_hash?",
                  COALESCE(datasets.content_hash, checkpoint.dataset_hash) AS dataset_hash,
                  checkpoint.id AS "checkpoint_id?", checkpoint.sha256 AS "sha256?", checkpoint.size AS "size?",
                  checkpoint.step AS "step?", checkpoint.choice AS "choice: Json<Choice>"
           FROM runs JOIN jobs USING (id)
           LEFT JOIN LATERAL (SELECT checkpoints.*, artifacts.sha256, artifacts.size
                              FROM checkpoints JOIN artifacts ON artifacts.id = artifact_id
                              WHERE run_id = runs.id ORDER BY step DESC LIMIT 1) AS checkpoint ON true
           LEFT JOIN LATERAL (SELECT id, name, content_hash, test_hash FROM datasets AS stored
                              WHERE stored.id = runs.dataset_id
                                    OR runs.dataset_id IS NULL AND stored.content_hash = checkpoint.dataset_hash
                                       AND (stored.team_id = jobs.team_id OR stored.public)
                              ORDER BY stored.team_id = jobs.team_id DESC, id LIMIT 1) AS datasets ON true
           WHERE runs.id = $1"#,
        run.0
    )
    .fetch_optional(pool)
    .await?
    .ok_or_else(|| Error::not_found("run", run.to_string()))?;
    let attempts = attempts(pool, run).await?;
    let checkpoint = match (row.checkpoint_id, row.sha256, row.size, row.step) {
        (Some(id), Some(sha256), Some(size), Some(step)) => Some(CheckpointRef {
            id: CheckpointId(id),
            sha256,
            size: size.cast_unsigned(),
            step: step.cast_unsigned(),
            choice: row.choice.map(|Json(choice)| choice),
        }),
        _ => None,
    };
    let scores = match &checkpoint {
        Some(checkpoint) => evaluations::of_checkpoint(pool, checkpoint.id).await?,
        None => vec![],
    };
    let dataset = row.dataset_hash.map(|content_hash| DatasetRef {
        id: row.dataset_id.map(DatasetId),
        name: row.dataset_name,
        content_hash,
        test_hash: row.test_hash,
    });
    let measured: Vec<f64> = attempts.iter().filter_map(|attempt| attempt.active_seconds).collect();
    Ok(RunProvenance {
        run_id: run,
        name: row.name,
        seed: row.experiment.seed,
        experiment: row.experiment.0,
        config_hash: row.config_hash,
        dataset,
        wall_seconds: wall_seconds(&attempts, row.finished_at),
        active_seconds: (!measured.is_empty()).then(|| measured.iter().sum()),
        peak_memory_bytes: attempts.iter().filter_map(|attempt| attempt.peak_memory_bytes).max(),
        attempts,
        checkpoint,
        scores,
        imported_at: row.imported_at,
    })
}

/// Seconds from the first attempt's beginning to the end. The beginnings of the earliest runs were not noted; what stands for
/// them is later than their end.
fn wall_seconds(attempts: &[Attempt], finished_at: Option<OffsetDateTime>) -> Option<f64> {
    let (first, end) = (attempts.first()?, finished_at?);
    Some((end - first.begun_at).as_seconds_f64()).filter(|&seconds| seconds >= 0.0)
}

async fn attempts(pool: &PgPool, run: RunId) -> Result<Vec<Attempt>, Error> {
    let rows = sqlx::query!(
        r#"SELECT attempt, from_step, begun_at, environment AS "environment: Json<Environment>", active_seconds,
                  peak_memory_bytes
           FROM run_attempts WHERE run_id = $1 ORDER BY attempt"#,
        run.0
    )
    .fetch_all(pool)
    .await?;
    let attempt = rows.into_iter().map(|row| Attempt {
        attempt: row.attempt as u32,
        from_step: row.from_step.cast_unsigned(),
        begun_at: row.begun_at,
        environment: row.environment.map(|Json(environment)| environment),
        active_seconds: row.active_seconds,
        peak_memory_bytes: row.peak_memory_bytes.map(i64::cast_unsigned),
    });
    Ok(attempt.collect())
}
