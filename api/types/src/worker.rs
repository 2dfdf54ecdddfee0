//! Worker processes.

use crate::ids::{JobId, RunId, WorkerId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Something that can compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// The same wherever and whenever it is seen: a GPU's UUID, or the host's name and `cpu`. Only one job at a
    /// time runs on it.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Threads it runs at once; absent for a GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Its memory, bytes.
    pub memory_bytes: u64,
}

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
    /// The id of the device it trains on.
    pub device_id: String,
    /// Every device of its host.
    pub devices: Vec<Device>,
    /// Whether it holds a job, whosever that is.
    #[serde(default)]
    pub busy: bool,
    /// The job it holds, if the caller may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// The same, if that is a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it last reported.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen: OffsetDateTime,
}
