//! Stored puzzles: made from a seed, listed, browsed.

use super::{
    jobs::terms,
    page_limit,
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
        datasets::{DatasetFilter, NewDataset, ORDERS},
        jobs::Terms,
    },
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use hrm_model::data::{self, DataError, leak_report};
use hrm_types::{
    Page,
    board::Kind,
    dataset::{ChangeDataset, CreateDataset, Dataset, LeakReport, Split, StoredPuzzle},
    experiment::GenerateSpec,
    ids::{DatasetId, TeamId},
    job::{GenerationSpec, Job},
    name,
};
use serde::Deserialize;
use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

/// Puzzles in all that are made while the request waits; more are a worker's job.
const WHILE_WAITING: u32 = 5_000;

/// How long it waits for them; what takes longer is a worker's job, too. Some are a thousand times the work of others.
const WAITS: Duration = Duration::from_secs(10);

/// Which page of the datasets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDatasetsQuery {
    /// Only those of this kind of puzzle.
    kind: Option<Kind>,
    /// Only those whose grids have this side.
    side: Option<u8>,
    /// Only those whose name contains this, in any case.
    name: Option<String>,
    /// Only those of the team with this name.
    team: Option<String>,
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_datasets)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Which puzzles of a dataset.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPuzzlesQuery {
    /// The split; `train` by default.
    split: Option<Split>,
    /// `next_cursor` of the page before.
    cursor: Option<u32>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_datasets() -> RefOr<Schema> {
    orders(&ORDERS)
}

/// List datasets
#[utoipa::path(
    get,
    path = "/api/v1/datasets",
    tag = "datasets",
    security(("token" = ["read"])),
    params(ListDatasetsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Dataset>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_datasets(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListDatasetsQuery>,
) -> Result<Json<Page<Dataset>>, ApiError> {
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    let filter =
        DatasetFilter { kind: query.kind, side: query.side, name: query.name.as_deref(), team: query.team.as_deref() };
    Ok(Json(store::datasets::list(&state.pool, &caller.viewer, filter, &slice).await?))
}

/// Generate a dataset
///
/// Sudoku puzzles with exactly one solution (`givens`), mazes (`kind` `maze`, with `maze` `perfect` or `hard`) or
/// ARC-like tasks (`kind` `arc`); the same settings always give the same puzzles.
/// Up to 5,000 puzzles in all are made at once if ten seconds are enough: the answer comes when the dataset is stored, and
/// hanging up stops the work. All else is queued for a worker: the answer is the job, whose `dataset_id` names the dataset
/// once it is stored.
#[utoipa::path(
    post,
    path = "/api/v1/datasets",
    tag = "datasets",
    security(("token" = ["write"])),
    request_body(content = CreateDataset, example = json!(
        {"name": "tiny-4x4", "generate": {"side": 4, "train": 100, "test": 20, "givens": [6, 9], "seed": 1}}
    )),
    responses(
        (status = 201, description = "The stored dataset", body = Dataset,
            headers(("location" = String, description = "Its address"))),
        (status = 202, description = "The queued job", body = Job,
            headers(("location" = String, description = "Its address"))),
        (status = 409, description = "The name is taken, or these very puzzles are stored already"),
        (status = 422, description = "A setting is wrong"),
        (status = 503, description = "Other datasets are being generated; `Retry-After` says when to come back"),
    )
)]
pub async fn create_dataset(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<CreateDataset>,
) -> Result<Response, ApiError> {
    check(&request)?;
    let terms = terms(&state, &caller, &request.owner, request.priority)?;
    refuse_known(&state, terms.team, &request).await?;
    let GenerateSpec { train, validation, test, .. } = request.generate;
    if train.saturating_add(validation).saturating_add(test) > WHILE_WAITING {
        return queue(&state, &request, terms).await;
    }
    let place = state.generating.enter().await?;
    let Ok(made) = timeout(WAITS, generate(request.generate.clone())).await else {
        return queue(&state, &request, terms).await;
    };
    let (puzzles, leaks) = made?;
    let new = NewDataset::generated(terms.team, &request.name, &request.generate, leaks);
    let dataset = store::datasets::create(&state.pool, new, &puzzles).await?;
    drop(place);
    let location = format!("/api/v1/datasets/{}", dataset.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(dataset)).into_response())
}

/// Leaves it to a worker.
async fn queue(state: &AppState, request: &CreateDataset, terms: Terms<'_>) -> Result<Response, ApiError> {
    let spec = GenerationSpec { name: request.name.clone(), generate: request.generate.clone() };
    let job = store::generation_jobs::create(&state.pool, &spec, terms).await?;
    let location = format!("/api/v1/jobs/{}", job.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(job)).into_response())
}

/// Get a dataset
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{id}",
    tag = "datasets",
    security(("token" = ["read"])),
    params(("id" = DatasetId, Path, description = "The dataset's id")),
    responses(
        (status = 200, description = "The dataset", body = Dataset,
            headers(("etag" = String, description = "Its edition"))),
        (status = 404, description = "There is no such dataset"),
    )
)]
pub async fn get_dataset(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<DatasetId>,
) -> Result<impl IntoResponse, ApiError> {
    with_etag(&state, id).await
}

