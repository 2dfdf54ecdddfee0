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
