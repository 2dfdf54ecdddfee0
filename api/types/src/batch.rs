//! Many puzzles for one model, solved by a worker.

use crate::{
    board::Kind,
    dataset::Split,
    ids::{CheckpointId, DatasetId},
    job::{self, Job},
    solve::PuzzleInput,
};
use serde::{Deserialize, Serialize};

/// Puzzles that can be sent with one request.
pub const MAX_SENT: usize = 10_000;

/// Puzzles of a dataset's split that one batch takes at most.
pub const MAX_STORED: u32 = 100_000;

/// Puzzles to solve: sent ones or those of a stored dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateBatch {
    /// 1 to 10,000 puzzles of one kind and size, as `POST /api/v1/solve` takes them; of an ARC task every test input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puzzles: Option<Vec<PuzzleInput>>,
    /// The kind of the sent puzzles; by default what each looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// In place of puzzles: the name or id of a stored dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The dataset's split; `test` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// The first so many puzzles of the split; all of them by default, at most 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Name or id of the model; by default the best one stored for this kind and size of puzzle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Run exactly this many ACT steps (1 to 1024) instead of halting when `q_halt > q_continue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1024))]
    pub steps: Option<u32>,
    /// Attempts at each puzzle at most, as `POST /api/v1/solve` takes them; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 256))]
    pub attempts: Option<u32>,
    /// Whose it is; 1 to 64 letters, digits, `-`, `_`, `.` and `@`.
    #[serde(default = "job::local")]
    pub owner: String,
    /// -100 to 100; higher goes first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = -100, maximum = 100))]
    pub priority: i16,
}

/// What a batch solves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchSpec {
    /// The model.
    pub checkpoint_id: CheckpointId,
    /// The kind of puzzle.
    pub kind: Kind,
    /// ACT steps that each takes; absent where the model halts by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Attempts at each puzzle at most; one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The dataset, unless the puzzles were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_id: Option<DatasetId>,
    /// Its split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

/// A queued batch and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Batch {
    /// Where it stands; `name` is the model's.
    pub job: Job,
    /// What it solves.
    pub spec: BatchSpec,
    /// Puzzles it has.
    pub puzzles: u64,
    /// Of them those whose answers are stored.
    pub answered: u64,
    /// Of these those of which it is known what is right: all but ARC tests whose output nobody has said.
    pub judged: u64,
    /// Of these those that are right.
    pub solved: u64,
}

/// A puzzle of a batch and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchResult {
    /// Its place in the batch, from 0.
    pub position: u64,
    /// The ARC task it belongs to; absent for other kinds, and where none was named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task: String,
    /// The puzzle: a Sudoku and a maze in one line, an ARC grid as rows of colours parted by `/`.
    pub puzzle: String,
    /// The answer, written likewise; empty where an ARC answer shows no grid. Absent until it is there, as is all below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Whether it is right; absent also where nobody has said what an ARC test's output is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<String>,
    /// ACT steps used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_used: Option<u32>,
    /// Whether the model itself chose to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<bool>,
    /// Where it is right the attempt that it is of, from 1; else how many were made, and the answer is the first one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Value of stopping after the last step (a logit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_halt: Option<f32>,
    /// Probability of the cells' tokens after the last step, the mean over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}
