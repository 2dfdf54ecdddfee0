//! Stored checkpoints, as the models one can solve with.

use crate::{
    evaluation::Evaluation,
    experiment::Experiment,
    ids::{CheckpointId, RunId},
    provenance::Choice,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A stored checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Model {
    /// Its id.
    pub id: CheckpointId,
    /// Its name; a run's checkpoint bears the run's name.
    pub name: String,
    /// The kind of puzzle it solves; `sudoku`.
    pub kind: String,
    /// Side of the grids it solves.
    pub side: u8,
    /// The run that trained it; absent for the one that ships with the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// What trained it.
    pub experiment: Experiment,
    /// Hash of the dataset it was trained on.
    pub dataset_hash: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Size of the file, bytes.
    pub size: u64,
    /// Trained weights, the puzzle embedding left out as is the custom.
    pub parameters: u64,
    /// Training steps behind it.
    pub step: u64,
    /// How it was chosen among the states of its training; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Its newest score that was measured here, else its newest claimed one, if there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
    /// Whether that score came with an import and was not measured here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
    /// The score that it ships with; absent for a model that does not ship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// Whether `solve` uses it for its side when no model is named: of the models of its kind and side the one with
    /// the best standard score on their common dataset.
    pub default: bool,
    /// The team that it belongs to.
    #[serde(default)]
    pub team: String,
    /// Whether everybody with an account may read it.
    #[serde(default)]
    pub public: bool,
    /// When it was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// The score of a model that ships, as it was measured before that: halting by Q, on the test puzzles that its configuration
/// names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stated {
    /// Share of the puzzles that it answered rightly, 0 to 1.
    pub exact_accuracy: f64,
    /// Puzzles.
    pub n: u32,
}

/// A name that moves from model to model, such as `champion`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alias {
    /// The name.
    pub name: String,
    /// The model that it stands for now.
    pub model_id: CheckpointId,
}

/// What can be changed about a model; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeModel {
    /// 1 to 64 letters, digits, `-`, `_` and `.`, and no UUID; several models may bear it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether everybody with an account may read it, solve with it and download it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
}
