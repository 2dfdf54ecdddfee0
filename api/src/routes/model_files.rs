//! Models' files, downloaded whole or in part.

use super::uploads::FileBytes;
use crate::{
    accounts::Caller,
    http::{
        editions::has_same_copy,
        error::ApiError,
        extract::ApiPath,
        ranges::{self, Part},
    },
    server::AppState,
    store,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use hrm_types::ids::CheckpointId;

/// Download a model's file
///
/// A safetensors file whose metadata hold the experiment and the training data's hash; its `ETag` is its SHA-256. A download
/// that broke off goes on from where it ended with `Range`, as `curl -C -` asks for.
#[utoipa::path(
    get,
    path = "/api/v1/models/{id}/file",
    tag = "models",
    security(("token" = ["read"])),
    params(
        ("id" = CheckpointId, Path, description = "The model's id"),
        ("if-none-match" = Option<String>, Header, description = "The `ETag` of a copy already there"),
        ("range" = Option<String>, Header, description = "One range of bytes; of several the whole file is sent", example = "bytes=1048576-"),
        ("if-range" = Option<String>, Header, description = "The `ETag` of the part already there: of another file all is sent"),
    ),
    responses(
        (status = 200, description = "The file", body = FileBytes, content_type = "application/octet-stream",
            headers(("etag" = String, description = "The file's SHA-256"))),
        (status = 206, description = "The bytes asked for", body = FileBytes, content_type = "application/octet-stream",
            headers(("etag" = String, description = "The file's SHA-256"),
                    ("content-range" = String, description = "Which bytes of how many"))),
        (status = 304, description = "The copy already there is the same"),
        (status = 404, description = "There is no such model"),
        (status = 416, description = "The file has no such bytes",
            headers(("content-range" = String, description = "How many it has"))),
        (status = 503, description = "The object store that holds the file does not answer"),
    )
)]
pub async fn download_model(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<CheckpointId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let model = store::models::get(&state.pool, &caller.viewer, id).await?;
    let etag = format!("\"{}\"", model.sha256);
    if has_same_copy(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let artifact = store::artifacts::find(&state.pool, &model.sha256).await?;
    let part = ranges::asked(&headers, &etag, artifact.size)?;
    let bytes = part.bytes(artifact.size);
    let mut chunks = Box::pin(store::artifacts::part(&state.pool, &artifact, bytes.clone()));
    // Before the answer begins: an object store that is away can still be told then.
    let first = chunks.try_next().await?;
    let named = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, (bytes.end - bytes.start).to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.safetensors\"", file_name(&model.name))),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, etag),
    ];
    // The client hears no more than that it ends too early.
    let rest = chunks.inspect_err(move |error| tracing::error!(model = %id, %error, "a download breaks off"));
    let mut response = (named, Body::from_stream(stream::iter(first.map(Ok)).chain(rest))).into_response();
    if let Part::Some(bytes) = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, artifact.size);
        let range = HeaderValue::try_from(range).map_err(ApiError::internal)?;
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// A name as one of a file on every system: what may mean something else there is left out.
fn file_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "._- ".contains(letter) { letter } else { '_' };
    name.chars().map(plain).collect()
}
