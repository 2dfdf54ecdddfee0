//! Stored checkpoints, as the models one can solve with.

use super::{
    datasets::check_name,
    jobs::home,
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
        access::Viewer,
        models::{ModelFilter, ORDERS},
    },
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use hrm_types::{
    Page,
    board::Kind,
    ids::{CheckpointId, RunId},
    model::{Alias, ChangeModel, Model},
    name,
};
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

/// Which page of the models.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListModelsQuery {
    /// Only those that solve this kind of puzzle.
    kind: Option<Kind>,
    /// Only those that solve grids of this side.
    side: Option<u8>,
    /// Only those that this run has trained.
    run_id: Option<RunId>,
    /// Only those whose name contains this, in any case.
    name: Option<String>,
    /// Only those whose file has this SHA-256.
    sha256: Option<String>,
    /// Only those of the team with this name.
    team: Option<String>,
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_models)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_models() -> RefOr<Schema> {
    orders(&ORDERS)
}

/// List models
///
/// Newest first. `default` marks the one that solves its size of puzzle when none is named.
#[utoipa::path(
    get,
    path = "/api/v1/models",
    tag = "models",
    security(("token" = ["read"])),
    params(ListModelsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Model>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_models(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListModelsQuery>,
) -> Result<Json<Page<Model>>, ApiError> {
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    let filter = ModelFilter {
        kind: query.kind,
        side: query.side,
        run: query.run_id,
        name: query.name.as_deref(),
        sha256: query.sha256.as_deref(),
        team: query.team.as_deref(),
    };
    Ok(Json(store::models::list(&state.pool, &caller.viewer, filter, &slice).await?))
}

/// Get a model
#[utoipa::path(
    get,
    path = "/api/v1/models/{id}",
    tag = "models",
    security(("token" = ["read"])),
    params(("id" = CheckpointId, Path, description = "The model's id")),
    responses(
        (status = 200, description = "The model", body = Model, headers(("etag" = String, description = "Its edition"))),
        (status = 404, description = "There is no such model"),
    )
)]
pub async fn get_model(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<CheckpointId>,
) -> Result<impl IntoResponse, ApiError> {
    with_etag(&state, &caller.viewer, id).await
}

/// The model as it is now, with its edition.
async fn with_etag(state: &AppState, viewer: &Viewer, id: CheckpointId) -> Result<impl IntoResponse + use<>, ApiError> {
    // The edition first: a change in between makes the tag too old, never too new.
    let edition = store::editions::of_model(&state.pool, id).await?;
    Ok((etag(edition), Json(store::models::get(&state.pool, viewer, id).await?)))
}

/// Change a model
///
/// With `If-Match` only if nobody has changed it since `ETag` was read.
#[utoipa::path(
    patch,
    path = "/api/v1/models/{id}",
    tag = "models",
    security(("token" = ["write"])),
    params(
        ("id" = CheckpointId, Path, description = "The model's id"),
        ("if-match" = Option<String>, Header, description = "The `ETag` that must still be right")
    ),
    request_body(content = ChangeModel, example = json!({"name": "mine", "public": true})),
    responses(
        (status = 200, description = "The model", body = Model, headers(("etag" = String, description = "Its edition"))),
        (status = 404, description = "There is no such model"),
        (status = 409, description = "It ships with the program"),
        (status = 412, description = "It was changed since `ETag` was read"),
        (status = 422, description = "A setting is wrong"),
    )
)]
pub async fn change_model(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<CheckpointId>,
    headers: HeaderMap,
    ApiJson(change): ApiJson<ChangeModel>,
) -> Result<impl IntoResponse, ApiError> {
    change.name.as_deref().map_or(Ok(()), check_name)?;
    store::checkpoints::change(&state.pool, id, change.name.as_deref(), change.public, seen(&headers)?).await?;
    with_etag(&state, &caller.viewer, id).await
}

/// Delete a model
///
/// With its scores and its aliases; its run stays. Those that ship with the program stay, too.
#[utoipa::path(
    delete,
    path = "/api/v1/models/{id}",
    tag = "models",
    security(("token" = ["write"])),
    params(("id" = CheckpointId, Path, description = "The model's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such model"),
        (status = 409, description = "It ships with the program, or a job that has not ended needs it"),
    )
)]
pub async fn delete_model(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<CheckpointId>,
) -> Result<StatusCode, ApiError> {
    store::checkpoints::delete(&state.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a model's aliases
#[utoipa::path(
    get,
    path = "/api/v1/models/{id}/aliases",
    tag = "models",
    security(("token" = ["read"])),
    params(("id" = CheckpointId, Path, description = "The model's id")),
    responses(
        (status = 200, description = "All of your teams', on one page", body = Page<String>),
        (status = 404, description = "There is no such model"),
    )
)]
pub async fn list_aliases(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<CheckpointId>,
) -> Result<Json<Page<String>>, ApiError> {
    store::editions::of_model(&state.pool, id).await?;
    let items = store::aliases::of_model(&state.pool, &caller.viewer, id).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

/// List aliases
///
/// Your teams' names that move, and the model that each stands for.
#[utoipa::path(
    get,
    path = "/api/v1/aliases",
    tag = "models",
    security(("token" = ["read"])),
    responses((status = 200, description = "In alphabetical order, on one page", body = Page<Alias>))
)]
pub async fn list_all_aliases(State(state): State<AppState>, caller: Caller) -> Result<Json<Page<Alias>>, ApiError> {
    let items = store::aliases::list(&state.pool, &caller.viewer).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

/// Give a model an alias
///
/// A name that moves, such as `champion`: it goes before names of models, and is taken from the model that had it.
#[utoipa::path(
    put,
    path = "/api/v1/models/{id}/aliases/{alias}",
    tag = "models",
    security(("token" = ["write"])),
    params(
        ("id" = CheckpointId, Path, description = "The model's id"),
        ("alias" = String, Path, description = "1 to 64 letters, digits, `-`, `_` and `.`, and no UUID", example = "champion")
    ),
    responses(
        (status = 204, description = "The model has it"),
        (status = 404, description = "There is no such model"),
        (status = 422, description = "The alias is wrong"),
    )
)]
pub async fn set_alias(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath((id, alias)): ApiPath<(CheckpointId, String)>,
) -> Result<StatusCode, ApiError> {
    name::check(&alias).map_err(|problem| ApiError::field("alias", problem))?;
    store::editions::of_model(&state.pool, id).await?;
    store::aliases::set(&state.pool, home(&caller)?, &alias, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take an alias from a model
#[utoipa::path(
    delete,
    path = "/api/v1/models/{id}/aliases/{alias}",
    tag = "models",
    security(("token" = ["write"])),
    params(
        ("id" = CheckpointId, Path, description = "The model's id"),
        ("alias" = String, Path, description = "The alias", example = "champion")
    ),
    responses(
        (status = 204, description = "It has it no more"),
        (status = 404, description = "There is no such model, or it does not have that alias"),
    )
)]
pub async fn remove_alias(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath((id, alias)): ApiPath<(CheckpointId, String)>,
) -> Result<StatusCode, ApiError> {
    store::aliases::remove(&state.pool, home(&caller)?, &alias, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
