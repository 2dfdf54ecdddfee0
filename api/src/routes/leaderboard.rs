//! Scores of models on a dataset.

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
    evaluation::{LeaderboardRow, SeedGroup},
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

/// List a dataset's leaderboard
///
/// Scores on the whole test split, best first; each row names the checkpoint's hash, its run and its size.
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
    Ok(Json(store::evaluations::leaderboard(&state.pool, &caller.viewer, dataset.id, query.cursor, limit).await?))
}

/// Which dataset.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SeedsQuery {
    /// The dataset.
    dataset_id: DatasetId,
}

/// List a dataset's means over seeds
///
/// Models that differ in their seed alone, with the mean of their exact accuracies on the whole test split and its 95 %
/// interval by Student's t. Only scores that were measured here count.
#[utoipa::path(
    get,
    path = "/api/v1/leaderboard/seeds",
    tag = "scores",
    security(("token" = ["read"])),
    params(SeedsQuery),
    responses(
        (status = 200, description = "Best first, on one page", body = Page<SeedGroup>),
        (status = 404, description = "There is no such dataset"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_seeds(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<SeedsQuery>,
) -> Result<Json<Page<SeedGroup>>, ApiError> {
    let dataset = store::datasets::find(&state.pool, &caller.viewer, &query.dataset_id.to_string()).await?;
    let items = store::evaluations::over_seeds(&state.pool, &caller.viewer, dataset.id).await?;
    Ok(Json(Page { items, next_cursor: None }))
}
