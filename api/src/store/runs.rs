//! Runs as everybody sees them: queued, read, listed. What is asked of them is in `wishes`, what their workers do in
//! `leases`.

use super::{
    Error,
    access::Viewer,
    jobs::{self, Terms},
    metrics, order,
    order::Place,
    slices::{Keyed, Slice, arranged},
    tied::{Tied, tie},
    variant, wishes,
};
use hrm_types::{
    Page,
    evaluation::Evaluation,
    experiment::Experiment,
    ids::{CheckpointId, DatasetId, JobId, RunId, SweepId, WorkerId},
    job::JobKind,
    run::{BestMetrics, ChangeRun, MetricPoint, Run, RunState},
};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, types::Json};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Which runs to list; all of them by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunFilter<'a> {
    /// Only runs in this state.
    pub state: Option<RunState>,
    /// Only runs on this dataset.
    pub dataset: Option<DatasetId>,
    /// Only runs that bear this tag.
    pub tag: Option<&'a str>,
    /// Only runs of this owner.
    pub owner: Option<&'a str>,
    /// Only runs of this sweep.
    pub sweep: Option<SweepId>,
    /// Only runs whose name contains this, in any case.
    pub name: Option<&'a str>,
    /// Only runs of the team with this name.
    pub team: Option<&'a str>,
}

/// What runs can be ordered by, beside their creation.
pub const ORDERS: [&str; 6] = ["name", "owner", "state", "priority", "finished", "exact_accuracy"];

struct Row {
    id: Uuid,
    name: String,
    owner: String,
    priority: i16,
    state: String,
    reason: Option<String>,
    phase: Option<String>,
    experiment: Json<Experiment>,
    config_hash: String,
    dataset_id: Option<Uuid>,
    attempt: i64,
    deaths: i64,
    done: i64,
    total: Option<i64>,
    parameters: Option<i64>,
    worker_id: Option<Uuid>,
    cancel_requested: bool,
    pause_requested: bool,
    checkpoint_id: Option<Uuid>,
    evaluation: Option<Json<Evaluation>>,
    claimed: Option<bool>,
    created_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
    tags: Vec<String>,
    notes: String,
    team: String,
    public: bool,
    sweep_id: Option<Uuid>,
}

impl Row {
    fn into_run(
        self,
        last_metrics: Option<MetricPoint>,
        best_metrics: Option<BestMetrics>,
        place: Option<Place>,
    ) -> Result<Run, Error> {
        let step = self.done.cast_unsigned();
        let total_steps = self.total.map(i64::cast_unsigned);
        let eta_seconds = match (self.phase.as_deref(), total_steps, &last_metrics) {
            (Some(TRAINING), Some(total), Some(last)) if last.step > 0 => {
                Some(total.saturating_sub(step) as f64 * last.elapsed_seconds / last.step as f64)
            }
            _ => None,
        };
        let state: RunState = variant("state", &self.state)?;
        Ok(Run {
            id: RunId(self.id),
            name: self.name,
            owner: self.owner,
            priority: self.priority,
            state,
            reason: self.reason,
            phase: self.phase,
            experiment: self.experiment.0,
            config_hash: self.config_hash,
            dataset_id: self.dataset_id.map(DatasetId),
            queue_position: place.as_ref().map(|place| place.ahead),
            starts_in_seconds: place.as_ref().and_then(|place| place.starts_in),
            waits_for: place.map(|place| place.waits_for),
            attempt: self.attempt as u32,
            deaths: self.deaths as u32,
            step,
            total_steps,
            parameters: self.parameters.map(i64::cast_unsigned),
            eta_seconds,
            last_metrics,
            best_metrics,
            worker_id: self.worker_id.map(WorkerId),
            cancel_requested: self.cancel_requested && !state.is_final(),
            pause_requested: self.pause_requested,
            checkpoint_id: self.checkpoint_id.map(CheckpointId),
            evaluation: self.evaluation.map(|Json(evaluation)| evaluation),
            claimed: self.claimed == Some(true),
            tags: self.tags,
            notes: self.notes,
            team: self.team,
            public: self.public,
            sweep_id: self.sweep_id.map(SweepId),
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
        })
    }
}

