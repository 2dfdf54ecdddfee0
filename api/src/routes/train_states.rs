//! The stored states of a run: which there are, and which stay.

use super::page_limit;
use crate::{
    http::{
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
    },
    server::AppState,
    store::kept_states,
};
use axum::{Json, extract::State, http::StatusCode};
use hrm_types::{
    Page,
    ids::RunId,
    train_state::{ChangeTrainState, TrainState},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which states.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTrainStatesQuery {
    /// `next_cursor` of the page before.
    cursor: Option<u64>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// List a run's states
///
/// Those that are stored, the most steps first: a run that was interrupted goes on from the first that is not damaged.
/// How many are kept is a setting of its worker; pinned ones stay, also after the run.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/states",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = RunId, Path, description = "The run's id"), ListTrainStatesQuery),
    responses(
        (status = 200, description = "The most steps first", body = Page<TrainState>),
        (status = 404, description = "There is no such run"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_train_states(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
    ApiQuery(query): ApiQuery<ListTrainStatesQuery>,
) -> Result<Json<Page<TrainState>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let mut items = kept_states::list(&state.pool, id, query.cursor, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| last.step.to_string());
    Ok(Json(Page { items, next_cursor }))
}

/// Get a run's state
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/states/{step}",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = RunId, Path, description = "The run's id"), ("step" = u64, Path, description = "Steps done in it")),
    responses(
        (status = 200, description = "The state", body = TrainState),
        (status = 404, description = "There is no such state"),
    )
)]
pub async fn get_train_state(
    State(state): State<AppState>,
    ApiPath((id, step)): ApiPath<(RunId, u64)>,
) -> Result<Json<TrainState>, ApiError> {
    Ok(Json(kept_states::get(&state.pool, id, step).await?))
}

/// Pin a run's state, or let it go
///
/// A pinned state is kept whatever the run's worker is set to keep, and after the run.
#[utoipa::path(
    patch,
    path = "/api/v1/runs/{id}/states/{step}",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id"), ("step" = u64, Path, description = "Steps done in it")),
    request_body(content = ChangeTrainState, example = json!({"pinned": true})),
    responses(
        (status = 200, description = "The state", body = TrainState),
        (status = 404, description = "There is no such state"),
        (status = 422, description = "A setting is wrong"),
    )
)]
pub async fn change_train_state(
    State(state): State<AppState>,
    ApiPath((id, step)): ApiPath<(RunId, u64)>,
    ApiJson(change): ApiJson<ChangeTrainState>,
) -> Result<Json<TrainState>, ApiError> {
    Ok(Json(kept_states::set_pinned(&state.pool, id, step, change.pinned).await?))
}

/// Remove a run's state
///
/// One that is not pinned and that its run does not go on from.
#[utoipa::path(
    delete,
    path = "/api/v1/runs/{id}/states/{step}",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = RunId, Path, description = "The run's id"), ("step" = u64, Path, description = "Steps done in it")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such state"),
        (status = 409, description = "It is pinned, or its run needs it"),
    )
)]
pub async fn remove_train_state(
    State(state): State<AppState>,
    ApiPath((id, step)): ApiPath<(RunId, u64)>,
) -> Result<StatusCode, ApiError> {
    kept_states::remove(&state.pool, id, step).await?;
    Ok(StatusCode::NO_CONTENT)
}
