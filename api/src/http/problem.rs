//! Every error response under `/api` becomes RFC 9457 problem details that bear the request's id.

use super::error::ApiError;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hrm_types::problem::Problem;
use std::{any::Any, error::Error, sync::Arc, time::Instant};
use tower_http::request_id::RequestId;

/// The media type of problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The header that carries the request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken over from a client or a proxy.
const MAX_REQUEST_ID: usize = 64;

/// Drops an id that is unfit for a log line, so that a fresh one is given.
pub async fn keep_plausible_request_id(mut request: Request) -> Request {
    let plausible = |id: &HeaderValue| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.as_bytes().iter().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(c))
    };
    if request.headers().get(REQUEST_ID).is_some_and(|id| !plausible(id)) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

/// Logs the request and writes the body of an error response.
pub async fn finish(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
    tracing::debug!(request_id = id, %method, path, status = status.as_u16(), milliseconds, "answered");
    match error_of(&response, &path) {
        Some(error) => {
            log(&error, &id);
            write_problem(response, &error, &id)
        }
        None => response,
    }
}

fn request_id(request: &Request) -> String {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    id.unwrap_or_default().to_owned()
}

/// The error behind a response; layers that know no [`ApiError`] answer the API with a bare status.
fn error_of(response: &Response, path: &str) -> Option<Arc<ApiError>> {
    if let Some(error) = response.extensions().get::<Arc<ApiError>>() {
        return Some(Arc::clone(error));
    }
    let status = response.status();
    if !(path.starts_with("/api/") || path == "/healthz") || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    Some(Arc::new(match status {
        StatusCode::NOT_FOUND => ApiError::NoRoute,
        StatusCode::METHOD_NOT_ALLOWED => ApiError::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        StatusCode::GATEWAY_TIMEOUT => ApiError::Timeout,
        other => ApiError::Bare(other),
    }))
}

/// The causes of a failure go to the log, once, and nowhere else.
fn log(error: &ApiError, request_id: &str) {
    if !error.kind().0.is_server_error() {
        return;
    }
    let causes: Vec<String> =
        std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string).collect();
    let causes = causes.join(": ");
    match error {
        // Who asks too much hears it; it is no failure.
        ApiError::Overloaded { .. } => tracing::debug!(request_id, "{error}"),
        error => tracing::error!(request_id, causes, "{error}"),
    }
}

fn write_problem(response: Response, error: &ApiError, request_id: &str) -> Response {
    let (status, slug, title) = error.kind();
    let problem = Problem {
        kind: format!("/problems/{slug}"),
        title: title.into(),
        status: status.as_u16(),
        detail: error.to_string(),
        field: error.wrong_field(),
        request_id: request_id.into(),
    };
    let body = serde_json::to_vec(&problem).expect("a problem is strings and a number, which JSON can always hold");
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, Body::from(body))
}

/// A handler's panic as a failure like any other.
pub fn panicked(payload: &(dyn Any + Send)) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    ApiError::internal(format!("panic: {}", text.unwrap_or("without a text"))).into_response()
}
