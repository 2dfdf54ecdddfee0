//! A run's metrics: point by point, or as a curve to draw.

use super::checked_limit;
use crate::{
    curve::{MOST_POINTS, Smoother, Thinner},
    http::{
        error::ApiError,
        extract::{ApiPath, ApiQuery},
    },
    server::AppState,
    store,
};
use axum::{Json, extract::State};
use futures_util::TryStreamExt;
use hrm_types::{
    Page,
    ids::RunId,
    run::{MetricPoint, Run},
};
use serde::Deserialize;
use std::pin::pin;
use utoipa::IntoParams;

/// Metric points of a page when no limit is given, and at most.
const MAX_METRICS: u32 = 10_000;

/// Which metrics.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListMetricsQuery {
    /// Only points after this step; the last step read gives exactly what is new.
    after_step: Option<u64>,
    /// Points, 1 to 10,000; 10,000 by default. Not together with `points`.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<u32>,
    /// Thin the curve to at most so many points, 4 to 1,500.
    #[param(minimum = 4, maximum = 1500)]
    points: Option<u32>,
    /// Smooth the whole history before it is thinned, 0 to 0.9999; needs `points`.
    #[param(minimum = 0.0, maximum = 0.9999)]
    smoothing: Option<f64>,
}

/// List a run's metrics
///
/// Those of its newest attempt, in order. `next_cursor` is the last step of a full page: pass it as `after_step`.
///
/// With `points` the answer is one page, thinned: the first and the last point stay, and of every equally long stretch
/// of steps those with the lowest and the highest loss, so that no peak is lost. `smoothing` is the weight that a point
/// keeps in an exponential moving average for each point after it, without bias towards the beginning; it covers the
/// whole history, also before `after_step`, so that no point changes when others follow.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/metrics",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = RunId, Path, description = "The run's id"), ListMetricsQuery),
    responses(
        (status = 200, description = "In order of their steps", body = Page<MetricPoint>),
        (status = 404, description = "There is no such run"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_metrics(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
    ApiQuery(query): ApiQuery<ListMetricsQuery>,
) -> Result<Json<Page<MetricPoint>>, ApiError> {
    check(&query)?;
    let limit = checked_limit(query.limit, MAX_METRICS, MAX_METRICS)?;
    let run = store::runs::get(&state.pool, id).await?;
    if let Some(points) = query.points {
        let items = curve(&state, &run, &query, points).await?;
        return Ok(Json(Page { items, next_cursor: None }));
    }
    let items = store::metrics::list(&state.pool, id, run.attempt, query.after_step, limit).await?;
    let full = items.len() == limit as usize;
    let next_cursor = items.last().filter(|_| full).map(|point| point.step.to_string());
    Ok(Json(Page { items, next_cursor }))
}

fn check(query: &ListMetricsQuery) -> Result<(), ApiError> {
    if let Some(points) = query.points.filter(|points| !(4..=MOST_POINTS).contains(points)) {
        return Err(ApiError::field("points", format!("expected 4 to {MOST_POINTS}, found {points}")));
    }
    if let Some(smoothing) = query.smoothing.filter(|smoothing| !(0.0..=0.9999).contains(smoothing)) {
        return Err(ApiError::field("smoothing", format!("expected 0 to 0.9999, found {smoothing}")));
    }
    match (query.points, query.limit, query.smoothing) {
        (Some(_), Some(_), _) => Err(ApiError::field("limit", "expected no limit together with points, found both")),
        (None, _, Some(_)) => Err(ApiError::field("smoothing", "expected points, too, found smoothing alone")),
        _ => Ok(()),
    }
}

/// The curve after a step, smoothed over everything before it, too, and thinned.
async fn curve(state: &AppState, run: &Run, query: &ListMetricsQuery, most: u32) -> Result<Vec<MetricPoint>, ApiError> {
    let extent = store::metrics::extent(&state.pool, run.id, run.attempt, query.after_step).await?;
    let Some((count, first, last)) = extent else { return Ok(Vec::new()) };
    let smoothing = query.smoothing.unwrap_or(0.0);
    if smoothing == 0.0 && count <= u64::from(most) {
        return Ok(store::metrics::list(&state.pool, run.id, run.attempt, query.after_step, most).await?);
    }
    let mut smoother = Smoother::new(smoothing);
    let mut thinner = Thinner::new(first, last, most);
    let mut few = Vec::new();
    let mut points = pin!(store::metrics::stream(&state.pool, run.id, run.attempt));
    while let Some(mut point) = points.try_next().await? {
        smoother.smooth(&mut point);
        // A point that came since the extent was asked for is the next answer's.
        if point.step < first || point.step > last {
            continue;
        }
        if count <= u64::from(most) { few.push(point) } else { thinner.push(point) }
    }
    Ok(if count <= u64::from(most) { few } else { thinner.finish() })
}
