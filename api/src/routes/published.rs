//! Scores that others have published.

use crate::{
    accounts::Caller,
    http::{error::ApiError, extract::ApiQuery},
    published,
    server::AppState,
    store,
};
use axum::{Json, extract::State};
use hrm_types::{
    board::Kind,
    ids::DatasetId,
    published::{Benchmark, PublishedScores},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which published scores.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPublishedQuery {
    /// Only those on this test set.
    benchmark: Option<Benchmark>,
    /// Only those on puzzles of this kind.
    kind: Option<Kind>,
    /// Only those on puzzles of this dataset's kind and side; `same_test_split` says which of them are on its very test
    /// split.
    dataset_id: Option<DatasetId>,
}

/// List published scores
///
/// Claims of others with their sources, their protocols and what to watch: reference rows, none of which was measured
/// here. They never stand among measured scores. Figures of different metrics must not be compared.
#[utoipa::path(
    get,
    path = "/api/v1/published",
    tag = "scores",
    security(("token" = ["read"])),
    params(ListPublishedQuery),
    responses(
        (status = 200, description = "All of them on one page, with the table's version", body = PublishedScores),
        (status = 404, description = "There is no such dataset"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_published(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListPublishedQuery>,
) -> Result<Json<PublishedScores>, ApiError> {
    let mut scores = match query.dataset_id {
        Some(id) => published::beside(&store::datasets::find(&state.pool, &caller.viewer, &id.to_string()).await?),
        None => published::scores(),
    }
    .map_err(ApiError::internal)?;
    scores.items.retain(|score| {
        query.benchmark.is_none_or(|wanted| wanted == score.benchmark)
            && query.kind.is_none_or(|kind| kind == score.benchmark.kind())
    });
    Ok(Json(scores))
}
