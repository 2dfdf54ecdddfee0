//! Jobs as everybody sees them, of every kind: queued, read and listed.
//!
//! What is asked of them is in `wishes`, what their workers do in `leases`; in which order they are taken is in `order`.

use super::{
    Error,
    access::Viewer,
    order,
    slices::{Keyed, Slice, arranged},
    variant,
};
use hrm_types::{
    Page,
    ids::{CheckpointId, DatasetId, EvaluationId, JobId, SweepId, TeamId, WorkerId},
    job::{Job, JobKind},
    run::RunState,
};
use sqlx::{PgConnection, PgExecutor, PgPool, types::Json};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Whose a new job is and when it shall be taken.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The team it belongs to.
    pub team: TeamId,
    /// Who queued it; owners take turns.
    pub owner: &'a str,
    /// Higher goes first.
    pub priority: i16,
}

impl Default for Terms<'static> {
    fn default() -> Self {
        Self { team: TeamId::LOCAL, owner: hrm_types::job::LOCAL, priority: 0 }
    }
}

/// Which jobs to list; all of them by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobFilter<'a> {
    /// Only jobs of this kind.
    pub kind: Option<JobKind>,
    /// Only jobs in this state.
    pub state: Option<RunState>,
    /// Only jobs of this owner.
    pub owner: Option<&'a str>,
    /// Only jobs whose name contains this, in any case.
    pub name: Option<&'a str>,
    /// Only jobs of this model: evaluations and batches.
    pub model: Option<CheckpointId>,
}

/// What jobs can be ordered by, beside their creation.
pub const ORDERS: [&str; 6] = ["name", "owner", "state", "priority", "started", "finished"];