/// The phase in which steps are trained.
pub const TRAINING: &str = "training";

/// Queues a run. It is tied at once to what the viewer sees under the names in its experiment: a stored dataset, and a model
/// to begin with, which is named by its file's hash from then on.
///
/// # Errors
/// [`Error::NotFound`] when the experiment names a dataset that is not stored; [`Error::Experiment`] when that has no
/// puzzles to train on or to score with, and about a model to begin with that is not stored or does not fit.
pub async fn create(pool: &PgPool, viewer: &Viewer, experiment: &Experiment, terms: Terms<'_>) -> Result<Run, Error> {
    let tied = tie(pool, viewer, experiment, terms.team).await?;
    let mut tx = pool.begin().await?;
    let id = insert(&mut tx, &tied, terms, None).await?;
    tx.commit().await?;
    get(pool, id).await
}

/// Queues a run inside the caller's transaction.
pub(super) async fn insert(
    connection: &mut PgConnection,
    tied: &Tied,
    terms: Terms<'_>,
    sweep: Option<SweepId>,
) -> Result<RunId, Error> {
    let experiment = &tied.experiment;
    let id = RunId(jobs::create(connection, JobKind::Training, &experiment.name, terms, None).await?.0);
    sqlx::query!(
        "INSERT INTO runs (id, experiment, config_hash, dataset_id, start_artifact_id, sweep_id)
         VALUES ($1, $2, $3, $4, $5, $6)",
        id.0,
        Json(experiment) as _,
        config_hash(experiment),
        tied.dataset.map(|id| id.0),
        tied.start,
        sweep.map(|id| id.0)
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// Changes what people say about a run and where it stands in the queue, if it is still the edition that they saw.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::WrongState`] for a new priority of one that has ended.
pub async fn change(pool: &PgPool, id: RunId, change: &ChangeRun, seen: Option<i64>) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let row = sqlx::query!(
        "SELECT edition, state FROM runs JOIN jobs USING (id) WHERE id = $1 FOR NO KEY UPDATE OF jobs, runs",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or_else(|| Error::not_found("run", id.to_string()))?;
    if seen.is_some_and(|seen| seen != row.edition) {
        return Err(Error::Stale);
    }
    let state: RunState = variant("state", &row.state)?;
    if change.priority.is_some() && state.is_final() {
        return Err(Error::WrongState { expected: "queued, running or paused", found: state });
    }
    sqlx::query!(
        "UPDATE jobs SET name = COALESCE($2, name), public = COALESCE($3, public), priority = COALESCE($4, priority)
         WHERE id = $1",
        id.0,
        change.name,
        change.public,
        change.priority
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE runs SET tags = COALESCE($2, tags), notes = COALESCE($3, notes), edition = edition + 1 WHERE id = $1",
        id.0,
        change.tags.as_deref() as _,
        change.notes
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Deletes a run that has ended, with its metrics, log, checkpoints and their scores.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::WrongState`] when it has not ended.
pub async fn delete(pool: &PgPool, id: RunId) -> Result<(), Error> {
    get(pool, id).await?;
    wishes::delete(pool, id.into()).await
}

/// The run with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, id: RunId) -> Result<Run, Error> {
    let found = select(pool, &[id.0]).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("run", id.to_string()))
}

/// A part of the runs.
pub async fn list(pool: &PgPool, viewer: &Viewer, filter: RunFilter<'_>, slice: &Slice) -> Result<Page<Run>, Error> {
    let places = sqlx::query_as!(
        Keyed,
        r#"SELECT id AS "id!", key AS "key!" FROM (
               SELECT runs.id, COALESCE(CASE $1::text
                          WHEN 'name' THEN lower(jobs.name)
                          WHEN 'owner' THEN jobs.owner
                          WHEN 'state' THEN jobs.state
                          WHEN 'priority' THEN to_char(jobs.priority + 100, 'FM000')
                          WHEN 'finished' THEN to_char(jobs.finished_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')
                          WHEN 'exact_accuracy' THEN (
                              SELECT to_char(score.exact_accuracy, 'FM0.000000000')
                              FROM (SELECT id FROM checkpoints WHERE run_id = runs.id ORDER BY step DESC LIMIT 1)
                                  AS checkpoint, known_score(checkpoint.id) AS score)
                      END, '') COLLATE "C" AS key
               FROM runs JOIN jobs USING (id)
               WHERE ($6::text IS NULL OR jobs.state = $6)
                 AND ($7::uuid IS NULL OR runs.dataset_id = $7)
                 AND ($8::uuid[] IS NULL OR jobs.team_id = ANY($8) OR jobs.public)
                 AND ($9::text IS NULL OR runs.tags @> ARRAY[$9])
                 AND ($10::text IS NULL OR jobs.owner = $10)
                 AND ($11::uuid IS NULL OR runs.sweep_id = $11)
                 AND ($12::text IS NULL OR strpos(lower(jobs.name), lower($12)) > 0)
                 AND ($13::text IS NULL OR jobs.team_id = (SELECT teams.id FROM teams WHERE lower(teams.name) = lower($13)))
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        filter.state.map(RunState::as_str),
        filter.dataset.map(|id| id.0),
        viewer.teams(),
        filter.tag,
        filter.owner,
        filter.sweep.map(|id| id.0),
        filter.name,
        filter.team
    )
    .fetch_all(pool)
    .await?;
    let (ids, next_cursor) = slice.cut(places);
    Ok(Page { items: arranged(&ids, select(pool, &ids).await?, |run| run.id.0), next_cursor })
}

async fn select(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT jobs.id, jobs.name, jobs.owner, jobs.priority, jobs.state, jobs.reason, jobs.phase,
                  runs.experiment AS "experiment: Json<Experiment>", runs.config_hash, runs.dataset_id,
                  jobs.attempt, jobs.deaths, jobs.done, jobs.total, runs.parameters, jobs.worker_id,
                  jobs.cancel_requested, jobs.pause_requested, checkpoint.id AS "checkpoint_id?",
                  score.result AS "evaluation?: Json<Evaluation>", score.claimed AS "claimed?",
                  jobs.created_at, jobs.started_at, jobs.finished_at, runs.tags, runs.notes,
                  (SELECT teams.name FROM teams WHERE teams.id = jobs.team_id) AS "team!", jobs.public, runs.sweep_id
           FROM runs JOIN jobs USING (id)
           LEFT JOIN LATERAL (SELECT id FROM checkpoints WHERE run_id = runs.id ORDER BY step DESC LIMIT 1)
               AS checkpoint ON true
           LEFT JOIN LATERAL known_score(checkpoint.id) AS score ON true
           WHERE runs.id = ANY($1)"#,
        ids
    )
    .fetch_all(pool)
    .await?;
    let queued = rows.iter().filter(|row| row.state == RunState::Queued.as_str()).map(|row| JobId(row.id));
    let queued: Vec<JobId> = queued.collect();
    let mut places = if queued.is_empty() { BTreeMap::new() } else { order::places(pool, &queued).await? };
    let mut newest = metrics::newest(pool, rows.iter().map(|row| (RunId(row.id), row.attempt))).await?;
    let mut best = metrics::best(pool, &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
    rows.into_iter()
        .map(|row| {
            let id = RunId(row.id);
            let place = places.remove(&JobId(row.id));
            row.into_run(newest.remove(&id), best.remove(&id), place)
        })
        .collect()
}

/// SHA-256 of the experiment's JSON with sorted keys and no spaces.
pub fn config_hash(experiment: &Experiment) -> String {
    json_hash(serde_json::json!(experiment))
}

/// SHA-256 of the JSON with sorted keys and no spaces.
pub fn json_hash(value: serde_json::Value) -> String {
    format!("{:x}", Sha256::digest(sorted(value).to_string()))
}

/// The value with the keys of every object in order, whatever map `serde_json` was built with.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
