//! Worker processes that are at work.

use super::{Error, access::Viewer, interval};
use hrm_types::{
    ids::{JobId, RunId, WorkerId},
    worker::{Device, Worker},
};
use sqlx::{PgPool, types::Json};
use std::time::Duration;

/// What a worker says about itself when it begins.
#[derive(Debug, Clone)]
pub struct NewWorker {
    /// Fresh at every start.
    pub id: WorkerId,
    /// The machine's name.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// The device it computes on.
    pub device: Device,
    /// Every device of its host.
    pub devices: Vec<Device>,
    /// Jobs of one owner that may run at once while it claims.
    pub owner_cap: Option<u32>,
}

/// Notes that a worker is at work: that it began, or that it still is. Rows of workers that have been silent for a day are
/// dropped on the way; one that was silent because its machine slept comes back.
pub async fn register(pool: &PgPool, new: &NewWorker) -> Result<(), Error> {
    sqlx::query!("DELETE FROM workers WHERE last_seen < now() - interval '1 day'").execute(pool).await?;
    sqlx::query!(
        "INSERT INTO workers (id, host, pid, device, device_id, devices, owner_cap) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET last_seen = now()",
        new.id.0,
        new.host,
        i64::from(new.pid),
        new.device.name,
        new.device.id,
        Json(&new.devices) as _,
        new.owner_cap.map(i64::from)
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Notes that a worker ended in good order.
pub async fn remove(pool: &PgPool, id: WorkerId) -> Result<(), Error> {
    sqlx::query!("DELETE FROM workers WHERE id = $1", id.0).execute(pool).await?;
    Ok(())
}

/// Workers that reported within the last `within`, the one at work for longest first, with the jobs that the viewer sees.
pub async fn list(pool: &PgPool, viewer: &Viewer, within: Duration) -> Result<Vec<Worker>, Error> {
    let rows = sqlx::query!(
        r#"SELECT workers.id, host, pid, workers.device, device_id, devices AS "devices: Json<Vec<Device>>",
                  held.id IS NOT NULL AS "busy!", seen.id AS "job_id?", runs.id AS "run_id?",
                  workers.started_at, last_seen
           FROM workers
           LEFT JOIN jobs AS held ON held.worker_id = workers.id AND held.state = 'running'
           LEFT JOIN jobs AS seen ON seen.id = held.id
                                  AND ($2::uuid[] IS NULL OR seen.team_id = ANY($2) OR seen.public)
           LEFT JOIN runs ON runs.id = seen.id
           WHERE last_seen > now() - $1::interval ORDER BY workers.started_at, workers.id"#,
        interval(within),
        viewer.teams()
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
            device_id: row.device_id,
            devices: row.devices.0,
            busy: row.busy,
            job_id: row.job_id.map(JobId),
            run_id: row.run_id.map(RunId),
            started_at: row.started_at,
            last_seen: row.last_seen,
        })
        .collect())
}
