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
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Jobs that will be taken before it.
    pub ahead: u32,
    /// Estimated seconds until it starts; none when that cannot be told.
    pub starts_in: Option<f64>,
    /// What it waits for, in words.
    pub waits_for: String,
}

/// What holds a queued job back.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Waiting {
    /// Jobs that will be taken before it.
    ahead: usize,
    /// Seconds that are left of its pause after its worker died.
    pause: f64,
    /// Jobs of its owner that run.
    owners: i64,
    /// Jobs of its owner that are queued before it.
    before: i64,
    /// Jobs of one owner that every live worker allows to run at most.
    cap: Option<i64>,
}

impl Waiting {
    /// The same in words; `free` are the seconds until each live worker is free, ascending.
    fn words(self, free: &[f64]) -> String {
        let Self { ahead, pause, owners, before, cap } = self;
        if pause > 0.0 {
            return format!("the end of a pause of {pause:.0} s more, because its worker died");
        }
        match cap.filter(|_| !free.is_empty()) {
            Some(cap) if owners >= cap => {
                return format!("one of its owner's {owners} running jobs to end: no more than {cap} may run at once");
            }
            Some(cap) if owners + before >= cap => {
                return format!("jobs of its owner before it to end: no more than {cap} may run at once");
            }
            _ => {}
        }
        let idle = free.iter().filter(|&&seconds| seconds == 0.0).count();
        match (free.len(), ahead) {
            (0, _) => "a worker: none is at work".into(),
            (_, ahead) if ahead < idle => "a worker that is free to look".into(),
            (1, 0) => "the worker to be free".into(),
            (workers, 0) => format!("one of {workers} workers to be free"),
            (workers, ahead) => {
                let jobs = if ahead == 1 { "1 job".into() } else { format!("{ahead} jobs") };
                let workers = if workers == 1 { "1 worker".into() } else { format!("{workers} workers") };
                format!("{jobs} to be taken before it, by {workers}")
            }
        }
    }

    /// Seconds until it starts, where that can be told.
    fn starts_in(self, free: &[f64]) -> Option<f64> {
        let capped = self.cap.is_some_and(|cap| self.owners + self.before >= cap);
        let free = free.get(self.ahead).copied().filter(|seconds| seconds.is_finite() && !capped)?;
        Some(free.max(self.pause))
    }
}

/// The places of these jobs, of those that are queued.
///
/// Within a priority every owner's first job comes before anybody's second, and the owner served longest ago is
/// first. A job that its owner's cap holds back is before none but its owner's. A job starts when as many workers are free as
/// there are jobs up to it; a busy one is free when its job is done, as far as that can be told from its progress.
pub async fn places(pool: &PgPool, ids: &[JobId]) -> Result<BTreeMap<JobId, Place>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"WITH turns AS (
               -- In the order of the queue's index, which need not be sorted: how many of the owner's come before it, and how
               -- many less those of a higher priority.
               SELECT id, priority, owner, row_number() OVER line - 1 AS before,
                      row_number() OVER line - rank() OVER (PARTITION BY owner ORDER BY priority DESC) AS turn
               FROM jobs WHERE state = 'queued'
               WINDOW line AS (PARTITION BY owner ORDER BY priority DESC, rank, id)
           ), served AS MATERIALIZED (
               SELECT owner, (SELECT max(started_at) FROM jobs WHERE jobs.owner = waiting.owner) AS at,
                      (SELECT count(*) FROM jobs WHERE jobs.owner = waiting.owner AND state = 'running') AS owners,
                      -- No cap where one live worker has none.
                      (SELECT max(owner_cap) FROM workers WHERE last_seen > now() - $2::interval
                       HAVING count(*) = count(owner_cap)) AS cap
               FROM (SELECT DISTINCT owner FROM jobs WHERE state = 'queued') AS waiting
           ), ordered AS (
               SELECT id, owners, before, cap,
                      count(*) FILTER (WHERE cap IS NULL OR owners + before < cap)
                          OVER (ORDER BY priority DESC, turn, served.at NULLS FIRST, id
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                      -- And those of its owner that are held back as it is.
                      + CASE WHEN cap IS NULL THEN 0 ELSE GREATEST(before - GREATEST(cap - owners, 0), 0) END AS ahead
               FROM turns JOIN served USING (owner)
           )
           SELECT id, ahead AS "ahead!", owners AS "owners!", before AS "before!", cap,
                  EXTRACT(epoch FROM run_after - now())::float8 AS "pause!"
           FROM ordered JOIN jobs USING (id) WHERE id = ANY($1)"#,
        &ids,
        interval(SILENCE)
    )
    .fetch_all(pool)
    .await?;
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let free = free_in(pool).await?;
    let place = |waiting: Waiting| Place {
        ahead: waiting.ahead as u32,
        starts_in: waiting.starts_in(&free),
        waits_for: waiting.words(&free),
    };
    let waiting = rows.into_iter().map(|row| {
        let (ahead, pause) = (row.ahead as usize, row.pause.max(0.0));
        let waiting = Waiting { ahead, pause, owners: row.owners, before: row.before, cap: row.cap };
        (JobId(row.id), place(waiting))
    });
    Ok(waiting.collect())
}

