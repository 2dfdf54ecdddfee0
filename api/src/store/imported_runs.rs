//! Runs that were trained elsewhere, stored as a whole.

use super::{Error, artifacts, checkpoints, evaluations, metrics, runs::config_hash};
use crate::run_folder::RunFolder;
use hrm_types::{
    ids::{RunId, TeamId},
    run::{MetricPoint, RunState},
};
use sqlx::{PgConnection, PgPool, types::Json};
use tokio::fs::File;

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is stored now.
    Stored,
    /// It was stored already, by an earlier import or because it was trained here.
    Known,
}

/// Stores a run with its curve, its checkpoint and its scores, which are claims, in one transaction.
///
/// # Errors
/// [`Error::Conflict`] when something else is stored under one of its ids; [`Error::Corrupt`] when the checkpoint's file
/// is not the one that was checked. Nothing is stored then.
pub async fn store(pool: &PgPool, team: TeamId, folder: &RunFolder) -> Result<Imported, Error> {
    match look_and_store(pool, team, folder).await {
        // Somebody has stored it since the look; now it is found.
        Err(Error::Conflict { constraint, .. }) if constraint == "jobs_pkey" => {
            look_and_store(pool, team, folder).await
        }
        stored => stored,
    }
}

async fn look_and_store(pool: &PgPool, team: TeamId, folder: &RunFolder) -> Result<Imported, Error> {
    let mut tx = pool.begin().await?;
    let imported = if is_known(&mut tx, folder).await? { Imported::Known } else { Imported::Stored };
    if imported == Imported::Stored {
        insert(&mut tx, team, folder).await?;
    }
    for score in &folder.scores {
        evaluations::claim(&mut tx, score).await?;
    }
    tx.commit().await?;
    Ok(imported)
}

/// Whether this very run is stored.
async fn is_known(connection: &mut PgConnection, folder: &RunFolder) -> Result<bool, Error> {
    let run = &folder.record.provenance;
    let stored = sqlx::query!(
        r#"SELECT config_hash, (SELECT state FROM jobs WHERE jobs.id = runs.id) AS "state!", (SELECT sha256 FROM checkpoints JOIN artifacts ON artifacts.id = artifact_id
                                WHERE run_id = runs.id ORDER BY step DESC LIMIT 1) AS sha256
           FROM runs WHERE id = $1"#,
        run.run_id.0
    )
    .fetch_optional(connection)
    .await?;
    match stored {
        None => Ok(false),
        Some(row) if row.config_hash == run.config_hash && row.sha256.as_ref() == Some(&folder.checkpoint.sha256) => {
            Ok(true)
        }
        Some(row) => {
            let id = run.run_id;
            let detail = if row.sha256.is_some() || row.config_hash != run.config_hash {
                format!("another run is stored under the id {id}")
            } else if row.state == RunState::Succeeded.as_str() {
                format!(
                    "this run is stored already, but its model was deleted: delete the run, too, and import it again; its id is {id}"
                )
            } else {
                format!(
                    "this run is stored already and is {}: end it, delete it and import it again; its id is {id}",
                    row.state
                )
            };
            Err(Error::Conflict { constraint: "runs_pkey".into(), detail })
        }
    }
}

async fn insert(connection: &mut PgConnection, team: TeamId, folder: &RunFolder) -> Result<(), Error> {
    let (record, run) = (&folder.record, &folder.record.provenance);
    let last = run.attempts.last().map_or(1, |attempt| attempt.attempt);
    sqlx::query!(
        "INSERT INTO jobs (id, kind, name, state, attempt, done, saved_done, total, created_at, started_at, finished_at,
                           team_id)
         -- Owners take turns by when they were served: a clock that was ahead must not keep this one waiting.
         VALUES ($1, 'training', $2, 'succeeded', $3, $4, $4, $5, $6, LEAST($7, now()), $8, $9)",
        run.run_id.0,
        run.name,
        i64::from(last),
        record.step.cast_signed(),
        record.total_steps.map(u64::cast_signed),
        record.created_at,
        record.started_at,
        record.finished_at,
        team.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO runs (id, experiment, config_hash, dataset_id, parameters, imported_at)
         VALUES ($1, $2, $3, (SELECT id FROM datasets WHERE content_hash = $4 AND team_id = $6), $5, now())",
        run.run_id.0,
        Json(&run.experiment) as _,
        config_hash(&run.experiment),
        folder.info.dataset_hash,
        record.parameters.map(u64::cast_signed),
        team.0
    )
    .execute(&mut *connection)
    .await?;
    for attempt in &run.attempts {
        sqlx::query!(
            "INSERT INTO run_attempts (run_id, attempt, from_step, begun_at, environment, active_seconds,
                                       peak_memory_bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            run.run_id.0,
            i64::from(attempt.attempt),
            attempt.from_step.cast_signed(),
            attempt.begun_at,
            attempt.environment.as_ref().map(Json) as _,
            attempt.active_seconds,
            attempt.peak_memory_bytes.map(u64::cast_signed)
        )
        .execute(&mut *connection)
        .await?;
    }
    insert_curve(connection, run.run_id, last, &folder.points).await?;
    insert_checkpoint(connection, folder).await
}

/// The curve as the last attempt's, with the times at which its points were made.
async fn insert_curve(
    connection: &mut PgConnection,
    run: RunId,
    attempt: u32,
    points: &[MetricPoint],
) -> Result<(), Error> {
    let made = |point: &MetricPoint| point.wall_seconds.unwrap_or(point.elapsed_seconds);
    let timed = points.iter().map(|point| MetricPoint { wall_seconds: Some(made(point)), ..point.clone() });
    metrics::append(connection, (run, attempt), &timed.collect::<Vec<_>>()).await
}

async fn insert_checkpoint(connection: &mut PgConnection, folder: &RunFolder) -> Result<(), Error> {
    let artifact = artifacts::store(connection, File::open(&folder.file).await?).await?;
    if artifact.sha256 != folder.checkpoint.sha256 {
        let detail = format!("the hash {}, expected {}", artifact.sha256, folder.checkpoint.sha256);
        return Err(Error::Corrupt { what: "checkpoint", detail });
    }
    let run = &folder.record.provenance;
    checkpoints::insert(connection, folder.checkpoint.id, &run.name, (Some(run.run_id), None), &folder.info, &artifact)
        .await
}