/// The dataset as it is now, with its edition.
async fn with_etag(state: &AppState, id: DatasetId) -> Result<impl IntoResponse + use<>, ApiError> {
    // The edition first: a change in between makes the tag too old, never too new.
    let edition = store::editions::of_dataset(&state.pool, id).await?;
    Ok((etag(edition), Json(store::datasets::get(&state.pool, id).await?)))
}

/// Change a dataset
///
/// Its name, and who may read it. With `If-Match` only if nobody has changed it since `ETag` was read.
#[utoipa::path(
    patch,
    path = "/api/v1/datasets/{id}",
    tag = "datasets",
    security(("token" = ["write"])),
    params(
        ("id" = DatasetId, Path, description = "The dataset's id"),
        ("if-match" = Option<String>, Header, description = "The `ETag` that must still be right")
    ),
    request_body(content = ChangeDataset, example = json!({"name": "maze-hard", "public": true})),
    responses(
        (status = 200, description = "The dataset", body = Dataset,
            headers(("etag" = String, description = "Its edition"))),
        (status = 404, description = "There is no such dataset"),
        (status = 409, description = "Another dataset of the team has that name"),
        (status = 412, description = "It was changed since `ETag` was read"),
        (status = 422, description = "A setting is wrong"),
    )
)]
pub async fn change_dataset(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<DatasetId>,
    headers: HeaderMap,
    ApiJson(change): ApiJson<ChangeDataset>,
) -> Result<impl IntoResponse, ApiError> {
    change.name.as_deref().map_or(Ok(()), check_name)?;
    store::datasets::change(&state.pool, id, &change, seen(&headers)?).await?;
    with_etag(&state, id).await
}

/// Delete a dataset
///
/// One that no run and no score rests on, with its puzzles.
#[utoipa::path(
    delete,
    path = "/api/v1/datasets/{id}",
    tag = "datasets",
    security(("token" = ["write"])),
    params(("id" = DatasetId, Path, description = "The dataset's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such dataset"),
        (status = 409, description = "Runs or scores rest on it"),
    )
)]
pub async fn delete_dataset(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<DatasetId>,
) -> Result<StatusCode, ApiError> {
    store::datasets::delete(&state.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a dataset's puzzles
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{id}/puzzles",
    tag = "datasets",
    security(("token" = ["read"])),
    params(("id" = DatasetId, Path, description = "The dataset's id"), ListPuzzlesQuery),
    responses(
        (status = 200, description = "In their order", body = Page<StoredPuzzle>),
        (status = 404, description = "There is no such dataset"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_puzzles(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<DatasetId>,
    ApiQuery(query): ApiQuery<ListPuzzlesQuery>,
) -> Result<Json<Page<StoredPuzzle>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let dataset = store::datasets::get(&state.pool, id).await?;
    let split = query.split.unwrap_or(Split::Train);
    Ok(Json(store::puzzles::list(&state.pool, dataset.id, split, query.cursor, limit).await?))
}

/// Checks the name of a dataset or of a model.
pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    name::check(name).map_err(|problem| ApiError::field("name", problem))
}

fn check(request: &CreateDataset) -> Result<(), ApiError> {
    check_name(&request.name)?;
    let spec = &request.generate;
    spec.validate().map_err(|error| ApiError::InvalidExperiment {
        field: error.field.replacen("data.", "generate.", 1),
        problem: error.problem,
    })
}

/// Refuses before the work what the store would refuse after it.
async fn refuse_known(state: &AppState, team: TeamId, request: &CreateDataset) -> Result<(), ApiError> {
    if store::datasets::is_named(&state.pool, team, &request.name).await? {
        let detail = format!("a dataset named {:?} is stored already; choose another name", request.name);
        return Err(ApiError::Conflict { field: Some("name"), detail });
    }
    match store::datasets::generated_from(&state.pool, team, &request.generate).await? {
        None => Ok(()),
        Some(known) => {
            let detail = format!("these very puzzles are stored as {:?}; use that, or change the seed", known.name);
            Err(ApiError::Conflict { field: Some("generate"), detail })
        }
    }
}

/// Tells the generator to stop when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn generate(spec: GenerateSpec) -> Result<(data::Dataset, Option<LeakReport>), ApiError> {
    let abandoned = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&abandoned));
    let work = tokio::task::spawn_blocking(move || {
        let mut go_on = |_: usize, _: usize| {
            if abandoned.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let puzzles = data::generate(&spec, &mut go_on)?;
        let leaks = Some(leak_report(&puzzles, &mut go_on)?);
        Ok((puzzles, leaks))
    });
    work.await.map_err(ApiError::internal)?.map_err(|error: DataError| unable(&error))
}

/// Some settings pass every check and yet have too few puzzles, e.g. of side 4 with few givens.
fn unable(error: &DataError) -> ApiError {
    ApiError::field("generate", error.to_string())
}
