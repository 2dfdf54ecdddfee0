//! Training runs: queued, listed, changed, deleted.

use super::{
    asked::{self, Place},
    jobs::{check_priority, highest_priority, terms},
    slices::{orders, slice},
};
use crate::{
    accounts::Caller,
    http::{
        editions::{etag, seen},
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
    },
    server::AppState,
    store::{
        self,
        runs::{ORDERS, RunFilter},
    },
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use hrm_types::{
    Page,
    experiment::{DataSpec, Experiment},
    ids::{DatasetId, RunId, SweepId},
    name,
    run::{ChangeRun, CloneRun, CreateRun, Run, RunState},
};
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

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
    /// Only runs whose name contains this, in any case.
    name: Option<String>,
    /// Only runs of the team with this name.
    team: Option<String>,
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_runs)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_runs() -> RefOr<Schema> {
    orders(&ORDERS)
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
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    let filter = RunFilter {
        state: query.state,
        dataset: query.dataset_id,
        tag: query.tag.as_deref(),
        owner: query.owner.as_deref(),
        sweep: query.sweep_id,
        name: query.name.as_deref(),
        team: query.team.as_deref(),
    };
    Ok(Json(store::runs::list(&state.pool, &caller.viewer, filter, &slice).await?))
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
        (status = 422, description = "A setting cannot be run, the named dataset is not stored, or the model to begin with is not stored or does not fit"),
    )
)]
pub async fn create_run(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<CreateRun>,
) -> Result<impl IntoResponse, ApiError> {
    let place = Place::Field("experiment");
    asked::check(&request.experiment, place)?;
    let CreateRun { experiment, owner, priority } = &request;
    queue(&state, &caller, Asked { experiment, place, owner, priority: *priority }).await
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
    caller: Caller,
    ApiPath(id): ApiPath<RunId>,
    headers: HeaderMap,
    ApiJson(change): ApiJson<ChangeRun>,
) -> Result<impl IntoResponse, ApiError> {
    check_change(&change)?;
    change.priority.map_or(Ok(()), |priority| check_priority(&state, &caller, priority))?;
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
        (status = 422, description = "A setting cannot be run, the named dataset is not stored, or the model to begin with is not stored or does not fit"),
    )
)]
pub async fn clone_run(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<RunId>,
    ApiJson(request): ApiJson<CloneRun>,
) -> Result<impl IntoResponse, ApiError> {
    let run = store::runs::get(&state.pool, id).await?;
    let place = Place::Field("changes");
    let mut experiment = asked::changed(&run.experiment, &request.changes.into(), "changes")?;
    asked::check(&experiment, place)?;
    if experiment.data == run.experiment.data {
        stay_on(&state, &caller, &mut experiment.data, run.dataset_id).await?;
    }
    let priority = request.priority.unwrap_or_else(|| run.priority.min(highest_priority(&state, &caller)));
    let asked = Asked { experiment: &experiment, place, owner: &request.owner, priority };
    queue(&state, &caller, asked).await
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
        (status = 409, description = "The run has not ended, or a job that has not ended needs its model"),
    )
)]
pub async fn delete_run(State(state): State<AppState>, ApiPath(id): ApiPath<RunId>) -> Result<StatusCode, ApiError> {
    store::runs::delete(&state.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The run as it is now, with its edition.
async fn with_etag(state: &AppState, id: RunId) -> Result<impl IntoResponse + use<>, ApiError> {
    // The edition first: a change in between makes the tag too old, never too new.
    let edition = store::editions::of_run(&state.pool, id).await?;
    let run = store::runs::get(&state.pool, id).await?;
    Ok((etag(edition), Json(run)))
}

/// Names the dataset that a run was on by its id, if its name has come to mean another one or none.
async fn stay_on(
    state: &AppState,
    caller: &Caller,
    data: &mut DataSpec,
    dataset_id: Option<DatasetId>,
) -> Result<(), ApiError> {
    let (DataSpec::Stored { dataset }, Some(id)) = (data, dataset_id) else { return Ok(()) };
    match store::datasets::find(&state.pool, &caller.viewer, dataset).await {
        Ok(found) if found.id == id => {}
        Ok(_) | Err(store::Error::NotFound { .. }) => *dataset = id.to_string(),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// A run of a checked experiment that is to be queued.
struct Asked<'a> {
    experiment: &'a Experiment,
    /// Where the request says it, or what it changes.
    place: Place<'a>,
    owner: &'a str,
    priority: i16,
}

async fn queue(state: &AppState, caller: &Caller, asked: Asked<'_>) -> Result<impl IntoResponse + use<>, ApiError> {
    let Asked { experiment, place, owner, priority } = asked;
    let terms = terms(state, caller, owner, priority)?;
    let run = match store::runs::create(&state.pool, &caller.viewer, experiment, terms).await {
        Ok(run) => run,
        Err(error) => return Err(asked::untied(state, caller, place, error).await?),
    };
    let location = format!("/api/v1/runs/{}", run.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(run)))
}

pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    name::check_label(name).map_err(|problem| ApiError::field("name", problem))
}

fn check_change(change: &ChangeRun) -> Result<(), ApiError> {
    change.name.as_deref().map_or(Ok(()), check_name)?;
    if let Some(length) = change.notes.as_ref().map(|notes| notes.chars().count()).filter(|length| *length > 10_000) {
        return Err(ApiError::field("notes", format!("expected at most 10,000 characters, found {length}")));
    }
    let tags = change.tags.as_deref().unwrap_or_default();
    if tags.len() > 20 {
        return Err(ApiError::field("tags", format!("expected at most 20 tags, found {}", tags.len())));
    }
    tags.iter().try_for_each(|tag| name::check_tag(tag).map_err(|problem| ApiError::field("tags", problem)))
}