/// Seconds until each live worker is free, ascending; infinite where that cannot be told.
async fn free_in(pool: &PgPool) -> Result<Vec<f64>, Error> {
    let rows = sqlx::query_scalar!(
        r#"SELECT CASE
               WHEN jobs.id IS NULL THEN 0
               WHEN jobs.kind = 'training' AND jobs.phase = 'training' THEN
                   (jobs.total - jobs.done) * last.elapsed_seconds / NULLIF(last.step, 0)
               -- What an earlier attempt answered is not done again, so that it says nothing of this one's speed.
               WHEN jobs.kind <> 'training' AND NOT (jobs.kind = 'batch' AND jobs.attempt > 1) THEN
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
/// live worker that is free to take it and nobody is about to make room already. The answer is who shall go.
///
/// Nobody goes unless the worker left behind may then take who waits: each counts by its own cap, so that an owner at his cap
/// moves a job of his own or none.
pub async fn preempt(pool: &PgPool) -> Result<Option<JobId>, Error> {
    let mut tx = pool.begin().await?;
    let mine = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "mine!""#, PREEMPT_LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !mine {
        return Ok(None);
    }
    let id = sqlx::query_scalar!(
        r#"WITH RECURSIVE owners AS (
               (SELECT owner FROM jobs WHERE state = 'queued' ORDER BY owner, priority DESC, rank, id LIMIT 1)
               UNION ALL
               SELECT (SELECT owner FROM jobs WHERE state = 'queued' AND owner > owners.owner
                       ORDER BY owner, priority DESC, rank, id LIMIT 1)
               FROM owners WHERE owners.owner IS NOT NULL
           ), alive AS MATERIALIZED (
               SELECT id, owner_cap, NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND device = device_id) AS idle
               FROM workers WHERE last_seen > now() - $1::interval
           ), waiting AS MATERIALIZED (
               SELECT head.id, head.name, head.priority, head.team_id, head.public, owners.owner, mine.running, served.at
               FROM owners
               CROSS JOIN LATERAL (
                   SELECT id, name, priority, team_id, public FROM jobs
                   WHERE state = 'queued' AND jobs.owner = owners.owner AND run_after <= now()
                   ORDER BY priority DESC, rank, id LIMIT 1
               ) AS head
               CROSS JOIN LATERAL (SELECT count(*) AS running FROM jobs
                                   WHERE state = 'running' AND jobs.owner = owners.owner) AS mine
               CROSS JOIN LATERAL (SELECT max(started_at) AS at FROM jobs WHERE jobs.owner = owners.owner) AS served
               WHERE NOT EXISTS (SELECT 1 FROM alive
                                 WHERE idle AND (owner_cap IS NULL OR mine.running < owner_cap))
           ), victim AS (
               SELECT jobs.id, waiting.id AS by, waiting.priority,
                      CASE WHEN waiting.team_id = jobs.team_id OR waiting.public
                           THEN waiting.name || ' of ' || waiting.owner ELSE 'another team''s job' END AS called
               FROM waiting
               JOIN jobs ON jobs.state = 'running' AND jobs.priority < waiting.priority
               JOIN alive ON alive.id = jobs.worker_id
               WHERE (alive.owner_cap IS NULL
                      OR waiting.running - (jobs.owner = waiting.owner)::int < alive.owner_cap)
                 AND NOT EXISTS (SELECT 1 FROM jobs AS leaving WHERE leaving.state = 'running'
                                 AND (leaving.preempted_by IS NOT NULL OR leaving.cancel_requested
                                      OR leaving.pause_requested))
               ORDER BY waiting.priority DESC, jobs.priority, jobs.started_at DESC, waiting.at NULLS FIRST, waiting.id
               LIMIT 1
           )
           UPDATE jobs SET preempted_by = victim.by,
                           reason = 'makes room for ' || victim.called || ' (priority ' || victim.priority || ')'
           FROM victim WHERE jobs.id = victim.id AND jobs.state = 'running'
           RETURNING jobs.id"#,
        interval(SILENCE)
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(id.map(JobId))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_waits_for_is_told_in_words() {
        let next = Waiting { ahead: 0, pause: 0.0, owners: 0, before: 0, cap: None };
        let busy = [5.0, f64::INFINITY];
        for (waiting, free, words, starts_in) in [
            (next, &[][..], "a worker: none is at work", None),
            (next, &[0.0], "a worker that is free to look", Some(0.0)),
            (next, &[5.0], "the worker to be free", Some(5.0)),
            (next, &busy, "one of 2 workers to be free", Some(5.0)),
            (Waiting { ahead: 1, ..next }, &busy, "1 job to be taken before it, by 2 workers", None),
            (Waiting { ahead: 3, ..next }, &[5.0], "3 jobs to be taken before it, by 1 worker", None),
            (
                Waiting { pause: 7.6, ..next },
                &[0.0],
                "the end of a pause of 8 s more, because its worker died",
                Some(7.6),
            ),
            (
                Waiting { owners: 2, cap: Some(2), ..next },
                &[0.0],
                "one of its owner's 2 running jobs to end: no more than 2 may run at once",
                None,
            ),
            (Waiting { owners: 1, cap: Some(2), ..next }, &[0.0], "a worker that is free to look", Some(0.0)),
            (
                Waiting { ahead: 1, owners: 1, before: 1, cap: Some(2), ..next },
                &[0.0, 0.0],
                "jobs of its owner before it to end: no more than 2 may run at once",
                None,
            ),
        ] {
            assert_eq!((waiting.words(free).as_str(), waiting.starts_in(free)), (words, starts_in));
        }
    }
}
