//! Files of the internet that a client names: puzzles and checkpoints.

use super::{
    datasets::check_name,
    jobs::home,
    uploads::{Said, about, check_license, store_dataset, store_model},
};
use crate::{
    accounts::Caller,
    fetch::fetch,
    http::{error::ApiError, extract::ApiJson, limits::Place},
    intake::Received,
    server::AppState,
};
use axum::{extract::State, response::IntoResponse};
use hrm_types::{
    dataset::Dataset,
    import::{ImportDataset, ImportModel},
    model::Model,
};

/// Import puzzles by their address
///
/// The server fetches a file as `POST /api/v1/datasets/upload` takes it, from the public internet alone: over https, after at most five
/// redirects, within five minutes. The answer comes when the dataset is stored.
#[utoipa::path(
    post,
    path = "/api/v1/datasets/import",
    tag = "datasets",
    security(("token" = ["write"])),
    request_body(content = ImportDataset, example = json!(
        {"url": "https://example.org/sudoku.csv.gz", "name": "sudoku-of-example", "test_rows": 1000, "license": "MIT"}
    )),
    responses(
        (status = 201, description = "The stored dataset", body = Dataset,
            headers(("location" = String, description = "Its address"))),
        (status = 409, description = "The name is taken, or these very puzzles are stored already"),
        (status = 422, description = "The address is not public, there is no usable file, or a setting is wrong"),
        (status = 503, description = "Other files are being fetched; `Retry-After` says when to come back"),
    )
)]
pub async fn import_dataset(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<ImportDataset>,
) -> Result<impl IntoResponse, ApiError> {
    check_name(&request.name)?;
    check_license(request.license.as_deref())?;
    let team = home(&caller)?;
    let about = about(request.kind, request.test_rows, request.validation_rows, request.seed)?;
    let place = enter(&state).await?;
    let received = checked(&request.url, request.sha256.as_deref()).await?;
    let said = Said { team, name: &request.name, origin: &origin(&request.url), license: request.license.as_deref() };
    let stored = store_dataset(&state, said, about, received).await;
    drop(place);
    stored
}

/// Import a checkpoint by its address
///
/// The server fetches a file as `POST /api/v1/models` takes it, on the terms of `POST /api/v1/datasets/import`.
#[utoipa::path(
    post,
    path = "/api/v1/models/import",
    tag = "models",
    security(("token" = ["write"])),
    request_body(content = ImportModel, example = json!(
        {"url": "https://example.org/sudoku-9x9.safetensors", "name": "model-of-example"}
    )),
    responses(
        (status = 201, description = "The stored model", body = Model,
            headers(("location" = String, description = "Its address"))),
        (status = 422, description = "The address is not public, there is no usable file, or a setting is wrong"),
        (status = 503, description = "Other files are being fetched; `Retry-After` says when to come back"),
    )
)]
pub async fn import_model(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<ImportModel>,
) -> Result<impl IntoResponse, ApiError> {
    check_name(&request.name)?;
    let team = home(&caller)?;
    let place = enter(&state).await?;
    let received = checked(&request.url, request.sha256.as_deref()).await?;
    let stored = store_model(&state, team, &request.name, received).await;
    drop(place);
    stored
}

/// A place among those for whom files are fetched.
async fn enter(state: &AppState) -> Result<Place, ApiError> {
    if state.settings.rate.no_fetch {
        return Err(ApiError::Source("this server fetches nothing; upload the file".into()));
    }
    state.fetching.enter().await
}

/// The file at an address, if it has the SHA-256 that it is said to have.
async fn checked(url: &str, sha256: Option<&str>) -> Result<Received, ApiError> {
    let Some(wanted) = sha256.map(str::to_ascii_lowercase) else { return fetch(url).await };
    if wanted.len() != 64 || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ApiError::field("sha256", format!("expected 64 hexadecimal digits, found {wanted:?}")));
    }
    let mut received = fetch(url).await?;
    let digest = tokio::task::spawn_blocking(move || received.digest().map(|found| (found, received)));
    let (found, received) = digest.await.map_err(ApiError::internal)??;
    if found == wanted {
        return Ok(received);
    }
    Err(ApiError::Source(format!("expected a file whose SHA-256 is {wanted}, found one with {found}")))
}

/// An address as the origin of what it led to: without what follows `?`, which may hold a secret, and as terminals may show it.
fn origin(url: &str) -> String {
    let place = url.split(['?', '#']).next().unwrap_or(url);
    place.chars().filter(|letter| !letter.is_control()).collect()
}
