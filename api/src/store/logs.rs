//! What the workers of jobs have said, as much of it as is kept.

use super::{
    Error,
    leases::{Lease, held},
    variant,
};
use hrm_types::{
    ids::JobId,
    job::{LogLevel, LogLine},
};
use sqlx::PgPool;
use time::OffsetDateTime;

/// Lines kept of a job; older ones make room.
pub const KEPT: i64 = 2_000;

/// A line on its way to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// How grave it is.
    pub level: LogLevel,
    /// What was said.
    pub message: String,
    /// When.
    pub at: OffsetDateTime,
}

/// Adds lines under the lease and drops the oldest beyond [`KEPT`].
///
/// # Errors
/// [`Error::StaleLease`]; then nothing was written.
pub async fn append(pool: &PgPool, lease: &Lease, lines: &[Said]) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    // Readers look again when the revision has grown.
    let written = sqlx::query!(
        "UPDATE jobs SET revision = revision + 1 WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token
    )
    .execute(&mut *tx)
    .await?;
    held(written.rows_affected())?;
    let levels: Vec<String> = lines.iter().map(|line| line.level.as_str().to_owned()).collect();
    let messages: Vec<String> = lines.iter().map(|line| line.message.clone()).collect();
    let times: Vec<OffsetDateTime> = lines.iter().map(|line| line.at).collect();
    sqlx::query!(
        "INSERT INTO run_logs (job_id, attempt, level, message, created_at)
         SELECT $1, $2, level, message, at
         FROM UNNEST($3::text[], $4::text[], $5::timestamptz[]) WITH ORDINALITY AS line (level, message, at, place)
         ORDER BY place",
        lease.job_id.0,
        i64::from(lease.attempt),
        &levels,
        &messages,
        &times
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "DELETE FROM run_logs WHERE job_id = $1 AND id <=
             (SELECT id FROM run_logs WHERE job_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)",
        lease.job_id.0,
        KEPT
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The lines of a job after `after`, oldest first.
pub async fn list(pool: &PgPool, id: JobId, after: Option<u64>, limit: u32) -> Result<Vec<LogLine>, Error> {
    let rows = sqlx::query!(
        "SELECT id, attempt, level, message, created_at FROM run_logs
         WHERE job_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        id.0,
        // Beyond what an id can be there is nothing, rather than everything.
        after.map_or(-1, |id| i64::try_from(id).unwrap_or(i64::MAX)),
        i64::from(limit)
    )
    .fetch_all(pool)
    .await?;
    let line = |level: LogLevel, id: i64, attempt: i64, message, created_at| LogLine {
        id: id.cast_unsigned(),
        attempt: attempt as u32,
        level,
        message,
        created_at,
    };
    rows.into_iter()
        .map(|row| Ok(line(variant("log level", &row.level)?, row.id, row.attempt, row.message, row.created_at)))
        .collect()
}
