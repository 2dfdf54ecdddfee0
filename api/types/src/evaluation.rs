//! Scores: a stored checkpoint, a stored dataset and a stated protocol.

use crate::ids::{CheckpointId, DatasetId, EvaluationId, RunId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// When a sequence stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Halting {
    /// When `q_halt > q_continue`, at the latest after `max_steps`.
    Q,
    /// After exactly `max_steps`.
    Fixed,
}

/// How a score is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// When a sequence stops.
    pub halting: Halting,
    /// ACT steps at most.
    pub max_steps: u32,
}

/// A measured score. Accuracies are shares from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evaluation {
    /// How it was measured.
    pub protocol: Protocol,
    /// Puzzles evaluated.
    pub n: u32,
    /// Puzzles right in every token.
    pub exact: u32,
    /// `exact / n`.
    pub exact_accuracy: f64,
    /// Wilson interval of `exact_accuracy`, 95 %.
    pub exact_interval: [f64; 2],
    /// Share of right tokens.
    pub accuracy: f64,
    /// Share of puzzles whose `q_halt ≥ 0` says rightly whether they are right.
    pub q_halt_accuracy: f64,
    /// Mean ACT steps used.
    pub mean_steps: f64,
    /// Exact accuracy of the grids as they stood after ACT step 1, 2, …; a halted puzzle keeps its grid.
    pub exact_by_step: Vec<f64>,
    /// Wall time, seconds.
    pub seconds: f64,
}

/// A row of a dataset's leaderboard, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeaderboardRow {
    /// From 1; equal accuracies share a rank.
    pub rank: u32,
    /// The score's id.
    pub evaluation_id: EvaluationId,
    /// The dataset it was measured on.
    pub dataset_id: DatasetId,
    /// The evaluated checkpoint.
    pub checkpoint_id: CheckpointId,
    /// The checkpoint's name.
    pub model: String,
    /// The run that trained it, if it was trained here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// SHA-256 of the checkpoint.
    pub checkpoint_sha256: String,
    /// Trained weights, the puzzle embedding left out as is the custom.
    pub parameters: u64,
    /// Training steps behind the checkpoint.
    pub step: u64,
    /// Seconds of training, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_seconds: Option<f64>,
    /// The score.
    pub evaluation: Evaluation,
    /// When it was measured.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}
