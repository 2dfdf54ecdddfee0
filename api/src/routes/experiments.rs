//! The experiments that come with the program, ready to be queued.

use crate::{
    experiments::shipped,
    http::{error::ApiError, extract::ApiPath},
};
use axum::Json;
use hrm_types::{Page, experiment::ExperimentFile};

/// List the experiments that come with the program
#[utoipa::path(
    get,
    path = "/api/v1/experiments",
    tag = "runs",
    security(("token" = ["read"])),
    responses((status = 200, description = "All of them, by name, on one page", body = Page<ExperimentFile>))
)]
pub async fn list_experiments() -> Result<Json<Page<ExperimentFile>>, ApiError> {
    let items = shipped().map_err(ApiError::internal)?;
    Ok(Json(Page { items, next_cursor: None }))
}

/// Get an experiment
///
/// Post its `experiment` to `/api/v1/runs` to queue it, as it is or changed.
#[utoipa::path(
    get,
    path = "/api/v1/experiments/{name}",
    tag = "runs",
    security(("token" = ["read"])),
    params(("name" = String, Path, description = "The file's name without `.toml`", example = "sudoku-6x6")),
    responses(
        (status = 200, description = "The experiment", body = ExperimentFile),
        (status = 404, description = "There is no such experiment"),
    )
)]
pub async fn get_experiment(ApiPath(name): ApiPath<String>) -> Result<Json<ExperimentFile>, ApiError> {
    let found = shipped().map_err(ApiError::internal)?.into_iter().find(|file| file.name == name);
    found.map(Json).ok_or_else(|| ApiError::not_found("experiment", name))
}
