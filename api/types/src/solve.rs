//! Solving one puzzle: the request, the answer and every step on the way to it.

use crate::{
    ids::CheckpointId,
    sudoku::{Grid, PuzzleError},
};
use serde::{Deserialize, Serialize};

/// A puzzle in any of the shapes people have it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(
    untagged,
    expecting = "expected a text of 16, 36 or 81 cells, an array of such lines, or an array of rows of digits"
)]
pub enum PuzzleInput {
    /// 16, 36 or 81 characters, `.` or `0` for blanks; line breaks and grid strokes are ignored.
    Text(String),
    /// One string per row.
    Lines(Vec<String>),
    /// Rows of digits; 0 or null for blanks.
    Rows(Vec<Vec<Option<u8>>>),
}

impl PuzzleInput {
    /// The grid this stands for; its givens are not checked against the rules.
    ///
    /// # Errors
    /// A wrong number of cells or a symbol that is no digit of this side.
    pub fn grid(&self) -> Result<Grid, PuzzleError> {
        match self {
            Self::Text(text) => text.parse(),
            Self::Lines(lines) => lines.concat().parse(),
            Self::Rows(rows) => {
                let rows: Vec<Vec<u8>> =
                    rows.iter().map(|row| row.iter().map(|cell| cell.unwrap_or(0)).collect()).collect();
                Grid::from_rows(&rows)
            }
        }
    }
}

/// A puzzle to solve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SolveRequest {
    /// The puzzle.
    pub puzzle: PuzzleInput,
    /// Name or id of the model; by default the best one stored for this size of puzzle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Run exactly this many ACT steps (1 to 1024) instead of halting when `q_halt > q_continue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
}

/// The model that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelRef {
    /// Its checkpoint.
    pub id: CheckpointId,
    /// Its name.
    pub name: String,
}

/// What the model answered, as it answered it: nothing corrects it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SolveResponse {
    /// The model that answered.
    pub model: ModelRef,
    /// The puzzle as it was understood, one line.
    pub puzzle: String,
    /// The grid after the last step, one line.
    pub answer: String,
    /// The same as rows.
    pub rows: Vec<Vec<u8>>,
    /// Whether the answer is a valid solution of the puzzle, by the rules.
    pub solved: bool,
    /// Where the answer breaks the rules; empty when solved.
    pub violations: Vec<String>,
    /// ACT steps used.
    pub steps_used: u32,
    /// Whether the model itself chose to stop, with `q_halt > q_continue`.
    pub halted: bool,
    /// Time in the model, milliseconds.
    pub milliseconds: f64,
    /// The grid after every ACT step.
    pub steps: Vec<SolveStep>,
}

/// The model's state after one ACT step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SolveStep {
    /// 1-based.
    pub step: u32,
    /// The grid, one line; `.` where the model's token is no digit.
    pub grid: String,
    /// Probability of each cell's token under the model's own loss, row by row.
    pub confidence: Vec<f32>,
    /// Value of stopping here (a logit).
    pub q_halt: f32,
    /// Value of going on (a logit).
    pub q_continue: f32,
}
