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
    body::{Body, HttpBody, to_bytes},
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

/// Largest answer that is kept, bytes; one that is larger is given once.
const ANSWER_LIMIT: u64 = 1 << 20;

/// Marks an answer that holds a secret, as an extension of the response: it is given once and kept nowhere.
#[derive(Debug, Clone, Copy)]
pub struct Secretive;

/// Answers a repeated request as the first one with its key was answered.
pub async fn replay(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, ApiError> {
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(caller), Some(key)) = (caller, key(request.headers())?) else { return Ok(next.run(request).await) };
    if request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let (request, fingerprint) = fingerprint(request).await?;
    match idempotency::begin(&state.pool, &caller.name, &key, &fingerprint).await? {
        Begun::Now => {}
        Begun::Before(done) => return again(done),
        Begun::ByAnother => return Err(ApiError::KeyInProgress),
        Begun::Differently => return Err(ApiError::KeyReused),
    }
    // To its end, also when nobody waits any more: otherwise nobody could say whether it was made.
    let (pool, name, same) = (state.pool.clone(), caller.name.clone(), key.clone());
    let work = tokio::spawn(async move {
        let response = next.run(request).await;
        keep(&pool, &name, &same, response).await
    });
    match work.await {
        Ok(answer) => answer,
        Err(panic) => {
            idempotency::forget(&state.pool, &caller.name, &key).await?;
            Err(ApiError::internal(panic))
        }
    }
}

/// What makes two requests the same one: address, team and body; of a file, which is not held in memory, its kind and
/// its length.
async fn fingerprint(request: Request) -> Result<(Request, [u8; 32]), ApiError> {
    let (parts, body) = request.into_parts();
    let header = |name: &HeaderName| parts.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    let mut digest = Sha256::new();
    let mut note = |part: &[u8]| {
        digest.update(part);
        digest.update([0]);
    };
    note(parts.uri.to_string().as_bytes());
    note(header(&super::gate::TEAM));
    let is_file = !declares_json(&parts.headers) && !body.is_end_stream();
    let body = if is_file {
        note(header(&header::CONTENT_TYPE));
        note(header(&header::CONTENT_LENGTH));
        body
    } else {
        let body = read_body(body).await?;
        note(&body);
        Body::from(body)
    };
    Ok((Request::from_parts(parts, body), digest.finalize().into()))
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
    let is_kept = parts.extensions.get::<Secretive>().is_none()
        && body.size_hint().exact().is_some_and(|length| length <= ANSWER_LIMIT);
    let (body, kept) = if is_kept {
        let bytes = to_bytes(body, usize::MAX).await.map_err(ApiError::internal)?;
        (Body::from(bytes.clone()), Some(bytes.to_vec()))
    } else {
        (body, None)
    };
    let location = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let done = Done { status: parts.status.as_u16(), location, body: kept };
    // What was made is answered with, whether or not that could be noted.
    if let Err(error) = idempotency::finish(pool, caller, key, &done).await {
        tracing::warn!(%error, "the answer to a request with an Idempotency-Key could not be kept");
    }
    Ok(Response::from_parts(parts, body))
}

fn again(done: Done) -> Result<Response, ApiError> {
    let body = done.body.ok_or(ApiError::KeyUsedUp)?;
    let status = StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    let location = done.location.and_then(|location| HeaderValue::from_str(&location).ok());
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    location.map(|location| headers.insert(header::LOCATION, location));
    Ok(response)
}
