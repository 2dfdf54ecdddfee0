//! Training runs: queued, listed, watched, paused, cancelled.

use super::{
    checked_limit,
    jobs::{check_priority, terms},
    page_limit,
};
use crate::{
    accounts::Caller,
    http::{
        editions::{etag, seen},
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
        sse::{Position, watch_run},
    },
    server::AppState,
    store::{self, runs::RunFilter},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{KeepAlive, Sse},
    },
};
use futures_util::StreamExt;
use hrm_types::{
    Page,
    experiment::{DataSpec, Experiment},
    ids::{DatasetId, JobId, RunId, SweepId},
    job::LogLine,
    provenance::RunProvenance,
    run::{ChangeRun, CloneRun, CreateRun, Run, RunState},
    sweep::merged,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

/// Log lines of a page when no limit is given, and at most.
const MAX_LINES: u32 = 1_000;

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRunsQuery {
    /// Only runs in this state.
    state: Option<RunState>,
    /// Only runs on this dataset.
    dataset_id: Option<DatasetId>,
    /// Only runs that bear this tag.
    tag: Option<String>,
    /// Only runs of this owner.
    owner: Option<String>,
    /// Only runs of this sweep.
    sweep_id: Option<SweepId>,
    /// `next_cursor` of the page before.
    cursor: Option<RunId>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Which lines of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListLogsQuery {
    /// Only lines after the one with this id; the id of the last line read gives exactly what is new.
    after: Option<u64>,
    /// Lines, 1 to 1,000; 1,000 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamEventsQuery {
    /// The id of the last event read, `<attempt>-<step>` or `<attempt>-<step>.<line>`, for the first connection of a client that has read
    /// `/metrics` before; the header `Last-Event-ID` goes before it.
    after: Option<String>,
}

/// List runs
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "runs",
    security(("token" = ["read"])),
    params(ListRunsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Run>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_runs(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListRunsQuery>,
) -> Result<Json<Page<Run>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let (tag, owner) = (query.tag.as_deref(), query.owner.as_deref());
    let filter = RunFilter { state: query.state, dataset: query.dataset_id, tag, owner, sweep: query.sweep_id };
    Ok(Json(store::runs::list(&state.pool, &caller.viewer, filter, query.cursor, limit).await?))
}

/// Queue a run
///
/// A worker claims it, prepares the data, trains, evaluates on the whole test split and stores the checkpoint.
#[utoipa::path(
    post,
    path = "/api/v1/runs",
    tag = "runs",
    security(("token" = ["write"])),
    request_body(content = CreateRun, example = json!({"experiment": {
        "name": "tiny-4x4",
        "data": {"source": "generate", "side": 4, "train": 100, "test": 20, "givens": [6, 9], "seed": 1},
        "arch": {"hidden_size": 32, "num_heads": 2, "H_layers": 1, "L_layers": 1, "halt_max_steps": 4, "puzzle_emb_ndim": 32},
        "train": {"batch_size": 16, "epochs": 2, "lr": 0.001, "lr_warmup_steps": 10}
    }})),
    responses(
        (status = 201, description = "The queued run", body = Run,
            headers(("location" = String, description = "Its address"))),
        (status = 422, description = "A setting cannot be run, or the named dataset is not stored"),
    )
)]
pub async fn create_run(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<CreateRun>,
) -> Result<impl IntoResponse, ApiError> {
    check(&request.experiment, "experiment")?;
    queue(&state, &caller, &request.experiment, &request.owner, request.priority).await
}

/// Get a run
///
/// Its `ETag` stands for what people have said about it: pass it as `If-Match` when changing that.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = RunId, Path, description = "The run's id")),
    responses(
        (status = 200, description = "The run", body = Run, headers(("etag" = String, description = "Its edition"))),
        (status = 404, description = "There is no such run"),
    )
)]
pub async fn get_run(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
) -> Result<impl IntoResponse, ApiError> {
    with_etag(&state, id).await
}

