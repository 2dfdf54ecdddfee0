//! How the server is: for load balancers, for Prometheus, for people.

use crate::{
    http::{error::ApiError, telemetry::Gauge},
    server::AppState,
    store::{self, access::Viewer, order::SILENCE},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use hrm_types::health::{Health, Readiness};
use std::sync::Arc;

/// Tell whether the server answers
///
/// Asks the database, so that 200 means that the next request can be served.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "system",
    security(()),
    responses(
        (status = 200, description = "It does", body = Health,
            example = json!({"status": "ok", "version": "0.1.0", "models": 1})),
        (status = 503, description = "The database does not answer"),
    )
)]
pub async fn get_health(State(state): State<AppState>) -> Result<Json<Health>, ApiError> {
    let models = store::models::count(&state.pool).await?;
    Ok(Json(Health { status: "ok".into(), version: env!("CARGO_PKG_VERSION").into(), models }))
}

/// Tell whether the server solves puzzles rightly
///
/// A model that ships solves a puzzle whose solution is known, at most every 30 seconds.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "system",
    security(()),
    responses(
        (status = 200, description = "It does", body = Readiness,
            example = json!({"status": "ready", "milliseconds": 12.5, "seconds_ago": 3})),
        (status = 503, description = "The puzzle was not solved, or the database does not answer"),
    )
)]
pub async fn get_readiness(State(state): State<AppState>) -> Result<Json<Readiness>, ApiError> {
    store::models::count(&state.pool).await?;
    // It goes on if the client hangs up: the next one finds what came of it, and begins no second solving.
    let solver = Arc::clone(&state.solver);
    let canary = tokio::spawn(async move { solver.canary().await }).await.map_err(ApiError::internal)??;
    let seconds_ago = canary.at.elapsed().as_secs();
    Ok(Json(Readiness { status: "ready".into(), milliseconds: canary.milliseconds, seconds_ago }))
}

/// Get figures for Prometheus
///
/// Requests by operation, status and duration, jobs by state, workers, models, and connections to the database.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "system",
    security(("token" = ["read"])),
    responses((status = 200, description = "In Prometheus' text format", body = String, content_type = "text/plain"))
)]
pub async fn get_metrics(State(state): State<AppState>) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let pool = &state.pool;
    let jobs = store::jobs::count_by_state(pool).await?;
    let one = |name, help, value: f64| Gauge { name, help, values: vec![(None, value)] };
    let gauges = [
        Gauge {
            name: "jobs",
            help: "Jobs by state.",
            values: jobs.into_iter().map(|(state, count)| (Some(("state", state)), count as f64)).collect(),
        },
        one("workers", "Workers that reported within the last minute.", {
            store::workers::list(pool, &Viewer::Everything, SILENCE).await?.len() as f64
        }),
        one("models", "Stored models.", store::models::count(pool).await? as f64),
        one("database_connections", "Open connections to the database.", f64::from(pool.size())),
        one("database_connections_idle", "Those of them that nothing uses.", pool.num_idle() as f64),
        Gauge {
            name: "build_info",
            help: "Always 1; the label is the program's version.",
            values: vec![(Some(("version", env!("CARGO_PKG_VERSION").into())), 1.0)],
        },
    ];
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.telemetry.text(&gauges)))
}
