//! `ETag` and what is compared with it: `If-Match` of changes, `If-None-Match` of copies.

use super::error::ApiError;
use axum::http::{HeaderMap, HeaderName, header};

/// The header that names an edition.
pub fn etag(edition: i64) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{edition}\""))]
}

/// The edition that `If-Match` names; `*` is any.
///
/// # Errors
/// [`ApiError::Stale`] for a tag that is none of ours, so that it cannot match.
pub fn seen(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(tag) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let tag = tag.to_str().unwrap_or_default().trim();
    if tag == "*" {
        return Ok(None);
    }
    let edition = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    edition.map(Some).ok_or(ApiError::Stale)
}

/// Whether `If-None-Match` names this very copy. Weak comparison, as the header asks for.
pub fn has_same_copy(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == etag)
}