/// Cancel a run
///
/// A waiting run is cancelled at once; a running one is asked to stop and does so after its current step.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/cancel",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id")),
    responses(
        (status = 200, description = "The run, cancelled or with `cancel_requested`", body = Run),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run has ended already"),
    )
)]
pub async fn cancel_run(State(state): State<AppState>, ApiPath(id): ApiPath<RunId>) -> Result<Json<Run>, ApiError> {
    store::jobs::request_cancel(&state.pool, id.into()).await?;
    Ok(Json(store::runs::get(&state.pool, id).await?))
}

/// Pause a run
///
/// A queued run is set aside at once; the worker of a running one saves it and gives it back.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/pause",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id")),
    responses(
        (status = 200, description = "The run, paused or with `pause_requested`", body = Run),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run has ended, or was asked to stop"),
    )
)]
pub async fn pause_run(State(state): State<AppState>, ApiPath(id): ApiPath<RunId>) -> Result<Json<Run>, ApiError> {
    store::jobs::request_pause(&state.pool, id.into()).await?;
    Ok(Json(store::runs::get(&state.pool, id).await?))
}

/// Resume a run
///
/// A paused run is queued again; a running one that was asked to pause goes on.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/resume",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id")),
    responses(
        (status = 200, description = "The run", body = Run),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run is neither paused nor about to be"),
    )
)]
pub async fn resume_run(State(state): State<AppState>, ApiPath(id): ApiPath<RunId>) -> Result<Json<Run>, ApiError> {
    store::jobs::resume(&state.pool, id.into()).await?;
    Ok(Json(store::runs::get(&state.pool, id).await?))
}

/// Retry a run
///
/// A failed or cancelled run is queued again; its attempts go on being counted.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/retry",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id")),
    responses(
        (status = 200, description = "The queued run", body = Run),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run has neither failed nor been cancelled"),
    )
)]
pub async fn retry_run(State(state): State<AppState>, ApiPath(id): ApiPath<RunId>) -> Result<Json<Run>, ApiError> {
    store::jobs::retry(&state.pool, id.into()).await?;
    Ok(Json(store::runs::get(&state.pool, id).await?))
}

/// Change a run
///
/// Its name, tags and notes, who may read it, and its priority as long as it has not ended. With `If-Match` only if
/// nobody has changed it since `ETag` was read; a run's progress does not count as a change.
#[utoipa::path(
    patch,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    security(("token" = ["write"])),
    params(
        ("id" = RunId, Path, description = "The run's id"),
        ("if-match" = Option<String>, Header, description = "The `ETag` that must still be right")
    ),
    request_body(content = ChangeRun, example = json!({"name": "best so far", "tags": ["sudoku"], "priority": 10})),
    responses(
        (status = 200, description = "The run", body = Run, headers(("etag" = String, description = "Its edition"))),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run has ended, so that it has no priority"),
        (status = 412, description = "It was changed since `ETag` was read"),
        (status = 422, description = "A setting is wrong"),
    )
)]
pub async fn change_run(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
    headers: HeaderMap,
    ApiJson(change): ApiJson<ChangeRun>,
) -> Result<impl IntoResponse, ApiError> {
    check_change(&change)?;
    store::runs::change(&state.pool, id, &change, seen(&headers)?).await?;
    with_etag(&state, id).await
}

/// Clone a run
///
/// A new run of the same experiment, with changes.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/clone",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id")),
    request_body(content = CloneRun, example = json!({"changes": {"seed": 2, "train": {"epochs": 4}}})),
    responses(
        (status = 201, description = "The queued run", body = Run,
            headers(("location" = String, description = "Its address"))),
        (status = 404, description = "There is no such run"),
        (status = 422, description = "A setting cannot be run, or the named dataset is not stored"),
    )
)]
pub async fn clone_run(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<RunId>,
    ApiJson(request): ApiJson<CloneRun>,
) -> Result<impl IntoResponse, ApiError> {
    let run = store::runs::get(&state.pool, id).await?;
    let experiment = changed(&run.experiment, &request.changes.into(), "changes")?;
    queue(&state, &caller, &experiment, &request.owner, request.priority.unwrap_or(run.priority)).await
}

