//! Files of clients: puzzles and checkpoints.

use super::{datasets::check_name, jobs::home};
use crate::{
    accounts::Caller,
    http::{error::ApiError, extract::ApiQuery},
    intake::{self, PuzzleFile, Received},
    server::AppState,
    store::{self, access::Viewer, datasets::NewDataset},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use hrm_model::data::leak_report;
use hrm_types::{board::Kind, dataset::Dataset, ids::TeamId, model::Model};
use serde::Deserialize;
use std::ops::ControlFlow;
use utoipa::{IntoParams, ToSchema};

/// The bytes of a file, as they are.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct FileBytes(pub Vec<u8>);

/// What the sent checkpoint is called.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UploadModelQuery {
    /// 1 to 64 letters, digits, `-`, `_` and `.`, and no UUID; several models may bear it.
    #[param(example = "mine", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
    name: String,
}

/// What the sent puzzles are.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UploadDatasetQuery {
    /// 1 to 64 letters, digits, `-`, `_` and `.`, and no UUID; unique in the team.
    #[param(example = "mine", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
    name: String,
    /// `sudoku` by default, or `maze`.
    kind: Option<Kind>,
    /// Rows from the file's end that become the test split; a tenth, at most 1,000, by default.
    test_rows: Option<u32>,
    /// Rows held out for validation, drawn from the others; none by default.
    validation_rows: Option<u32>,
    /// Seed of that draw; 0 by default.
    seed: Option<u64>,
    /// The licence that the puzzles' publisher states.
    license: Option<String>,
}

/// Upload a checkpoint
///
/// A safetensors file of HRM Lab's, at most 256 MiB, as `GET /api/v1/models/{id}/file` gives it; every weight is compared with
/// what its settings ask for.
#[utoipa::path(
    post,
    path = "/api/v1/models",
    tag = "models",
    security(("token" = ["write"])),
    params(UploadModelQuery),
    request_body(content = FileBytes, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "The stored model", body = Model,
            headers(("location" = String, description = "Its address"))),
        (status = 413, description = "The file is too large"),
        (status = 422, description = "The file is no checkpoint, or its name is wrong"),
        (status = 503, description = "Other files are being received; `Retry-After` says when to come back"),
    )
)]
pub async fn upload_model(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<UploadModelQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    check_name(&query.name)?;
    let team = home(&caller)?;
    let place = state.receiving.enter().await?;
    let received = Received::of(&headers, body).await?;
    let stored = store_model(&state, team, &query.name, received).await;
    drop(place);
    stored
}

/// Checks a received checkpoint and stores it.
pub(super) async fn store_model(
    state: &AppState,
    team: TeamId,
    name: &str,
    received: Received,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let read = tokio::task::spawn_blocking(move || intake::model(received));
    let (model, bytes) = read.await.map_err(ApiError::internal)??;
    let id = store::checkpoints::upload(&state.pool, name, team, model.info(), &bytes).await?;
    let location = format!("/api/v1/models/{id}");
    let model = store::models::get(&state.pool, &Viewer::Everything, id).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(model)))
}

/// Upload puzzles
///
/// CSV with the columns `source,question,answer,rating`, plain or gzipped, at most 256 MiB, and 64 MiB and 400,000 lines once unpacked; every
/// puzzle is checked.
#[utoipa::path(
    post,
    path = "/api/v1/datasets/upload",
    tag = "datasets",
    security(("token" = ["write"])),
    params(UploadDatasetQuery),
    request_body(content = FileBytes, content_type = "text/csv"),
    responses(
        (status = 201, description = "The stored dataset", body = Dataset,
            headers(("location" = String, description = "Its address"))),
        (status = 409, description = "The name is taken, or these very puzzles are stored already"),
        (status = 413, description = "The file is too large"),
        (status = 422, description = "A row is no puzzle, or a parameter is wrong"),
        (status = 503, description = "Other files are being received; `Retry-After` says when to come back"),
    )
)]
pub async fn upload_dataset(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<UploadDatasetQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    check_name(&query.name)?;
    let team = home(&caller)?;
    check_license(query.license.as_deref())?;
    let about = about(query.kind, query.test_rows, query.validation_rows, query.seed)?;
    let place = state.receiving.enter().await?;
    let received = Received::of(&headers, body).await?;
    let said = Said { team, name: &query.name, origin: "uploaded", license: query.license.as_deref() };
    let stored = store_dataset(&state, said, about, received).await;
    drop(place);
    stored
}

/// What is said about received puzzles.
pub(super) struct Said<'a> {
    pub(super) team: TeamId,
    pub(super) name: &'a str,
    /// Where they come from.
    pub(super) origin: &'a str,
    pub(super) license: Option<&'a str>,
}

/// Checks received puzzles and stores them.
pub(super) async fn store_dataset(
    state: &AppState,
    said: Said<'_>,
    about: PuzzleFile,
    received: Received,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let seed = (about.validation_rows > 0).then_some(about.seed);
    let read = tokio::task::spawn_blocking(move || {
        let puzzles = intake::dataset(received, &about)?;
        let leaks = leak_report(&puzzles, &mut |_, _| ControlFlow::Continue(())).map_err(ApiError::internal)?;
        Ok::<_, ApiError>((puzzles, leaks))
    });
    let (puzzles, leaks) = read.await.map_err(ApiError::internal)??;
    let Said { team, name, origin, license } = said;
    let new = NewDataset { team, name, origin, generated: None, license, seed, leaks: Some(leaks) };
    let dataset = store::datasets::create(&state.pool, new, &puzzles).await?;
    let location = format!("/api/v1/datasets/{}", dataset.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(dataset)))
}

/// What is said about a file of puzzles, with what is usual where nothing is said.
pub(super) fn about(
    kind: Option<Kind>,
    test_rows: Option<u32>,
    validation_rows: Option<u32>,
    seed: Option<u64>,
) -> Result<PuzzleFile, ApiError> {
    check_kind(kind)?;
    let seed = seed.unwrap_or(0);
    if i64::try_from(seed).is_err() {
        return Err(ApiError::field("seed", format!("expected at most 2^63 - 1, found {seed}")));
    }
    let (kind, validation_rows) = (kind.unwrap_or(Kind::Sudoku), validation_rows.unwrap_or(0));
    Ok(PuzzleFile { kind, test_rows, validation_rows, seed })
}

/// Checks that puzzles of a kind come as CSV.
fn check_kind(kind: Option<Kind>) -> Result<(), ApiError> {
    if kind == Some(Kind::Arc) {
        let detail = "expected sudoku or maze, found arc: import its archives with `hrm data import arc`";
        return Err(ApiError::field("kind", detail));
    }
    Ok(())
}

/// Checks the licence of puzzles.
pub(super) fn check_license(license: Option<&str>) -> Result<(), ApiError> {
    let Some(license) = license else { return Ok(()) };
    if license.len() > 200 {
        return Err(ApiError::field("license", format!("expected at most 200 bytes, found {}", license.len())));
    }
    // It is written to terminals as it stands.
    if license.chars().any(char::is_control) {
        return Err(ApiError::field("license", format!("expected no control characters, found {license:?}")));
    }
    Ok(())
}
