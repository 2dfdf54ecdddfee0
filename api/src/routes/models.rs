//! Stored checkpoints, as the models one can solve with.

use super::page_limit;
use crate::{
    http::{
        error::ApiError,
        extract::{ApiPath, ApiQuery},
    },
    server::AppState,
    store,
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use hrm_types::{Page, ids::CheckpointId, model::Model};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which page of the models.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListModelsQuery {
    /// `next_cursor` of the page before.
    cursor: Option<CheckpointId>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// List models
///
/// Newest first. `default` marks the one that solves its size of puzzle when none is named.
#[utoipa::path(
    get,
    path = "/api/v1/models",
    tag = "models",
    params(ListModelsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Model>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_models(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<ListModelsQuery>,
) -> Result<Json<Page<Model>>, ApiError> {
    let limit = page_limit(query.limit)?;
    Ok(Json(store::checkpoints::list(&state.pool, query.cursor, limit).await?))
}

/// Get a model
#[utoipa::path(
    get,
    path = "/api/v1/models/{id}",
    tag = "models",
    params(("id" = CheckpointId, Path, description = "The model's id")),
    responses(
        (status = 200, description = "The model", body = Model),
        (status = 404, description = "There is no such model"),
    )
)]
pub async fn get_model(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<CheckpointId>,
) -> Result<Json<Model>, ApiError> {
    Ok(Json(store::checkpoints::get(&state.pool, id).await?))
}

/// Download a model's file
///
/// A safetensors file whose metadata hold the experiment and the training data's hash; its `ETag` is its SHA-256.
#[utoipa::path(
    get,
    path = "/api/v1/models/{id}/file",
    tag = "models",
    params(
        ("id" = CheckpointId, Path, description = "The model's id"),
        ("if-none-match" = Option<String>, Header, description = "The `ETag` of a copy already there")
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream",
            headers(("etag" = String, description = "The file's SHA-256"))),
        (status = 304, description = "The copy already there is the same"),
        (status = 404, description = "There is no such model"),
        (status = 503, description = "The object store that holds the file does not answer"),
    )
)]
pub async fn download_model(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<CheckpointId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let model = store::checkpoints::get(&state.pool, id).await?;
    let etag = format!("\"{}\"", model.sha256);
    if has_same_copy(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let artifact = store::artifacts::find(&state.pool, &model.sha256).await?;
    let mut chunks = Box::pin(store::artifacts::chunks(&state.pool, &artifact));
    // Before the answer begins: an object store that is away can still be told then.
    let first = chunks.try_next().await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, artifact.size.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.safetensors\"", model.name)),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
        (header::ETAG, etag),
    ];
    Ok((headers, Body::from_stream(stream::iter(first.map(Ok)).chain(chunks))).into_response())
}

/// Whether `If-None-Match` names this very file. Weak comparison, as the header asks for.
fn has_same_copy(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == etag)
}