struct Row {
    id: Uuid,
    kind: String,
    name: String,
    owner: String,
    priority: i16,
    state: String,
    reason: Option<String>,
    phase: Option<String>,
    attempt: i64,
    done: i64,
    total: Option<i64>,
    cancel_requested: bool,
    pause_requested: bool,
    worker_id: Option<Uuid>,
    result_id: Option<Uuid>,
    model_id: Option<Uuid>,
    seed: Option<Json<u64>>,
    sweep_id: Option<Uuid>,
    created_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Job {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let (kind, state) = (variant("kind of job", &row.kind)?, variant("state", &row.state)?);
        Ok(Self {
            id: JobId(row.id),
            kind,
            name: row.name,
            owner: row.owner,
            priority: row.priority,
            state,
            reason: row.reason,
            phase: row.phase,
            attempt: row.attempt as u32,
            done: row.done.cast_unsigned(),
            total: row.total.map(i64::cast_unsigned),
            cancel_requested: row.cancel_requested && !state.is_final(),
            pause_requested: row.pause_requested,
            queue_position: None,
            waits_for: None,
            worker_id: row.worker_id.map(WorkerId),
            seed: row.seed.map(|Json(seed)| seed),
            sweep_id: row.sweep_id.map(SweepId),
            model_id: row.model_id.map(CheckpointId),
            dataset_id: row.result_id.filter(|_| kind == JobKind::Generation).map(DatasetId),
            evaluation_id: row.result_id.filter(|_| kind == JobKind::Evaluation).map(EvaluationId),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

/// Queues a job inside the caller's transaction. `spec` is what is to be done; none for a training, whose run says it.
pub(super) async fn create(
    connection: &mut PgConnection,
    kind: JobKind,
    name: &str,
    terms: Terms<'_>,
    spec: Option<serde_json::Value>,
) -> Result<JobId, Error> {
    let id = JobId(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO jobs (id, kind, name, owner, priority, spec, team_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id.0,
        kind.as_str(),
        name,
        terms.owner,
        terms.priority,
        spec,
        terms.team.0
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// The job with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, id: JobId) -> Result<Job, Error> {
    let mut job = [find(pool, id).await?];
    note_places(pool, &mut job).await?;
    let [job] = job;
    Ok(job)
}

/// The same without its place in the queue.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) async fn find(executor: impl PgExecutor<'_>, id: JobId) -> Result<Job, Error> {
    let found = select(executor, &[id.0]).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("job", id.to_string()))
}

/// That there is a job of this kind under this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn expect(pool: &PgPool, kind: JobKind, id: JobId) -> Result<(), Error> {
    let found = sqlx::query_scalar!("SELECT id FROM jobs WHERE id = $1 AND kind = $2", id.0, kind.as_str());
    let what = match kind {
        JobKind::Training => "run",
        other => other.as_str(),
    };
    found.fetch_optional(pool).await?.map(|_| ()).ok_or_else(|| Error::not_found(what, id.to_string()))
}

/// Notes in those of `jobs` that are queued what they wait for.
async fn note_places(pool: &PgPool, jobs: &mut [Job]) -> Result<(), Error> {
    let queued: Vec<JobId> = jobs.iter().filter(|job| job.state == RunState::Queued).map(|job| job.id).collect();
    if queued.is_empty() {
        return Ok(());
    }
    let mut places = order::places(pool, &queued).await?;
    for job in jobs {
        if let Some(place) = places.remove(&job.id) {
            job.queue_position = Some(place.ahead);
            job.waits_for = Some(place.waits_for);
        }
    }
    Ok(())
}

/// A part of the jobs. Beside what jobs declare, evaluations are ordered by `exact_accuracy`.
pub async fn list(pool: &PgPool, viewer: &Viewer, filter: JobFilter<'_>, slice: &Slice) -> Result<Page<Job>, Error> {
    let places = sqlx::query_as!(
        Keyed,
        r#"SELECT id AS "id!", key AS "key!" FROM (
               SELECT id, COALESCE(CASE $1::text
                          WHEN 'name' THEN lower(name)
                          WHEN 'owner' THEN owner
                          WHEN 'state' THEN state
                          WHEN 'priority' THEN to_char(priority + 100, 'FM000')
                          WHEN 'started' THEN to_char(started_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')
                          WHEN 'finished' THEN to_char(finished_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')
                          WHEN 'exact_accuracy' THEN (SELECT to_char(exact_accuracy, 'FM0.000000000') FROM evaluations
                                                      WHERE evaluations.id = result_id)
                      END, '') COLLATE "C" AS key
               FROM jobs
               WHERE ($6::text IS NULL OR kind = $6)
                 AND ($7::text IS NULL OR state = $7)
                 AND ($8::text IS NULL OR owner = $8)
                 AND ($9::text IS NULL OR strpos(lower(name), lower($9)) > 0)
                 AND ($10::uuid[] IS NULL OR team_id = ANY($10) OR public)
                 AND ($11::text IS NULL OR spec->>'checkpoint_id' = $11)
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        filter.kind.map(JobKind::as_str),
        filter.state.map(RunState::as_str),
        filter.owner,
        filter.name,
        viewer.teams(),
        filter.model.map(|model| model.to_string())
    )
    .fetch_all(pool)
    .await?;
    let (ids, next_cursor) = slice.cut(places);
    let mut items = arranged(&ids, select(pool, &ids).await?, |job| job.id.0);
    note_places(pool, &mut items).await?;
    Ok(Page { items, next_cursor })
}

/// That no job which has not ended needs one of these, which stand in its `spec` under this key.
///
/// # Errors
/// [`Error::Conflict`] with the first of them.
pub(super) async fn expect_unneeded(executor: impl PgExecutor<'_>, key: &str, ids: &[Uuid]) -> Result<(), Error> {
    let needing = sqlx::query!(
        "SELECT id, kind FROM jobs
         WHERE state IN ('queued', 'running', 'paused') AND spec->>$1 = ANY($2) ORDER BY id LIMIT 1",
        key,
        &ids.iter().map(Uuid::to_string).collect::<Vec<_>>()
    );
    let Some(job) = needing.fetch_optional(executor).await? else { return Ok(()) };
    let detail = format!("the {} {} has not ended and needs it: wait for its end, or cancel it", job.kind, job.id);
    Err(Error::Conflict { constraint: "jobs_spec".into(), detail })
}

/// The team a job belongs to.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn team(connection: impl PgExecutor<'_>, id: JobId) -> Result<TeamId, Error> {
    let team = sqlx::query_scalar!("SELECT team_id FROM jobs WHERE id = $1", id.0).fetch_optional(connection).await?;
    team.map(TeamId).ok_or_else(|| Error::not_found("job", id.to_string()))
}

async fn select(executor: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<Job>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, kind, name, owner, priority, state, reason, phase, attempt, done, total, cancel_requested,
                  pause_requested, worker_id, result_id, (spec->>'checkpoint_id')::uuid AS model_id,
                  (SELECT experiment->'seed' FROM runs WHERE runs.id = jobs.id) AS "seed: Json<u64>",
                  (SELECT sweep_id FROM runs WHERE runs.id = jobs.id) AS sweep_id,
                  created_at, started_at, finished_at
           FROM jobs
           WHERE id = ANY($1)"#,
        ids
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(Job::try_from).collect()
}

/// Up to where a watcher has read the queue: a transaction, and the last of the jobs that it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The transaction's number.
    pub transaction: i64,
    /// The job.
    pub job: JobId,
}

/// The first transaction that may still be going on. What earlier ones changed can be read.
pub async fn horizon(pool: &PgPool) -> Result<i64, Error> {
    let horizon = sqlx::query_scalar!(r#"SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "horizon!""#);
    Ok(horizon.fetch_one(pool).await?)
}

/// Jobs that were changed after a place, in the order of their changes, each as it is now. What has ended is left out
/// if it was changed before the transaction `since`. Changes behind the [`horizon`] wait until nothing can come before
/// them any more.
pub async fn changes(
    pool: &PgPool,
    viewer: &Viewer,
    after: Place,
    since: i64,
    limit: u32,
) -> Result<Vec<(Place, Job)>, Error> {
    let changed = sqlx::query!(
        "SELECT id, changed_in FROM jobs
         WHERE (changed_in, id) > ($1, $2) AND changed_in < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
           AND (changed_in >= $3 OR state IN ('queued', 'running', 'paused'))
           AND ($4::uuid[] IS NULL OR team_id = ANY($4) OR public)
         ORDER BY changed_in, id LIMIT $5",
        after.transaction,
        after.job.0,
        since,
        viewer.teams(),
        i64::from(limit)
    )
    .fetch_all(pool)
    .await?;
    let ids: Vec<Uuid> = changed.iter().map(|row| row.id).collect();
    let mut jobs: BTreeMap<JobId, Job> = select(pool, &ids).await?.into_iter().map(|job| (job.id, job)).collect();
    let place = |transaction, id| Place { transaction, job: JobId(id) };
    Ok(changed.iter().filter_map(|row| Some((place(row.changed_in, row.id), jobs.remove(&JobId(row.id))?))).collect())
}

/// A number that grows with every change of the job that a reader can see; a watcher reads the job again
/// only when it grew. New metrics and log lines come with a new revision.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn revision(pool: &PgPool, id: JobId) -> Result<i64, Error> {
    sqlx::query_scalar!("SELECT revision FROM jobs WHERE id = $1", id.0)
        .fetch_optional(pool)
        .await?
        .ok_or_else(|| Error::not_found("job", id.to_string()))
}

/// How many jobs are in each state that any is in.
pub async fn count_by_state(pool: &PgPool) -> Result<Vec<(String, u64)>, Error> {
    let rows = sqlx::query!(r#"SELECT state, count(*) AS "count!" FROM jobs GROUP BY state ORDER BY state"#)
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().map(|row| (row.state, row.count.cast_unsigned())).collect())
}
