//! Stored states of a training: what a run goes on from, and what may be kept of its way.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A state that a training was saved in: weights, moments, carry and everything else that it needs to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrainState {
    /// Steps done in it; names it within its run.
    pub step: u64,
    /// The attempt that saved it.
    pub attempt: u32,
    /// Size of its file, bytes.
    pub size: u64,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Kept whatever else is kept, also after the run.
    pub pinned: bool,
    /// Whether its bytes turned out not to be those that were stored; the one before it was used then.
    pub damaged: bool,
    /// Exact accuracy on the validation split, 0 to 1, where one was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_exact: Option<f64>,
    /// Exact accuracy in training, 0 to 1, as it was last measured before the state was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_exact: Option<f64>,
    /// When it was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// What can be changed about a stored state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeTrainState {
    /// Whether it is kept whatever else is kept.
    pub pinned: bool,
}
