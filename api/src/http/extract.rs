//! Extractors that turn every rejection into an [`ApiError`] and let no NUL character through to the database.

use super::{error::ApiError, limits::BODY_LIMIT};
use axum::{
    body::{Body, HttpBody},
    extract::{FromRequest, FromRequestParts, Path, Query, RawPathParams, Request},
    http::{HeaderMap, header, request::Parts},
};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

/// A JSON body.
pub struct ApiJson<T>(pub T);

/// The query string.
pub struct ApiQuery<T>(pub T);

/// The parameters of the path.
pub struct ApiPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            let detail = "expected the body as it is, found a content-encoding";
            return Err(ApiError::field("content-encoding", detail));
        }
        let is_json = declares_json(request.headers());
        let body = read_body(request.into_body()).await?;
        if !is_json {
            return Err(ApiError::UnsupportedMediaType);
        }
        if has_escaped_nul(&body) {
            return Err(nul_refused(None));
        }
        parse_json(&body).map(Self)
    }
}

pub(super) fn declares_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The whole body.
pub(super) async fn read_body(body: Body) -> Result<Vec<u8>, ApiError> {
    // What is announced need not come first.
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(ApiError::TooLarge);
    }
    let mut whole = Vec::new();
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| ApiError::InvalidRequest {
            field: None,
            detail: "the body ended before it was complete".into(),
        })?;
        if whole.len() + part.len() > BODY_LIMIT {
            return Err(ApiError::TooLarge);
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole)
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        if error.inner().classify() == serde_json::error::Category::Data {
            return wrong_value(error);
        }
        // Where a name is wanted and a number stands, the reader of text says that the text is no JSON.
        let whole = serde_json::from_slice::<serde_json::Value>(body);
        match whole.map(serde_path_to_error::deserialize::<_, T>) {
            Ok(Err(error)) => wrong_value(error),
            _ => ApiError::MalformedJson(error.inner().to_string()),
        }
    })?;
    reader.end().map_err(|error| ApiError::MalformedJson(error.to_string()))?;
    // An object's fields could also stand in a list, in their order, which nobody means.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(ApiError::InvalidRequest { field: None, detail: "expected an object, found a list".into() });
    }
    Ok(value)
}

/// What is no value of its field.
fn wrong_value(error: serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let path = Some(error.path().to_string()).filter(|path| path != ".");
    let cause = error.into_inner();
    let field = match (path, field_in(&cause.to_string())) {
        (Some(path), Some(field)) => Some(format!("{path}.{field}")),
        (path, field) => path.or(field),
    };
    ApiError::InvalidRequest { field, detail: cause.to_string() }
}

/// Whether a JSON text holds the escape of U+0000; a raw NUL is no JSON anyway.
fn has_escaped_nul(body: &[u8]) -> bool {
    let mut at = 0;
    while let Some(offset) = body[at..].iter().position(|&byte| byte == b'\\') {
        let escape = &body[at + offset..];
        if escape.starts_with(b"\\u0000") {
            return true;
        }
        at = (at + offset + 2).min(body.len());
    }
    false
}

fn nul_refused(field: Option<&str>) -> ApiError {
    ApiError::InvalidRequest { field: field.map(Into::into), detail: "texts may not contain the NUL character".into() }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(nul_refused(None));
        }
        let Query(value) = Query::try_from_uri(&parts.uri).map_err(|rejection| wrong_query(&rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// Takes the field's name out of axum's text, which is `<what failed>: [<field>: ]<why>`.
fn wrong_query(text: &str) -> ApiError {
    let cause = text.split_once(": ").map_or(text, |(_, cause)| cause);
    match cause.split_once(": ") {
        Some((field, why)) if field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            ApiError::field(field, why)
        }
        _ => ApiError::InvalidRequest { field: field_in(cause), detail: cause.into() },
    }
}

/// The field that serde's message names as missing or as given twice, in whose path it is not.
fn field_in(message: &str) -> Option<String> {
    let named = ["missing field `", "duplicate field `"].iter().find_map(|start| message.strip_prefix(start))?;
    Some(named.split_once('`')?.0.to_owned())
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if parts.uri.path().contains("%00") {
            return Err(nul_refused(None));
        }
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(_) => Err(wrong_path(parts, state).await),
        }
    }
}

/// The path's parameters are ids, and an id that is no id names nothing.
async fn wrong_path<S: Send + Sync>(parts: &mut Parts, state: &S) -> ApiError {
    let Ok(parameters) = RawPathParams::from_request_parts(parts, state).await else {
        return ApiError::MalformedId { found: parts.uri.path().to_owned() };
    };
    let ids = || parameters.iter().filter(|(name, _)| *name != "step");
    let wrong = ids().find(|(_, value)| value.parse::<uuid::Uuid>().is_err());
    match (wrong, parameters.iter().find(|(name, _)| *name == "step")) {
        (None, Some((_, step))) => ApiError::MalformedStep { found: step.to_owned() },
        (wrong, _) => {
            let found = wrong.or_else(|| ids().next()).map_or("", |(_, value)| value);
            ApiError::MalformedId { found: found.to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "inner")]
        _inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[serde(rename = "count")]
        _count: u8,
    }

    #[test]
    fn the_wrong_field_of_a_body_is_named_by_its_path() {
        let check = |body: &str, field: Option<&str>, status: u16| {
            let error = parse_json::<Outer>(body.as_bytes()).expect_err(body);
            assert_eq!((error.wrong_field().as_deref(), error.kind().0.as_u16()), (field, status), "{body}: {error}");
        };
        check(r#"{"inner":{"count":300}}"#, Some("inner.count"), 422);
        check(r#"{"inner":{"count":"a"}}"#, Some("inner.count"), 422);
        check(r#"{"inner":7}"#, Some("inner"), 422);
        check(r#"{"inner":{"count":1},"more":1}"#, Some("more"), 422);
        check(r"{}", Some("inner"), 422);
        check(r#"{"inner":{}}"#, Some("inner.count"), 422);
        check(r#"{"inner":{"count":1,"count":2}}"#, Some("inner.count"), 422);
        check(r#" [{"count":1}]"#, None, 422);
        check(r#"{"inner":"#, None, 400);
        check("", None, 400);
        check(r#"{"inner":{"count":1}} {}"#, None, 400);
    }

    #[test]
    fn an_escaped_nul_is_found_and_an_escaped_backslash_is_not_mistaken_for_one() {
        assert!(has_escaped_nul(br#""a\u0000""#));
        assert!(has_escaped_nul(br#""\\\u0000""#));
        assert!(!has_escaped_nul(br#""\\u0000""#));
        assert!(!has_escaped_nul(br#""\u0001 u0000""#));
        assert!(!has_escaped_nul(br#""\"#));
    }

    #[test]
    fn the_wrong_field_of_a_query_is_named() {
        let field = |text| wrong_query(text).wrong_field();
        assert_eq!(
            field("Failed to deserialize query string: limit: invalid digit found in string").as_deref(),
            Some("limit")
        );
        assert_eq!(field("Failed to deserialize query string: duplicate field `limit`").as_deref(), Some("limit"));
        assert_eq!(field("Failed to deserialize query string: unknown field `x`, expected `limit`"), None);
    }
}
