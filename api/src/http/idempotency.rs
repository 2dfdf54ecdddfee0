//! `Idempotency-Key`: what was made once is not made again when its request is sent again.
//!
//! The first request with a key goes on to its end even if its client hangs up; later ones get its answer. A key
//! belongs to its caller and is forgotten after a day.

use super::{
    error::ApiError,
    extract::{declares_json, read_body},
};
use crate::{
    accounts::Caller,
    server::AppState,
    store::{
        PgPool,
        idempotency::{self, Begun, Done},
    },
};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

/// The header.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key.
const LONGEST: usize = 128;

/// Largest answer that is kept, bytes; one that is larger is given and not kept.
const ANSWER_LIMIT: usize = 1 << 20;

/// Answers a repeated request as the first one with its key was answered.
pub async fn replay(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, ApiError> {
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(caller), Some(key)) = (caller, key(request.headers())?) else { return Ok(next.run(request).await) };
    // Files are known by what is in them: sent again, one is found or refused.
    if request.method() != Method::POST || !declares_json(request.headers()) {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let body = read_body(body).await?;
    let mut digest = Sha256::new_with_prefix(parts.uri.path());
    digest.update([0]);
    digest.update(parts.headers.get(super::gate::TEAM).map(HeaderValue::as_bytes).unwrap_or_default());
    digest.update([0]);
    digest.update(&body);
    let fingerprint = digest.finalize();
    match idempotency::begin(&state.pool, &caller.name, &key, &fingerprint).await? {
        Begun::Now => {}
        Begun::Before(done) => return Ok(again(done)),
        Begun::ByAnother => return Err(ApiError::KeyInProgress),
        Begun::Differently => return Err(ApiError::KeyReused),
    }
    let request = Request::from_parts(parts, Body::from(body));
    // To its end, also when nobody waits any more: otherwise nobody could say whether it was made.
    let work = tokio::spawn(async move {
        let response = next.run(request).await;
        keep(&state.pool, &caller.name, &key, response).await
    });
    work.await.map_err(ApiError::internal)?
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    match key.to_str() {
        Ok(text) if (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(text.to_owned()))
        }
        _ => Err(ApiError::field(KEY.as_str(), format!("expected 1 to {LONGEST} visible ASCII characters, no space"))),
    }
}

/// Keeps the answer to what was made; what was refused may be asked again.
async fn keep(pool: &PgPool, caller: &str, key: &str, response: Response) -> Result<Response, ApiError> {
    let (parts, body) = response.into_parts();
    if !parts.status.is_success() {
        idempotency::forget(pool, caller, key).await?;
        return Ok(Response::from_parts(parts, body));
    }
    let body = to_bytes(body, ANSWER_LIMIT).await.map_err(ApiError::internal)?;
    let location = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let done = Done { status: parts.status.as_u16(), location, body: body.to_vec() };
    idempotency::finish(pool, caller, key, &done).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(done: Done) -> Response {
    let status = StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], done.body).into_response();
    let location = done.location.and_then(|location| HeaderValue::from_str(&location).ok());
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    location.map(|location| headers.insert(header::LOCATION, location));
    response
}
