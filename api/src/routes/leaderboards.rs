//! Leaderboards by test set and protocol, and leaderboards kept as they stood.

use super::{jobs::home, page_limit};
use crate::{
    accounts::Caller,
    http::{
        editions::has_same_copy,
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
    },
    leaderboard::{self, Order},
    server::AppState,
    store::{self, leaderboards, snapshots},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use hrm_types::{
    Page,
    ids::DatasetId,
    leaderboard::{Board, KeepLeaderboard, Leaderboard, LeaderboardSnapshot},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// What a table is, beside JSON.
const CSV: &str = "text/csv; charset=utf-8; header=present";

/// Which leaderboards.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListLeaderboardsQuery {
    /// Only those on this dataset's test puzzles.
    dataset_id: Option<DatasetId>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// How a leaderboard is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JSON, with everything.
    #[default]
    Json,
    /// Comma-separated values (RFC 4180), a column for each declared one.
    Csv,
}

/// How a leaderboard is ordered and written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeaderboardFormQuery {
    /// Keys of columns, separated by commas, `-` before one to put the highest first. What is not named decides
    /// afterwards: verified rows first, then mean, lower bound, seeds, weights, device hours, and what was measured
    /// first.
    #[param(example = "-mean,parameters")]
    order: Option<String>,
    /// `json` or `csv`; `json` by default.
    #[param(inline)]
    format: Option<Format>,
}

/// How a kept leaderboard is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SnapshotFormQuery {
    /// `json` or `csv`; `json` by default.
    #[param(inline)]
    format: Option<Format>,
}

/// Which page of what was kept.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListSnapshotsQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// List leaderboards
///
/// One for every test set and protocol that has a score: scores by different protocols are never on one.
#[utoipa::path(
    get,
    path = "/api/v1/leaderboards",
    tag = "scores",
    security(("token" = ["read"])),
    params(ListLeaderboardsQuery),
    responses(
        (status = 200, description = "Those with the most scores first", body = Page<Board>),
        (status = 404, description = "There is no such dataset"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_leaderboards(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListLeaderboardsQuery>,
) -> Result<Json<Page<Board>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let test_hash = match query.dataset_id {
        Some(id) => {
            let dataset = store::datasets::find(&state.pool, &caller.viewer, &id.to_string()).await?;
            Some(dataset.test_hash.unwrap_or(dataset.content_hash))
        }
        None => None,
    };
    let (viewer, cursor) = (&caller.viewer, query.cursor.as_deref());
    match (leaderboards::list(&state.pool, viewer, test_hash.as_deref(), cursor, limit).await, cursor) {
        (Err(store::Error::NotFound { .. }), Some(cursor)) => Err(ApiError::cursor(cursor)),
        (page, _) => Ok(Json(page?)),
    }
}

/// Get a leaderboard
///
/// A row is a configuration with all its seeds: mean, 95 % interval, best. Verified rows whose intervals overlap may
/// share a rank. Scores that were imported, and published ones, have rows of their own, are not `verified` and have no
/// rank.
#[utoipa::path(
    get,
    path = "/api/v1/leaderboards/{id}",
    tag = "scores",
    security(("token" = ["read"])),
    params(("id" = String, Path, description = "The leaderboard's id"), LeaderboardFormQuery),
    responses(
        (status = 200, description = "The leaderboard", content(
            (Leaderboard = "application/json"), (String = "text/csv"))),
        (status = 404, description = "There is no such leaderboard"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn get_leaderboard(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<LeaderboardFormQuery>,
) -> Result<Response, ApiError> {
    let leaderboard = built(&state, &caller, &id, query.order.as_deref()).await?;
    Ok(match query.format.unwrap_or_default() {
        Format::Json => Json(leaderboard).into_response(),
        Format::Csv => {
            let headers = [(header::CONTENT_TYPE, CSV.to_owned()), (header::CONTENT_DISPOSITION, attached(&id))];
            (headers, leaderboard::csv(&leaderboard)).into_response()
        }
    })
}

/// List what was kept of a leaderboard
#[utoipa::path(
    get,
    path = "/api/v1/leaderboards/{id}/snapshots",
    tag = "scores",
    security(("token" = ["read"])),
    params(("id" = String, Path, description = "The leaderboard's id"), ListSnapshotsQuery),
    responses(
        (status = 200, description = "Newest first; none of a leaderboard that nobody has kept", body = Page<LeaderboardSnapshot>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_leaderboard_snapshots(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<ListSnapshotsQuery>,
) -> Result<Json<Page<LeaderboardSnapshot>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let cursor = query.cursor.as_deref().map(|text| text.parse().map_err(|_| ApiError::cursor(text))).transpose()?;
    Ok(Json(snapshots::list(&state.pool, &caller.viewer, &id, cursor, limit).await?))
}

/// Keep a leaderboard as it stands
///
/// With all rows that the caller sees. The answer's address holds this very leaderboard for ever: it is the hash of its
/// JSON. It belongs to the caller's team; kept again, it is the same one.
#[utoipa::path(
    post,
    path = "/api/v1/leaderboards/{id}/snapshots",
    tag = "scores",
    security(("token" = ["write"])),
    params(("id" = String, Path, description = "The leaderboard's id")),
    request_body(content = KeepLeaderboard, example = json!({"order": "-mean", "public": true})),
    responses(
        (status = 201, description = "What was kept", body = LeaderboardSnapshot,
            headers(("location" = String, description = "Its address"))),
        (status = 404, description = "There is no such leaderboard"),
        (status = 422, description = "A setting is wrong"),
    )
)]
pub async fn keep_leaderboard(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<KeepLeaderboard>,
) -> Result<impl IntoResponse, ApiError> {
    let leaderboard = built(&state, &caller, &id, request.order.as_deref()).await?;
    let kept = snapshots::keep(&state.pool, home(&caller)?, &leaderboard, request.public).await?;
    let location = format!("/api/v1/leaderboard-snapshots/{}", kept.sha256);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(kept)))
}

