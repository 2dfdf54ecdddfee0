//! What a run tells: what its results rest on, and its events.

use crate::{
    accounts::Caller,
    http::{
        error::ApiError,
        extract::{ApiPath, ApiQuery},
        run_events::{Position, watch_run},
        standing,
        watch::ServerSentEvent,
    },
    server::AppState,
    store,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{KeepAlive, Sse},
    },
};
use futures_util::StreamExt;
use hrm_types::{ids::RunId, provenance::RunProvenance};
use serde::Deserialize;
use utoipa::IntoParams;

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamEventsQuery {
    /// The id of the last event read, `<attempt>-<step>` or `<attempt>-<step>.<line>`, for the first connection of a client that has read
    /// `/metrics` before; the header `Last-Event-ID` goes before it.
    after: Option<String>,
}

/// Get what a run's results rest on
///
/// Seed, settings with their hash, dataset hashes, program, compiler, machine and kernels of every attempt, time and
/// memory, the checkpoint with its hash and how it was chosen, and its scores. `scores` marked `claimed` came with an
/// imported run and were not measured here.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/provenance",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = RunId, Path, description = "The run's id")),
    responses(
        (status = 200, description = "As far as it is known by now", body = RunProvenance),
        (status = 404, description = "There is no such run"),
    )
)]
pub async fn get_provenance(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<RunId>,
) -> Result<Json<RunProvenance>, ApiError> {
    Ok(Json(store::provenance::of_run(&state.pool, id).await?))
}

/// Watch a run
///
/// Server-sent events: `run` with the whole run whenever it changes, `metric` with each point and `log` with each
/// line that its worker says. Ids are `<attempt>-<step>.<line>`, the last point and line told, with `-end` behind it after the final state. A client that
/// connects again with `Last-Event-ID` misses nothing and gets nothing twice. A point at a step that was told before takes the place of that one and of all beyond it: another attempt
/// went on from there.
/// The stream ends after the final state; connecting again after that gets 204, which stops an `EventSource`. It ends, too,
/// within seconds of the caller's losing what let him in.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/events",
    tag = "runs",
    security(("token" = ["read"])),
    params(
        ("id" = RunId, Path, description = "The run's id"),
        ("last-event-id" = Option<String>, Header, description = "The id of the last event read"),
        StreamEventsQuery
    ),
    responses(
        (status = 200, description = "The events", body = ServerSentEvent, content_type = "text/event-stream",
            example = "event: metric\nid: 1-10.3\ndata: {\"step\":10,\"loss\":20.5}\n\n"),
        (status = 204, description = "Everything was read already"),
        (status = 404, description = "There is no such run"),
    )
)]
pub async fn stream_events(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<RunId>,
    ApiQuery(query): ApiQuery<StreamEventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = store::runs::get(&state.pool, id).await?;
    let from = last_read(&headers, query.after.as_deref());
    if run.state.is_final() && from.is_some_and(|position| position.ended && position.attempt == run.attempt) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = watch_run(state.pool.clone(), id, from).take_until(state.closed());
    let events = events.take_until(standing::lost(state, caller, headers, Some(id.into())));
    let unbuffered = [("x-accel-buffering", "no")];
    Ok((unbuffered, Sse::new(events).keep_alive(KeepAlive::default())).into_response())
}

/// What the client has read; an id that no event bore means nothing was.
fn last_read(headers: &HeaderMap, after: Option<&str>) -> Option<Position> {
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    header.or(after).and_then(|id| id.parse().ok())
}
