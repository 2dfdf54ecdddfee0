//! Worker processes.

use crate::ids::{RunId, WorkerId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A worker that has reported lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Worker {
    /// Fresh at every start.
    pub id: WorkerId,
    /// The machine's name.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// The device it trains on, e.g. `cpu (2 threads)`.
    pub device: String,
    /// The run it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it last reported.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen: OffsetDateTime,
}