/// Get a kept leaderboard
///
/// As it stood when it was kept, byte for byte: the SHA-256 of the JSON is its address.
#[utoipa::path(
    get,
    path = "/api/v1/leaderboard-snapshots/{sha256}",
    tag = "scores",
    security(("token" = ["read"])),
    params(
        ("sha256" = String, Path, description = "The SHA-256 of the leaderboard's JSON"),
        SnapshotFormQuery,
        ("if-none-match" = Option<String>, Header, description = "The `ETag` of a copy already there")
    ),
    responses(
        (status = 200, description = "The leaderboard as it stood", content(
            (Leaderboard = "application/json"), (String = "text/csv")),
            headers(("etag" = String, description = "What it is, for ever"))),
        (status = 304, description = "The copy already there is the same"),
        (status = 404, description = "None was kept under this hash"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn get_leaderboard_snapshot(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(sha256): ApiPath<String>,
    ApiQuery(query): ApiQuery<SnapshotFormQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (json, csv) = snapshots::read(&state.pool, &caller.viewer, &sha256).await?;
    let (kind, etag, body) = match query.format.unwrap_or_default() {
        Format::Json => ("application/json", format!("\"{sha256}\""), json),
        Format::Csv => (CSV, format!("\"{sha256}.csv\""), csv),
    };
    if has_same_copy(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
        (header::ETAG, etag),
    ];
    let mut response = (headers, body).into_response();
    if kind == CSV {
        let name = attached(&sha256).parse().map_err(ApiError::internal)?;
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn attached(name: &str) -> String {
    format!("attachment; filename=\"leaderboard-{name}.csv\"")
}

/// The leaderboard as the caller sees it.
async fn built(state: &AppState, caller: &Caller, id: &str, order: Option<&str>) -> Result<Leaderboard, ApiError> {
    let order = match order {
        Some(keys) => Order::parse(keys).map_err(|error| ApiError::field("order", error.to_string()))?,
        None => Order::default(),
    };
    let board = leaderboards::get(&state.pool, &caller.viewer, id).await?;
    let scores = leaderboards::scores(&state.pool, &caller.viewer, &board).await?;
    Ok(leaderboard::build(board, scores, &order))
}

/// Withdraw a kept leaderboard
///
/// What the caller's teams have kept under this hash. Its address is nothing's from then on, unless another team kept the
/// same.
#[utoipa::path(
    delete,
    path = "/api/v1/leaderboard-snapshots/{sha256}",
    tag = "scores",
    security(("token" = ["write"])),
    params(("sha256" = String, Path, description = "The SHA-256 of the leaderboard's JSON")),
    responses(
        (status = 204, description = "It is no longer kept"),
        (status = 404, description = "The caller's teams have kept none under this hash"),
    )
)]
pub async fn remove_leaderboard_snapshot(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(sha256): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    snapshots::remove(&state.pool, &caller.viewer, &sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}
