//! Runs as everybody sees them: queued, read, listed, cancelled. What their workers do is in `leases`.

use super::{Error, datasets, metrics, page};
use hrm_types::{
    Page,
    evaluation::Evaluation,
    experiment::{DataSpec, Experiment},
    ids::{CheckpointId, DatasetId, RunId, WorkerId},
    run::{MetricPoint, Run, RunState},
};
use sha2::{Digest, Sha256};
use sqlx::{PgPool, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

/// Which runs to list; all of them by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunFilter {
    /// Only runs in this state.
    pub state: Option<RunState>,
    /// Only runs on this dataset.
    pub dataset: Option<DatasetId>,
}

struct Row {
    id: Uuid,
    name: String,
    state: String,
    reason: Option<String>,
    phase: Option<String>,
    experiment: Json<Experiment>,
    config_hash: String,
    dataset_id: Option<Uuid>,
    queue_position: Option<i64>,
    attempt: i64,
    step: i64,
    total_steps: Option<i64>,
    parameters: Option<i64>,
    worker_id: Option<Uuid>,
    cancel_requested: bool,
    checkpoint_id: Option<Uuid>,
    evaluation: Option<Json<Evaluation>>,
    created_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
}

impl Row {
    fn into_run(self, last_metrics: Option<MetricPoint>) -> Result<Run, Error> {
        let step = self.step.cast_unsigned();
        let total_steps = self.total_steps.map(i64::cast_unsigned);
        let eta_seconds = match (self.phase.as_deref(), total_steps, &last_metrics) {
            (Some(TRAINING), Some(total), Some(last)) if last.step > 0 => {
                Some(total.saturating_sub(step) as f64 * last.elapsed_seconds / last.step as f64)
            }
            _ => None,
        };
        let state = parse_state(&self.state)?;
        Ok(Run {
            id: RunId(self.id),
            name: self.name,
            state,
            reason: self.reason,
            phase: self.phase,
            experiment: self.experiment.0,
            config_hash: self.config_hash,
            dataset_id: self.dataset_id.map(DatasetId),
            queue_position: self.queue_position.map(|position| position as u32),
            attempt: self.attempt as u32,
            step,
            total_steps,
            parameters: self.parameters.map(i64::cast_unsigned),
            eta_seconds,
            last_metrics,
            worker_id: self.worker_id.map(WorkerId),
            cancel_requested: self.cancel_requested && !state.is_final(),
            checkpoint_id: self.checkpoint_id.map(CheckpointId),
            evaluation: self.evaluation.map(|Json(evaluation)| evaluation),
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
        })
    }
}

/// The phase in which steps are trained.
pub const TRAINING: &str = "training";

pub(super) fn parse_state(text: &str) -> Result<RunState, Error> {
    [RunState::Queued, RunState::Running, RunState::Succeeded, RunState::Failed, RunState::Cancelled]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| Error::Corrupt { what: "run state", detail: text.to_owned() })
}

/// Queues a run. An experiment on a stored dataset is tied to that dataset at once.
///
/// # Errors
/// [`Error::NotFound`] when the experiment names a dataset that is not stored.
pub async fn create(pool: &PgPool, experiment: &Experiment) -> Result<Run, Error> {
    let dataset = match &experiment.data {
        DataSpec::Stored { dataset } => Some(datasets::find(pool, dataset).await?.id),
        DataSpec::Generate(spec) => datasets::generated_from(pool, spec).await?.map(|dataset| dataset.id),
        DataSpec::Csv(_) => None,
    };
    let id = RunId(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO runs (id, name, experiment, config_hash, dataset_id) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        experiment.name,
        Json(experiment) as _,
        config_hash(experiment),
        dataset.map(|id| id.0)
    )
    .execute(pool)
    .await?;
    get(pool, id).await
}

/// The run with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, id: RunId) -> Result<Run, Error> {
    let found = select(pool, Some(id), RunFilter::default(), None, 1).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("run", id.to_string()))
}

/// Runs, newest first, older than `cursor`.
pub async fn list(pool: &PgPool, filter: RunFilter, cursor: Option<RunId>, limit: u32) -> Result<Page<Run>, Error> {
    let runs = select(pool, None, filter, cursor, i64::from(limit) + 1).await?;
    Ok(page(runs, limit, |run| run.id))
}

/// A number that grows with every change of the run that a reader can see; a watcher reads the run again
/// only when it grew. New metrics come with a changed step, and so with a new revision.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn revision(pool: &PgPool, id: RunId) -> Result<i64, Error> {
    sqlx::query_scalar!("SELECT revision FROM runs WHERE id = $1", id.0)
        .fetch_optional(pool)
        .await?
        .ok_or_else(|| Error::not_found("run", id.to_string()))
}

/// Cancels a queued run at once and asks the worker of a running one to stop; asking twice is no error.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::RunIsFinal`] when there is nothing left to cancel.
pub async fn request_cancel(pool: &PgPool, id: RunId) -> Result<Run, Error> {
    let changed = sqlx::query!(
        "UPDATE runs SET
             cancel_requested = true,
             reason = CASE state WHEN 'queued' THEN 'cancelled before it started' ELSE 'asked to stop' END,
             finished_at = CASE state WHEN 'queued' THEN now() END,
             state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END
         WHERE id = $1 AND state IN ('queued', 'running')",
        id.0
    )
    .execute(pool)
    .await?
    .rows_affected();
    let run = get(pool, id).await?;
    if changed == 1 { Ok(run) } else { Err(Error::RunIsFinal { state: run.state }) }
}

async fn select(
    pool: &PgPool,
    id: Option<RunId>,
    filter: RunFilter,
    before: Option<RunId>,
    limit: i64,
) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT runs.id, runs.name, runs.state, runs.reason, runs.phase,
                  runs.experiment AS "experiment: Json<Experiment>", runs.config_hash, runs.dataset_id,
                  CASE runs.state WHEN 'queued' THEN
                      (SELECT count(*) FROM runs AS ahead WHERE ahead.state = 'queued' AND ahead.id < runs.id)
                  END AS queue_position,
                  runs.attempt, runs.step, runs.total_steps, runs.parameters, runs.worker_id,
                  runs.cancel_requested, checkpoint.id AS "checkpoint_id?",
                  (SELECT result FROM evaluations WHERE checkpoint_id = checkpoint.id ORDER BY id LIMIT 1)
                      AS "evaluation: Json<Evaluation>",
                  runs.created_at, runs.started_at, runs.finished_at
           FROM runs
           LEFT JOIN LATERAL (SELECT id FROM checkpoints WHERE run_id = runs.id ORDER BY step DESC LIMIT 1)
               AS checkpoint ON true
           WHERE ($1::uuid IS NULL OR runs.id = $1)
             AND ($2::text IS NULL OR runs.state = $2)
             AND ($3::uuid IS NULL OR runs.dataset_id = $3)
             AND ($4::uuid IS NULL OR runs.id < $4)
           ORDER BY runs.id DESC LIMIT $5"#,
        id.map(|id| id.0),
        filter.state.map(RunState::as_str),
        filter.dataset.map(|id| id.0),
        before.map(|id| id.0),
        limit
    )
    .fetch_all(pool)
    .await?;
    let mut newest = metrics::newest(pool, rows.iter().map(|row| (RunId(row.id), row.attempt))).await?;
    rows.into_iter()
        .map(|row| {
            let last = newest.remove(&RunId(row.id));
            row.into_run(last)
        })
        .collect()
}

/// SHA-256 of the experiment's JSON with sorted keys and no spaces.
pub fn config_hash(experiment: &Experiment) -> String {
    let value = serde_json::json!(experiment);
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
