//! The API, a function per call; whatever goes wrong comes back as a [`Problem`].

use hrm_types::{
    Page,
    dataset::{CreateDataset, Dataset, Split, StoredPuzzle},
    evaluation::LeaderboardRow,
    experiment::{Experiment, ExperimentFile},
    ids::{CheckpointId, DatasetId, RunId},
    job::LOCAL,
    model::Model,
    problem::Problem,
    run::{CreateRun, MetricPoint, Run},
    solve::{SolveRequest, SolveResponse},
    worker::Worker,
};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// What a call comes back with.
pub(crate) type Answer<T> = Result<T, Box<Problem>>;

/// Where a call goes, from its path below the API's root.
pub(crate) fn address(path: &str) -> String {
    format!("/api/v1{path}")
}

/// Where a checkpoint's file is downloaded.
pub(crate) fn checkpoint_address(id: CheckpointId) -> String {
    address(&format!("/models/{id}/file"))
}

pub(crate) async fn solve(request: &SolveRequest) -> Answer<SolveResponse> {
    post("/solve", request).await
}

pub(crate) async fn list_models() -> Answer<Page<Model>> {
    get("/models?limit=100").await
}

pub(crate) async fn list_datasets() -> Answer<Page<Dataset>> {
    get("/datasets?limit=100").await
}

pub(crate) async fn create_dataset(request: &CreateDataset) -> Answer<Dataset> {
    post("/datasets", request).await
}

/// The first `limit` puzzles of a split.
pub(crate) async fn list_puzzles(id: DatasetId, split: Split, limit: u32) -> Answer<Page<StoredPuzzle>> {
    get(&format!("/datasets/{id}/puzzles?split={}&limit={limit}", split.as_str())).await
}

pub(crate) async fn list_experiments() -> Answer<Page<ExperimentFile>> {
    get("/experiments").await
}

/// Runs, newest first, from `cursor` on.
pub(crate) async fn list_runs(cursor: Option<&str>) -> Answer<Page<Run>> {
    match cursor {
        Some(cursor) => get(&format!("/runs?cursor={}", js_sys::encode_uri_component(cursor))).await,
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

pub(crate) async fn leaderboard(dataset: DatasetId) -> Answer<Page<LeaderboardRow>> {
    get(&format!("/leaderboard?dataset_id={dataset}")).await
}

pub(crate) async fn list_workers() -> Answer<Page<Worker>> {
    get("/workers").await
}

async fn get<T: DeserializeOwned>(path: &str) -> Answer<T> {
    read(&send(path, None).await?)
}

async fn post<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Answer<T> {
    let body = serde_json::to_string(body).map_err(|error| unreadable(&error.to_string()))?;
    read(&send(path, Some(&body)).await?)
}

fn read<T: DeserializeOwned>(text: &str) -> Answer<T> {
    Ok(serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?)
}

/// Gets `path`, or posts `body` to it; the text of a successful answer.
async fn send(path: &str, body: Option<&str>) -> Answer<String> {
    let options = web_sys::RequestInit::new();
    if let Some(body) = body {
        options.set_method("POST");
        options.set_body(&JsValue::from_str(body));
    }
    let request = web_sys::Request::new_with_str_and_init(&address(path), &options).map_err(unreachable)?;
    request.headers().set("content-type", "application/json").map_err(unreachable)?;
    let response = JsFuture::from(leptos::prelude::window().fetch_with_request(&request)).await.map_err(unreachable)?;
    let response: web_sys::Response = response.dyn_into().map_err(unreachable)?;
    let text = JsFuture::from(response.text().map_err(unreachable)?).await.map_err(unreachable)?;
    let text = text.as_string().unwrap_or_default();
    if response.status() == 202 {
        return Err(problem(202, "Queued", "A worker does it. Look again when its job has ended.".into()).into());
    }
    if response.ok() { Ok(text) } else { Err(refusal(response.status(), &text).into()) }
}

/// The problem that the server told, or that it told none.
fn refusal(status: u16, text: &str) -> Problem {
    serde_json::from_str(text).unwrap_or_else(|_| unexpected(status, text))
}

fn problem(status: u16, title: &str, detail: String) -> Problem {
    let (kind, title) = ("about:blank".into(), title.into());
    Problem { kind, title, status, detail, field: None, request_id: String::new() }
}

fn unreachable(_: JsValue) -> Problem {
    problem(0, "No connection", "The server does not answer. Is it still running?".into())
}

fn unreadable(error: &str) -> Problem {
    problem(0, "Unreadable answer", format!("The server's answer was not what this page expects: {error}. Reload it."))
}

fn unexpected(status: u16, text: &str) -> Problem {
    let text: String = text.chars().take(200).collect();
    problem(status, "Refused", if text.is_empty() { format!("The server answered {status}.") } else { text })
}
