//! The single scores of models on a dataset, whatever their protocols; `leaderboards` has them by protocol, over seeds.

use super::page_limit;
use crate::{
    accounts::Caller,
    http::{error::ApiError, extract::ApiQuery},
    server::AppState,
    store,
};
use axum::{Json, extract::State};
use hrm_types::{
    Page,
    evaluation::LeaderboardRow,
    ids::{DatasetId, EvaluationId},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which leaderboard, and which page of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeaderboardQuery {
    /// The dataset.
    dataset_id: DatasetId,
    /// `next_cursor` of the page before.
    cursor: Option<EvaluationId>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// List a dataset's scores
///
/// Single scores on the whole test split, whatever their protocols, best first; each row names the checkpoint's hash, its
/// run and its size. `leaderboards` groups them over seeds and keeps protocols apart.
#[utoipa::path(
    get,
    path = "/api/v1/leaderboard",
    tag = "scores",
    security(("token" = ["read"])),
    params(LeaderboardQuery),
    responses(
        (status = 200, description = "Best first", body = Page<LeaderboardRow>),
        (status = 404, description = "There is no such dataset"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_leaderboard(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<LeaderboardQuery>,
) -> Result<Json<Page<LeaderboardRow>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let dataset = store::datasets::find(&state.pool, &caller.viewer, &query.dataset_id.to_string()).await?;
    match store::evaluations::leaderboard(&state.pool, &caller.viewer, dataset.id, query.cursor, limit).await {
        Err(store::Error::NotFound { what: "score", key }) => Err(ApiError::cursor(&key)),
        page => Ok(Json(page?)),
    }
}
