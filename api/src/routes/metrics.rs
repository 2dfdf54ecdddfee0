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
use hrm_types::{
    Page,
    ids::RunId,
    run::{MetricPoint, Run},
};
use serde::Deserialize;
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

/// Points that are smoothed or thinned at once.
const CHUNK: u32 = 20_000;

/// The curve after a step, smoothed over everything before it, too, and thinned.
async fn curve(state: &AppState, run: &Run, query: &ListMetricsQuery, most: u32) -> Result<Vec<MetricPoint>, ApiError> {
    let (pool, smoothing) = (&state.pool, query.smoothing.unwrap_or(0.0));
    let points = store::metrics::list(pool, run.id, run.attempt, query.after_step, most + 1).await?;
    let whole = points.len() <= most as usize;
    let (Some(first), true) = (points.first(), !whole || smoothing > 0.0) else { return Ok(points) };
    let first = first.step;
    // A point that comes from now on is the next answer's.
    let last = store::metrics::last_step(pool, run.id, run.attempt).await?.unwrap_or(first);
    let mut kept = if whole { Thinner::keeping_all() } else { Thinner::new(first, last, most) };
    let mut smoother = Smoother::new(smoothing);
    for part in store::metrics::parts(pool, run.id, run.attempt).await? {
        let mut read = query.after_step.filter(|_| smoothing == 0.0);
        loop {
            let chunk = store::metrics::measured(pool, part, read, CHUNK, smoothing > 0.0).await?;
            let Some(end) = chunk.last() else { break };
            read = Some(end.step);
            for mut point in chunk {
                smoother.smooth(&mut point);
                if (first..=last).contains(&point.step) {
                    kept.push(point);
                }
            }
        }
    }
    let kept = kept.finish();
    let steps: Vec<u64> = kept.iter().map(|point| point.step).collect();
    let mut points = store::metrics::at_steps(pool, run.id, run.attempt, &steps).await?;
    points.iter_mut().zip(&kept).for_each(|(point, kept)| kept.write(point));
    Ok(points)
}
