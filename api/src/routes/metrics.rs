//! A run's metrics: point by point, or as a curve to draw.

use super::checked_limit;
use crate::{
    curve::{MOST_POINTS, Smoother, Thinner},
    http::{
        error::ApiError,
        extract::{ApiPath, ApiQuery},
    },
    server::AppState,
    store::{self, PgPool},
};
use axum::{Json, extract::State};
use hrm_types::{
    Page,
    ids::RunId,
    run::{MetricPoint, Run},
};
use serde::Deserialize;
use std::collections::BTreeMap;
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
/// Its curve, in order: what its attempts trained one after the other, each from where it went on. `next_cursor` is the last step of a full page: pass it as `after_step`.
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
        let items = curve(&state.pool, &run, &query, points).await?;
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
async fn curve(pool: &PgPool, run: &Run, query: &ListMetricsQuery, most: u32) -> Result<Vec<MetricPoint>, ApiError> {
    let smoothing = query.smoothing.unwrap_or(0.0);
    let mut points = store::metrics::list(pool, run.id, run.attempt, query.after_step, most + 1).await?;
    let whole = points.len() <= most as usize;
    let (Some(first), Some(last), true) = (points.first(), points.last(), !whole || smoothing > 0.0) else {
        return Ok(points);
    };
    // A point that comes from now on is the next answer's.
    let (first, mut last) = (first.step, last.step);
    let mut kept = Thinner::keeping_all();
    if !whole {
        last = store::metrics::last_step(pool, run.id, run.attempt).await?.unwrap_or(last);
        kept = Thinner::new(first, last, most, run.experiment.train.validate_every.is_some());
    }
    let mut smoother = Smoother::new(smoothing);
    for part in store::metrics::parts(pool, run.id, run.attempt).await? {
        let mut read = query.after_step.filter(|_| smoothing == 0.0);
        loop {
            let chunk = store::metrics::measured(pool, part, read, CHUNK, smoothing > 0.0).await?;
            read = chunk.last().map(|end| end.step);
            let ended = chunk.len() < CHUNK as usize;
            for mut point in chunk {
                smoother.smooth(&mut point);
                if (first..=last).contains(&point.step) {
                    kept.push(point);
                }
            }
            if ended {
                break;
            }
        }
    }
    let kept = kept.finish();
    if !whole {
        let steps: Vec<u64> = kept.iter().map(|point| point.step).collect();
        points = store::metrics::at_steps(pool, run.id, run.attempt, &steps).await?;
    }
    // By their steps: an attempt may have begun to take another's place between the two reads.
    let kept: BTreeMap<u64, _> = kept.iter().map(|kept| (kept.step, kept)).collect();
    for point in &mut points {
        if let Some(kept) = kept.get(&point.step) {
            kept.write(point);
        }
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::{ListMetricsQuery, curve};
    use crate::store::{
        leases, runs,
        testing::{Statements, database},
        tests::{LONG, claim, point, queue},
        train_states,
    };
    use tracing_subscriber::layer::SubscriberExt;

    #[tokio::test]
    async fn a_curve_is_read_once() {
        let db = database().await;
        let run = queue(&db.pool, "drawn").await.id;
        let lease = claim(&db.pool, LONG).await.lease;
        train_states::begin_attempt(&db.pool, &lease, 0).await.expect("the lease is held");
        let points: Vec<_> = (1..=20).map(point).collect();
        leases::record_progress(&db.pool, &lease, 20, &points).await.expect("the lease is held");
        let run = runs::get(&db.pool, run).await.expect("the run");
        let statements = Statements::default();
        // While there is but one listener, whether an event is listened to is asked on the thread that comes to it first,
        // which may be another test's.
        let _another = tracing::Dispatch::new(tracing_subscriber::registry());
        let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(statements.clone()));
        let asked = async |most, smoothing| {
            let query = ListMetricsQuery { after_step: Some(4), limit: None, points: Some(most), smoothing };
            let before = statements.count();
            let curve = curve(&db.pool, &run, &query, most).await.expect("a curve");
            (curve.len(), statements.count() - before)
        };
        assert_eq!(asked(16, None).await, (16, 1), "as it stands");
        assert_eq!(asked(16, Some(0.5)).await, (16, 3), "the points, the parts, and what was measured before them");
        // Whether there is more, the last step, the parts, what was measured, the points that are kept.
        assert_eq!(asked(4, None).await.1, 5);
        assert_eq!(asked(4, Some(0.5)).await.1, 5);
    }
}
