//! Experiments, runs, and the workers that do them.

use super::{
    Answer, encoded,
    transport::{get, post},
};
use hrm_types::{
    Page,
    experiment::{Experiment, ExperimentFile},
    ids::RunId,
    job::LOCAL,
    run::{CreateRun, MetricPoint, Run},
    worker::Worker,
};

pub(crate) async fn list_experiments() -> Answer<Page<ExperimentFile>> {
    get("/experiments").await
}

/// Runs, newest first, from `cursor` on.
pub(crate) async fn list_runs(cursor: Option<&str>) -> Answer<Page<Run>> {
    match cursor {
        Some(cursor) => get(&format!("/runs?cursor={}", encoded(cursor))).await,
        None => get("/runs").await,
    }
}

pub(crate) async fn create_run(experiment: Experiment) -> Answer<Run> {
    post("/runs", &CreateRun { experiment, owner: LOCAL.into(), priority: 0 }).await
}

pub(crate) async fn get_run(id: RunId) -> Answer<Run> {
    get(&format!("/runs/{id}")).await
}

/// Asks something of a run: `cancel`, `pause` or `resume`.
pub(crate) async fn ask(id: RunId, wish: &str) -> Answer<Run> {
    post(&format!("/runs/{id}/{wish}"), &serde_json::json!({})).await
}

/// The metrics of steps beyond `after_step`, oldest first.
pub(crate) async fn list_metrics(id: RunId, after_step: u64) -> Answer<Page<MetricPoint>> {
    get(&format!("/runs/{id}/metrics?after_step={after_step}")).await
}

pub(crate) async fn list_workers() -> Answer<Page<Worker>> {
    get("/workers").await
}
