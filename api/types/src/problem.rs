//! Errors as the API reports them: RFC 9457 problem details.

use serde::{Deserialize, Serialize};

/// A refused or failed request, sent as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A stable name of the kind of problem, e.g. `/problems/invalid-puzzle`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words; the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong this time, and what to do about it.
    pub detail: String,
    /// The field of the request that was wrong, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Quote this when reporting the problem; the server's log has it too.
    pub request_id: String,
}
