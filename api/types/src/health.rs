//! Whether the server is ready.

use serde::{Deserialize, Serialize};

/// What `GET /healthz` answers once the server is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Always `ok`; a server that is not answers 503.
    pub status: String,
    /// The program's version.
    pub version: String,
    /// Number of models one can solve with.
    pub models: u64,
}

/// What `GET /readyz` answers once the model that ships has solved its test puzzle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// Always `ready`; a server that is not answers 503.
    pub status: String,
    /// Time that the model took, milliseconds.
    pub milliseconds: f64,
    /// Seconds since it was asked.
    pub seconds_ago: u64,
}
