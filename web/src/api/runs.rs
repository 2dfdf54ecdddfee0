//! Experiments, runs, and the workers that do them.

use super::{
    Answer,
    transport::{change, get, patch, post},
};
use crate::browser::query_value;
use hrm_types::{
    Page,
    experiment::{Experiment, ExperimentFile},
    ids::{JobId, RunId, SweepId},
    job::{Job, JobKind, LOCAL, LogLine},
    provenance::RunProvenance,
    run::{ChangeRun, CreateRun, MetricPoint, Run},
    sweep::{CreateSweep, Sweep},
    train_state::{ChangeTrainState, TrainState},
    worker::Worker,
};

/// Rows that the server gives at once at most.
const LONGEST_PAGE: usize = 100;

pub(crate) async fn list_experiments() -> Answer<Page<ExperimentFile>> {
    get("/experiments").await
}

/// Which runs are asked for; absent parts are no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RunFilter {
    /// What the name contains, in any case.
    pub(crate) name: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) dataset_id: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) sweep_id: Option<String>,
}

impl RunFilter {
    /// Whether all runs are asked for.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Runs, newest first, from `cursor` on.
pub(crate) async fn list_runs(filter: &RunFilter, cursor: Option<&str>) -> Answer<Page<Run>> {
    let conditions = [
        ("name", filter.name.as_deref()),
        ("state", filter.state.as_deref()),
        ("dataset_id", filter.dataset_id.as_deref()),
        ("tag", filter.tag.as_deref()),
        ("owner", filter.owner.as_deref()),
        ("sweep_id", filter.sweep_id.as_deref()),
        ("cursor", cursor),
    ];
    let condition = |(name, value): (&str, Option<&str>)| Some(format!("{name}={}", query_value(value?)));
    let conditions = conditions.into_iter().filter_map(condition).chain(["limit=100".to_owned()]);
    get(&format!("/runs?{}", conditions.collect::<Vec<_>>().join("&"))).await
}

pub(crate) async fn create_run(experiment: Experiment) -> Answer<Run> {
    post("/runs", &CreateRun { experiment, owner: LOCAL.into(), priority: 0 }).await
}

/// Queues a run for each of `seeds`.
pub(crate) async fn create_sweep(experiment: Experiment, seeds: Vec<u64>) -> Answer<Sweep> {
    let name = experiment.name.clone();
    post("/sweeps", &CreateSweep { name, experiment, seeds, changes: Vec::new(), owner: LOCAL.into(), priority: 0 })
        .await
}

pub(crate) async fn get_sweep(id: SweepId) -> Answer<Sweep> {
    get(&format!("/sweeps/{id}")).await
}

/// Cancels every run of a sweep that has not ended.
pub(crate) async fn cancel_sweep(id: SweepId) -> Answer<Sweep> {
    post(&format!("/sweeps/{id}/cancel"), &serde_json::json!({})).await
}

pub(crate) async fn get_run(id: RunId) -> Answer<Run> {
    get(&format!("/runs/{id}")).await
}

/// Asks something of a run: `cancel`, `pause` or `resume`.
pub(crate) async fn ask(id: RunId, wish: &str) -> Answer<Run> {
    post(&format!("/runs/{id}/{wish}"), &serde_json::json!({})).await
}

/// Changes what people say about a run.
pub(crate) async fn change_run(id: RunId, change: &ChangeRun) -> Answer<Run> {
    patch(&format!("/runs/{id}"), change).await
}

pub(crate) async fn delete_run(id: RunId) -> Answer<()> {
    change("DELETE", &format!("/runs/{id}")).await
}

/// The lines of the log of a run or another job, `/runs/{id}` or `/jobs/{id}`, after the one with that id, oldest first.
pub(crate) async fn list_log(of: &str, after: u64) -> Answer<Page<LogLine>> {
    get(&format!("{of}/logs?after={after}")).await
}

/// What a run's results rest on.
pub(crate) async fn get_provenance(id: RunId) -> Answer<RunProvenance> {
    get(&format!("/runs/{id}/provenance")).await
}

/// A run's stored states, the newest first.
pub(crate) async fn list_states(id: RunId) -> Answer<Page<TrainState>> {
    get(&format!("/runs/{id}/states?limit=100")).await
}

/// Keeps a state whatever else is kept, or lets it go.
pub(crate) async fn pin_state(id: RunId, step: u64, pinned: bool) -> Answer<TrainState> {
    patch(&format!("/runs/{id}/states/{step}"), &ChangeTrainState { pinned }).await
}

/// The whole curve in at most 1,500 points.
pub(crate) async fn whole_curve(id: RunId) -> Answer<Page<MetricPoint>> {
    get(&format!("/runs/{id}/metrics?points=1500")).await
}

/// The metrics of steps beyond `after_step`, oldest first.
pub(crate) async fn list_metrics(id: RunId, after_step: u64) -> Answer<Page<MetricPoint>> {
    get(&format!("/runs/{id}/metrics?after_step={after_step}")).await
}

/// Jobs of any kind in a state, page after page, at most `most` of them; a `next_cursor` says that there are others.
pub(crate) async fn list_jobs(state: &str, order: &str, most: usize) -> Answer<Page<Job>> {
    let mut all = Page { items: Vec::new(), next_cursor: None };
    loop {
        let limit = (most - all.items.len()).min(LONGEST_PAGE);
        let cursor = all.next_cursor.as_deref().map(|cursor| format!("&cursor={}", query_value(cursor)));
        let cursor = cursor.unwrap_or_default();
        let page: Page<Job> = get(&format!("/jobs?limit={limit}&state={state}&order={order}{cursor}")).await?;
        all.items.extend(page.items);
        all.next_cursor = page.next_cursor;
        if all.next_cursor.is_none() || all.items.len() >= most {
            return Ok(all);
        }
    }
}

/// Asks something of a job: `cancel` or `retry`; of a run also `pause` and `resume`.
pub(crate) async fn ask_job(job: &Job, wish: &str) -> Answer<()> {
    let of = if job.kind == JobKind::Training { "runs" } else { "jobs" };
    change("POST", &format!("/{of}/{}/{wish}", job.id)).await
}

/// Moves a queued job within its owner's line: `front`, `back`, or `before` or `after` another.
pub(crate) async fn move_job(id: JobId, to: &str, other: Option<JobId>) -> Answer<Job> {
    let mut body = serde_json::json!({ "to": to });
    if let Some(other) = other {
        body["job_id"] = other.to_string().into();
    }
    post(&format!("/jobs/{id}/move"), &body).await
}

pub(crate) async fn list_workers() -> Answer<Page<Worker>> {
    get("/workers").await
}
