//! Whether the server is ready.

use crate::{http::error::ApiError, server::AppState, store};
use axum::{Json, extract::State};
use hrm_types::health::Health;

/// Tell whether the server is ready
///
/// Asks the database, so that 200 means that the next request can be served.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "system",
    responses(
        (status = 200, description = "Ready", body = Health,
            example = json!({"status": "ok", "version": "0.1.0", "models": 1})),
        (status = 503, description = "The database does not answer"),
    )
)]
pub async fn get_health(State(state): State<AppState>) -> Result<Json<Health>, ApiError> {
    let models = store::checkpoints::count(&state.pool).await?;
    Ok(Json(Health { status: "ok".into(), version: env!("CARGO_PKG_VERSION").into(), models }))
}
