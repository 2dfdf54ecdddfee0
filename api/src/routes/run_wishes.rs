//! What is asked of runs in the queue: to stop, to wait, to go on, to be tried again, to be taken sooner.

use super::jobs::move_within_line;
use crate::{
    accounts::Caller,
    http::{
        error::ApiError,
        extract::{ApiJson, ApiPath},
    },
    server::AppState,
    store,
};
use axum::{Json, extract::State};
use hrm_types::{
    ids::RunId,
    job::{JobKind, MoveJob},
    run::Run,
};

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
    expect_run(&state, id).await?;
    store::wishes::request_cancel(&state.pool, id.into()).await?;
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
    expect_run(&state, id).await?;
    store::wishes::request_pause(&state.pool, id.into()).await?;
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
    expect_run(&state, id).await?;
    store::wishes::resume(&state.pool, id.into()).await?;
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
    expect_run(&state, id).await?;
    store::wishes::retry(&state.pool, id.into()).await?;
    Ok(Json(store::runs::get(&state.pool, id).await?))
}

/// Move a run
///
/// A queued run, among the jobs of its owner and its priority: to the front, to the end, before or behind another. Between
/// owners nothing changes: they take turns, whatever each puts first.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/move",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id")),
    request_body(content = MoveJob, example = json!({"to": "front"})),
    responses(
        (status = 200, description = "The run with its place", body = Run),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "One of the jobs is not queued, or they are not of one owner and one priority"),
        (status = 422, description = "The other job is missing, or there is no such job"),
    )
)]
pub async fn move_run(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<RunId>,
    ApiJson(request): ApiJson<MoveJob>,
) -> Result<Json<Run>, ApiError> {
    expect_run(&state, id).await?;
    move_within_line(&state, &caller, id.into(), request).await?;
    Ok(Json(store::runs::get(&state.pool, id).await?))
}

/// Refuses the ids of other jobs, which are of the same shape and none of these operations' business.
async fn expect_run(state: &AppState, id: RunId) -> Result<(), ApiError> {
    Ok(store::jobs::expect(&state.pool, JobKind::Training, id.into()).await?)
}
