//! What workers have said about runs and other jobs.

use super::checked_limit;
use crate::{
    http::{
        error::ApiError,
        extract::{ApiPath, ApiQuery},
    },
    server::AppState,
    store,
};
use axum::{Json, extract::State};
use hrm_types::{
    Page,
    ids::{JobId, RunId},
    job::{JobKind, LogLine},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Log lines of a page when no limit is given, and at most.
const MAX_LINES: u32 = 1_000;

/// Which lines of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListLogsQuery {
    /// Only lines after the one with this id; the id of the last line read gives exactly what is new.
    after: Option<u64>,
    /// Lines, 1 to 1,000; 1,000 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List a run's log
///
/// What its workers said, the newest 2,000 lines of it, oldest first. `next_cursor` is the id of the last line of a
/// full page: pass it as `after`.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/logs",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = RunId, Path, description = "The run's id"), ListLogsQuery),
    responses(
        (status = 200, description = "Oldest first", body = Page<LogLine>),
        (status = 404, description = "There is no such run"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_logs(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
    ApiQuery(query): ApiQuery<ListLogsQuery>,
) -> Result<Json<Page<LogLine>>, ApiError> {
    store::jobs::expect(&state.pool, JobKind::Training, id.into()).await?;
    page(&state, id.into(), &query).await
}

/// List a job's log
///
/// As a run's: of an evaluation, for instance, how many puzzles were solved within how many attempts.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/logs",
    tag = "jobs",
    security(("token" = ["read"])),
    params(("id" = JobId, Path, description = "The job's id"), ListLogsQuery),
    responses(
        (status = 200, description = "Oldest first", body = Page<LogLine>),
        (status = 404, description = "There is no such job"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_job_logs(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<JobId>,
    ApiQuery(query): ApiQuery<ListLogsQuery>,
) -> Result<Json<Page<LogLine>>, ApiError> {
    page(&state, id, &query).await
}

async fn page(state: &AppState, id: JobId, query: &ListLogsQuery) -> Result<Json<Page<LogLine>>, ApiError> {
    let limit = checked_limit(query.limit, MAX_LINES, MAX_LINES)?;
    let items = store::logs::list(&state.pool, id, query.after, limit).await?;
    let full = items.len() == limit as usize;
    let next_cursor = items.last().filter(|_| full).map(|line| line.id.to_string());
    Ok(Json(Page { items, next_cursor }))
}
