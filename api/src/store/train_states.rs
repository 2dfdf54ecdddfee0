//! States that trainings were saved in, from which a later attempt goes on.

use super::{
    Error, artifacts, garbage, leases,
    leases::Lease,
    retention::{self, Candidate},
};
use crate::{config::RetentionConfig, fault};
use hrm_types::ids::RunId;
use sqlx::{PgConnection, PgPool};
use std::path::Path;
use tokio::{fs::File, io::AsyncWriteExt};
use uuid::Uuid;

/// A stored training state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredState {
    /// Its id.
    pub id: Uuid,
    /// Steps done in it.
    pub step: u64,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// Size of its file, bytes.
    pub size: u64,
}

/// Stores a state's file for a run that is worked on, after the metrics of its steps; the next attempt begins there.
/// Of the states before it those stay that shall be kept.
///
/// # Errors
/// [`Error::StaleLease`]; then the run has no new state.
pub async fn save(
    pool: &PgPool,
    lease: &Lease,
    step: u64,
    file: &Path,
    keep: RetentionConfig,
) -> Result<StoredState, Error> {
    let mut tx = pool.begin().await?;
    // Before the job's row is locked: a large file takes longer than a heartbeat may wait.
    let artifact = artifacts::store(&mut tx, File::open(file).await?).await?;
    leases::note_checkpoint(&mut tx, lease, step).await?;
    let id = sqlx::query_scalar!(
        "INSERT INTO train_states (id, run_id, attempt, step, artifact_id, validation_exact)
         VALUES ($1, $2, $3, $4, $5,
                 (SELECT validation_exact::float8 / validation_n FROM metrics
                  WHERE run_id = $2 AND attempt <= $3 AND step = $4 AND validation_n IS NOT NULL
                  ORDER BY attempt DESC LIMIT 1))
         ON CONFLICT (run_id, attempt, step) DO UPDATE
         SET artifact_id = EXCLUDED.artifact_id, damaged = false, validation_exact = EXCLUDED.validation_exact
         RETURNING id",
        Uuid::now_v7(),
        lease.job_id.0,
        i64::from(lease.attempt),
        step.cast_signed(),
        artifact.id
    )
    .fetch_one(&mut *tx)
    .await?;
    drop_old(&mut tx, lease.run_id(), keep).await?;
    fault::point("state-uncommitted");
    tx.commit().await?;
    fault::point("state-committed");
    garbage::collect_if_possible(pool).await;
    fault::point("state-collected");
    Ok(StoredState { id, step, sha256: artifact.sha256, size: artifact.size })
}

/// Drops the states of a run that nothing keeps. Their files are garbage then.
pub(super) async fn drop_old(connection: &mut PgConnection, run: RunId, keep: RetentionConfig) -> Result<(), Error> {
    let states = sqlx::query!(
        "SELECT id, step, pinned, damaged, validation_exact,
                (SELECT exact_accuracy FROM metrics
                 WHERE run_id = $1 AND attempt <= train_states.attempt AND step <= train_states.step
                   AND exact_accuracy IS NOT NULL
                 ORDER BY step DESC, attempt DESC LIMIT 1) AS training_exact
         FROM train_states WHERE run_id = $1",
        run.0
    )
    .fetch_all(&mut *connection)
    .await?;
    let candidates = states.into_iter().map(|row| Candidate {
        id: row.id,
        step: row.step.cast_unsigned(),
        pinned: row.pinned,
        damaged: row.damaged,
        validation: row.validation_exact,
        training: row.training_exact,
    });
    let dropped = retention::dropped(candidates.collect(), keep);
    // Somebody may have pinned one meanwhile.
    sqlx::query!("DELETE FROM train_states WHERE id = ANY($1) AND NOT pinned", &dropped).execute(connection).await?;
    Ok(())
}

/// The undamaged state of a run with the most steps.
pub async fn newest(pool: &PgPool, run: RunId) -> Result<Option<StoredState>, Error> {
    let row = sqlx::query!(
        "SELECT train_states.id, step, sha256, size
         FROM train_states JOIN artifacts ON artifacts.id = train_states.artifact_id
         WHERE run_id = $1 AND NOT damaged ORDER BY step DESC, train_states.id DESC LIMIT 1",
        run.0
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| StoredState {
        id: row.id,
        step: row.step.cast_unsigned(),
        sha256: row.sha256,
        size: row.size.cast_unsigned(),
    }))
}

/// Writes a state's file to `path`.
///
/// # Errors
/// [`Error::Corrupt`] when the stored bytes are not those that were stored; [`Error::Output`] when the file cannot be
/// written.
pub async fn fetch(pool: &PgPool, state: &StoredState, path: &Path) -> Result<(), Error> {
    let mut file = File::create(path).await.map_err(Error::Output)?;
    artifacts::copy(pool, &state.sha256, &mut file).await?;
    file.flush().await.map_err(Error::Output)
}

/// Notes that a state cannot be gone on from.
pub async fn mark_damaged(pool: &PgPool, state: &StoredState) -> Result<(), Error> {
    sqlx::query!("UPDATE train_states SET damaged = true WHERE id = $1", state.id).execute(pool).await?;
    Ok(())
}

/// Notes at which step an attempt begins. It has begun when its worker was given the job: preparing data is part of it. The
/// answer are the seconds since the run's first attempt began.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn begin_attempt(pool: &PgPool, lease: &Lease, from_step: u64) -> Result<f64, Error> {
    let mut tx = pool.begin().await?;
    leases::note_beginning(&mut tx, lease, from_step).await?;
    sqlx::query!(
        "INSERT INTO run_attempts (run_id, attempt, from_step, begun_at)
         SELECT id, $2, $3, started_at FROM jobs WHERE id = $1
         ON CONFLICT (run_id, attempt) DO UPDATE SET from_step = EXCLUDED.from_step",
        lease.job_id.0,
        i64::from(lease.attempt),
        from_step.cast_signed()
    )
    .execute(&mut *tx)
    .await?;
    let seconds = sqlx::query_scalar!(
        r#"SELECT EXTRACT(EPOCH FROM now() - min(begun_at))::float8 AS "seconds!" FROM run_attempts WHERE run_id = $1"#,
        lease.job_id.0
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(seconds)
}