/// Delete a run
///
/// One that has ended, with its metrics, its log, its checkpoints and their scores.
#[utoipa::path(
    delete,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run has not ended, or something refers to what it made"),
    )
)]
pub async fn delete_run(State(state): State<AppState>, ApiPath(id): ApiPath<RunId>) -> Result<StatusCode, ApiError> {
    store::runs::delete(&state.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a run's log
///
/// What its workers said, the newest 2,000 lines of it, oldest first. `next_cursor` is the id of the last line of a
/// full page: pass it as `after`.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/logs",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = RunId, Path, description = "The run's id"), ListLogsQuery),
    responses(
        (status = 200, description = "Oldest first", body = Page<LogLine>),
        (status = 404, description = "There is no such run"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_logs(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
    ApiQuery(query): ApiQuery<ListLogsQuery>,
) -> Result<Json<Page<LogLine>>, ApiError> {
    let limit = checked_limit(query.limit, MAX_LINES, MAX_LINES)?;
    store::runs::get(&state.pool, id).await?;
    let items = store::logs::list(&state.pool, JobId::from(id), query.after, limit).await?;
    let full = items.len() == limit as usize;
    let next_cursor = items.last().filter(|_| full).map(|line| line.id.to_string());
    Ok(Json(Page { items, next_cursor }))
}

/// Get what a run's results rest on
///
/// Seed, settings with their hash, dataset hashes, program, compiler, machine and kernels of every attempt, time and
/// memory, the checkpoint with its hash and how it was chosen, and its scores. `scores` marked `claimed` came with an
/// imported run and were not measured here.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/provenance",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = RunId, Path, description = "The run's id")),
    responses(
        (status = 200, description = "As far as it is known by now", body = RunProvenance),
        (status = 404, description = "There is no such run"),
    )
)]
pub async fn get_provenance(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
) -> Result<Json<RunProvenance>, ApiError> {
    Ok(Json(store::provenance::of_run(&state.pool, id).await?))
}

/// Watch a run
///
/// Server-sent events: `run` with the whole run whenever it changes, `metric` with each point and `log` with each
/// line that its worker says. Ids are `<attempt>-<step>.<line>`, the last point and line told. A client that connects again with `Last-Event-ID` misses nothing and gets nothing twice.
/// The stream ends after the final state; connecting again after that gets 204, which stops an `EventSource`.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/events",
    tag = "runs",
    security(("token" = ["read"])),
    params(
        ("id" = RunId, Path, description = "The run's id"),
        ("last-event-id" = Option<String>, Header, description = "The id of the last event read"),
        StreamEventsQuery
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream",
            example = "event: metric\nid: 1-10.3\ndata: {\"step\":10,\"loss\":20.5}\n\n"),
        (status = 204, description = "Everything was read already"),
        (status = 404, description = "There is no such run"),
    )
)]
pub async fn stream_events(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
    ApiQuery(query): ApiQuery<StreamEventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = store::runs::get(&state.pool, id).await?;
    let from = last_read(&headers, query.after.as_deref());
    if run.state.is_final() && from.is_some_and(|position| position.ended && position.attempt == run.attempt) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = watch_run(state.pool.clone(), id, from).take_until(state.closed());
    let unbuffered = [("x-accel-buffering", "no")];
    Ok((unbuffered, Sse::new(events).keep_alive(KeepAlive::default())).into_response())
}

/// What the client has read; an id that no event bore means nothing was.
fn last_read(headers: &HeaderMap, after: Option<&str>) -> Option<Position> {
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    header.or(after).and_then(|id| id.parse().ok())
}

