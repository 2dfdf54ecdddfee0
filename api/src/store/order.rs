//! The order in which queued jobs are taken: places and estimates for those who wait, and who must make room.

use super::{Error, interval};
use hrm_types::ids::JobId;
use sqlx::PgPool;
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// Held by whoever decides about preemption, so that one wish moves one job.
const PREEMPT_LOCK: i64 = 0x6872_6d02;

/// A worker that has been silent for so long is taken for dead.
pub const SILENCE: Duration = Duration::from_mins(1);

/// Where a queued job stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Jobs that will be taken before it.
    pub ahead: u32,
    /// Estimated seconds until it starts; none when that cannot be told.
    pub starts_in: Option<f64>,
}

/// The places of these jobs, of those that are queued.
///
/// Within a priority every owner's first job comes before anybody's second, and the owner served longest ago is
/// first. A job starts when as many workers are free as there are jobs up to it; a busy one is free when its job is
/// done, as far as that can be told from its progress.
pub async fn places(pool: &PgPool, ids: &[JobId]) -> Result<BTreeMap<JobId, Place>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"WITH turns AS (
               SELECT id, priority, owner, row_number() OVER (PARTITION BY priority, owner ORDER BY id) AS turn
               FROM jobs WHERE state = 'queued'
           ), served AS (
               SELECT owner, (SELECT max(started_at) FROM jobs WHERE jobs.owner = waiting.owner) AS at
               FROM (SELECT DISTINCT owner FROM turns) AS waiting
           ), ordered AS (
               SELECT id, row_number() OVER (ORDER BY priority DESC, turn, served.at NULLS FIRST, id) - 1 AS ahead
               FROM turns JOIN served USING (owner)
           )
           SELECT id, ahead AS "ahead!" FROM ordered WHERE id = ANY($1)"#,
        &ids
    )
    .fetch_all(pool)
    .await?;
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let free = free_in(pool).await?;
    let place = |ahead: i64| Place {
        ahead: ahead as u32,
        starts_in: free.get(ahead as usize).copied().filter(|seconds| seconds.is_finite()),
    };
    Ok(rows.into_iter().map(|row| (JobId(row.id), place(row.ahead))).collect())
}

/// Seconds until each live worker is free, ascending; infinite where that cannot be told.
async fn free_in(pool: &PgPool) -> Result<Vec<f64>, Error> {
    let rows = sqlx::query_scalar!(
        r#"SELECT CASE
               WHEN jobs.id IS NULL THEN 0
               WHEN jobs.kind = 'training' AND jobs.phase = 'training' THEN
                   (jobs.total - jobs.done) * last.elapsed_seconds / NULLIF(last.step, 0)
               WHEN jobs.kind <> 'training' THEN
                   (jobs.total - jobs.done) * EXTRACT(epoch FROM now() - jobs.started_at)::float8 / NULLIF(jobs.done, 0)
           END AS seconds
           FROM workers
           LEFT JOIN jobs ON jobs.state = 'running' AND jobs.device = workers.device_id
           LEFT JOIN LATERAL (SELECT step, elapsed_seconds FROM metrics
                              WHERE run_id = jobs.id AND metrics.attempt = jobs.attempt
                              ORDER BY step DESC LIMIT 1) AS last ON true
           WHERE workers.last_seen > now() - $1::interval"#,
        interval(SILENCE)
    )
    .fetch_all(pool)
    .await?;
    let mut free: Vec<f64> = rows.into_iter().map(|seconds| seconds.unwrap_or(f64::INFINITY)).collect();
    free.sort_by(f64::total_cmp);
    Ok(free)
}

/// Asks the running job of the lowest priority to make room, if a queued one of strictly higher priority finds no
/// live worker free and nobody is about to make room already. The answer is who shall go.
pub async fn preempt(pool: &PgPool, owner_cap: Option<u32>) -> Result<Option<JobId>, Error> {
    let mut tx = pool.begin().await?;
    let mine = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "mine!""#, PREEMPT_LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !mine {
        return Ok(None);
    }
    let id = sqlx::query_scalar!(
        r#"WITH waiting AS (
               SELECT id, name, owner, priority FROM jobs
               WHERE state = 'queued' AND run_after <= now()
                 AND ($2::bigint IS NULL OR
                      (SELECT count(*) FROM jobs AS other WHERE other.state = 'running' AND other.owner = jobs.owner)
                      < $2)
               ORDER BY priority DESC, id LIMIT 1
           ), victim AS (
               SELECT jobs.id, waiting.id AS by, waiting.name, waiting.owner, waiting.priority
               FROM jobs, waiting
               WHERE jobs.state = 'running' AND jobs.priority < waiting.priority
                 AND NOT EXISTS (SELECT 1 FROM jobs AS leaving WHERE leaving.state = 'running'
                                 AND (leaving.preempted_by IS NOT NULL OR leaving.cancel_requested
                                      OR leaving.pause_requested))
                 AND NOT EXISTS (SELECT 1 FROM workers
                                 WHERE last_seen > now() - $1::interval
                                   AND NOT EXISTS (SELECT 1 FROM jobs AS held
                                                   WHERE held.state = 'running' AND held.device = device_id))
               ORDER BY jobs.priority, jobs.started_at DESC LIMIT 1
           )
           UPDATE jobs SET preempted_by = victim.by,
                           reason = 'makes room for ' || victim.name || ' of ' || victim.owner
                                    || ' (priority ' || victim.priority || ')'
           FROM victim WHERE jobs.id = victim.id AND jobs.state = 'running'
           RETURNING jobs.id"#,
        interval(SILENCE),
        owner_cap.map(i64::from)
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(id.map(JobId))
}
