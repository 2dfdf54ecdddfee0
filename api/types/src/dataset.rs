//! Stored datasets and their puzzles.

use crate::{experiment::GenerateSpec, ids::DatasetId, job};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Which part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Trained on.
    Train,
    /// Only ever evaluated on.
    Test,
}

impl Split {
    /// The name used in requests and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// A stored dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dataset {
    /// Its id.
    pub id: DatasetId,
    /// Its name, unique.
    pub name: String,
    /// The kind of puzzle; `sudoku`.
    pub kind: String,
    /// Side of the grids.
    pub side: u8,
    /// Where the puzzles came from: a file's name or the generator.
    pub origin: String,
    /// The generator's settings, if generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<GenerateSpec>,
    /// SHA-256 over every puzzle of both splits, in order.
    pub content_hash: String,
    /// Number of training puzzles.
    pub train_count: u32,
    /// Number of test puzzles.
    pub test_count: u32,
    /// When it was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A request to generate and store a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateDataset {
    /// A name, unique; letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What to generate; beyond 5,000 puzzles in all a worker does it.
    pub generate: GenerateSpec,
    /// Whose job it is, where a worker does it; 1 to 64 letters, digits, `-`, `_`, `.` and `@`.
    #[serde(default = "job::local")]
    pub owner: String,
    /// Of that job: -100 to 100; higher goes first.
    #[serde(default)]
    pub priority: i16,
}

/// A puzzle of a stored dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredPuzzle {
    /// Position in its split, from 0.
    pub position: u32,
    /// The puzzle, one line, `.` for blanks.
    pub question: String,
    /// Its solution.
    pub answer: String,
    /// Difficulty: guesses a search with simple deductions needs.
    pub rating: u32,
    /// Where it came from.
    pub source: String,
}
