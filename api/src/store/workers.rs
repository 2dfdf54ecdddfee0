//! Worker processes that are at work.

use super::Error;
use hrm_types::{
    ids::{RunId, WorkerId},
    worker::Worker,
};
use sqlx::{PgPool, postgres::types::PgInterval};
use std::time::Duration;

/// Notes that a worker began. Rows of workers that have been silent for a day are dropped on the way.
pub async fn register(pool: &PgPool, id: WorkerId, host: &str, pid: u32, device: &str) -> Result<(), Error> {
    sqlx::query!("DELETE FROM workers WHERE last_seen < now() - interval '1 day'").execute(pool).await?;
    sqlx::query!(
        "INSERT INTO workers (id, host, pid, device) VALUES ($1, $2, $3, $4)",
        id.0,
        host,
        i64::from(pid),
        device
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that a worker is alive.
pub async fn seen(pool: &PgPool, id: WorkerId) -> Result<(), Error> {
    sqlx::query!("UPDATE workers SET last_seen = now() WHERE id = $1", id.0).execute(pool).await?;
    Ok(())
}

/// Notes that a worker ended in good order.
pub async fn remove(pool: &PgPool, id: WorkerId) -> Result<(), Error> {
    sqlx::query!("DELETE FROM workers WHERE id = $1", id.0).execute(pool).await?;
    Ok(())
}

/// Workers that reported within the last `within`, the one at work for longest first.
pub async fn list(pool: &PgPool, within: Duration) -> Result<Vec<Worker>, Error> {
    let microseconds = i64::try_from(within.as_micros()).unwrap_or(i64::MAX);
    let rows = sqlx::query!(
        r#"SELECT workers.id, host, pid, device, runs.id AS "run_id?", workers.started_at, last_seen
           FROM workers LEFT JOIN runs ON runs.worker_id = workers.id AND runs.state = 'running'
           WHERE last_seen > now() - $1::interval ORDER BY workers.id"#,
        PgInterval { months: 0, days: 0, microseconds }
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Worker {
            id: WorkerId(row.id),
            host: row.host,
            pid: row.pid as u32,
            device: row.device,
            run_id: row.run_id.map(RunId),
            started_at: row.started_at,
            last_seen: row.last_seen,
        })
        .collect())
}
