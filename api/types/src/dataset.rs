//! Stored datasets and their puzzles.

use crate::{board::Kind, experiment::GenerateSpec, ids::DatasetId, job, object::object};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Which part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Trained on.
    Train,
    /// Looked at during training, to choose a checkpoint; never trained on.
    Validation,
    /// Only ever evaluated on.
    Test,
}

impl Split {
    /// The name used in requests and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
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
    /// The kind of puzzle.
    pub kind: Kind,
    /// Side of the grids; of the square an ARC grid stands in.
    pub side: u8,
    /// Where the puzzles came from: a file's name or the generator.
    pub origin: String,
    /// The generator's settings, if generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<GenerateSpec>,
    /// The licence its publisher states, if any is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Seed of the generator, or of the draw of training and validation puzzles from a file; absent where nothing was
    /// drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// SHA-256 over every puzzle of all splits, in order.
    pub content_hash: String,
    /// SHA-256 over the questions and answers of the test split, whatever their order; absent for datasets stored
    /// before it was counted. Scores on equal test splits can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_hash: Option<String>,
    /// Number of training puzzles; of ARC, of training pairs.
    pub train_count: u32,
    /// Number of validation puzzles.
    pub validation_count: u32,
    /// Number of test puzzles.
    pub test_count: u32,
    /// Which of its puzzles stand in two splits; absent until it was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaks: Option<LeakReport>,
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

impl Dataset {
    /// Puzzles of a split.
    #[must_use]
    pub fn count(&self, split: Split) -> u32 {
        match split {
            Split::Train => self.train_count,
            Split::Validation => self.validation_count,
            Split::Test => self.test_count,
        }
    }
}

/// Puzzles that are trained on and evaluated on, counted up to the kind's symmetries: Sudoku's renamed digits and
/// reordered lines, the turned, mirrored and recoloured forms of a maze or an ARC pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeakReport {
    /// Test puzzles of which an equivalent one is trained on.
    pub test_in_train: u32,
    /// Validation puzzles of which an equivalent one is trained on.
    pub validation_in_train: u32,
    /// Test puzzles of which an equivalent one stands in the validation split.
    pub test_in_validation: u32,
    /// Test puzzles whose answer alone is equivalent to that of a training puzzle.
    pub test_answers_in_train: u32,
    /// Training puzzles with an equivalent one before them in the split; absent where that was not counted yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_repeated: Option<u32>,
    /// The same of test puzzles: a score counts each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_repeated: Option<u32>,
}

/// A request to generate and store a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateDataset {
    /// A name, unique in its team: 1 to 64 letters, digits, `-`, `_` and `.`, and no UUID.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$"))]
    pub name: String,
    /// What to generate; beyond 5,000 puzzles in all, or ten seconds of work, a worker does it.
    #[serde(deserialize_with = "object")]
    pub generate: GenerateSpec,
    /// Whose job it is, where a worker does it; 1 to 64 letters, digits, `-`, `_`, `.` and `@`.
    #[serde(default = "job::local")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._@-]+$"))]
    pub owner: String,
    /// Of that job: -100 to 100; higher goes first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = -100, maximum = 100))]
    pub priority: i16,
}

/// What can be changed about a dataset; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeDataset {
    /// A name, unique in its team: 1 to 64 letters, digits, `-`, `_` and `.`, and no UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$"))]
    pub name: Option<String>,
    /// Whether everybody with an account may read it, train on it and evaluate with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
}

/// A puzzle of a stored dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredPuzzle {
    /// Position in its split, from 0.
    pub position: u32,
    /// The ARC task the pair belongs to; absent for other kinds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task: String,
    /// The puzzle: a Sudoku in one line with `.` for blanks, a maze in one line of `#`, spaces, `S` and `G`, an ARC
    /// grid as rows of colours parted by `/`.
    pub question: String,
    /// Its solution.
    pub answer: String,
    /// Difficulty: of a Sudoku, guesses a search with simple deductions needs; of a maze, the length of its shortest
    /// path; of an ARC pair 0.
    pub rating: u32,
    /// Where it came from.
    pub source: String,
}