/// The run as it is now, with its edition.
async fn with_etag(state: &AppState, id: RunId) -> Result<impl IntoResponse + use<>, ApiError> {
    // The edition first: a change in between makes the tag too old, never too new.
    let edition = store::editions::of_run(&state.pool, id).await?;
    let run = store::runs::get(&state.pool, id).await?;
    Ok((etag(edition), Json(run)))
}

/// Queues a run of a checked experiment.
async fn queue(
    state: &AppState,
    caller: &Caller,
    experiment: &Experiment,
    owner: &str,
    priority: i16,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let terms = terms(caller, owner, priority)?;
    let run = match store::runs::create(&state.pool, &caller.viewer, experiment, terms).await {
        Err(store::Error::NotFound { what: "dataset", key }) => {
            return Err(unknown_dataset(state, caller, &key).await?);
        }
        created => created?,
    };
    let location = format!("/api/v1/runs/{}", run.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(run)))
}

fn check(experiment: &Experiment, field: &str) -> Result<(), ApiError> {
    experiment.validate().map_err(|error| ApiError::invalid_experiment(field, error))?;
    match &experiment.data {
        DataSpec::Generate(_) | DataSpec::Stored { .. } => Ok(()),
        DataSpec::Csv(_) | DataSpec::Arc(_) | DataSpec::Folder(_) => Err(ApiError::InvalidExperiment {
            field: format!("{field}.data.source"),
            problem: "the server reads no files named by a client; import them with `hrm data import` and name the \
                      stored dataset: {\"source\": \"stored\", \"dataset\": \"…\"}"
                .into(),
        }),
    }
}

/// The experiment with the changes of a merge patch, checked; `field` is where the changes stand in the request.
pub(super) fn changed(experiment: &Experiment, changes: &Value, field: &str) -> Result<Experiment, ApiError> {
    let merged = merged(json!(experiment), changes);
    let changed: Experiment = serde_path_to_error::deserialize(merged)
        .map_err(|error| ApiError::field(format!("{field}.{}", error.path()), error.inner().to_string()))?;
    check(&changed, field)?;
    Ok(changed)
}

pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    match name.chars().count() {
        1..=64 => Ok(()),
        length => Err(ApiError::field("name", format!("expected 1 to 64 characters, found {length}"))),
    }
}

fn check_change(change: &ChangeRun) -> Result<(), ApiError> {
    change.name.as_deref().map_or(Ok(()), check_name)?;
    change.priority.map_or(Ok(()), check_priority)?;
    if let Some(length) = change.notes.as_ref().map(|notes| notes.chars().count()).filter(|length| *length > 10_000) {
        return Err(ApiError::field("notes", format!("expected at most 10,000 characters, found {length}")));
    }
    let tags = change.tags.as_deref().unwrap_or_default();
    if tags.len() > 20 {
        return Err(ApiError::field("tags", format!("expected at most 20 tags, found {}", tags.len())));
    }
    match tags.iter().find(|tag| !(1..=40).contains(&tag.chars().count())) {
        Some(tag) => Err(ApiError::field("tags", format!("expected 1 to 40 characters in each, found {tag:?}"))),
        None => Ok(()),
    }
}

pub(super) async fn unknown_dataset(state: &AppState, caller: &Caller, wanted: &str) -> Result<ApiError, ApiError> {
    let known = store::datasets::list(&state.pool, &caller.viewer, None, super::MAX_LIMIT).await?.items;
    let names: Vec<String> = known.into_iter().map(|dataset| dataset.name).collect();
    let known = if names.is_empty() { "none is stored yet".into() } else { format!("there are: {}", names.join(", ")) };
    Ok(ApiError::InvalidExperiment {
        field: "experiment.data.dataset".into(),
        problem: format!("there is no dataset {wanted:?}; {known}"),
    })
}
