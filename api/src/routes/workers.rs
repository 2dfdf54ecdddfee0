//! Worker processes.

use crate::{accounts::Caller, http::error::ApiError, server::AppState, store};
use axum::{Json, extract::State};
use hrm_types::{Page, worker::Worker};

/// List workers
///
/// Those that reported within the last minute, the one at work for longest first. Of another team's job they tell that
/// there is one.
#[utoipa::path(
    get,
    path = "/api/v1/workers",
    tag = "system",
    security(("token" = ["read"])),
    responses((status = 200, description = "All of them, on one page", body = Page<Worker>))
)]
pub async fn list_workers(State(state): State<AppState>, caller: Caller) -> Result<Json<Page<Worker>>, ApiError> {
    let items = store::workers::list(&state.pool, &caller.viewer, store::order::SILENCE).await?;
    Ok(Json(Page { items, next_cursor: None }))
}
