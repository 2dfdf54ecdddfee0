//! Scores that others have published: claims with their sources, never measured here.

use crate::board::Kind;
use serde::{Deserialize, Serialize};

/// The test set of a published score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Benchmark {
    /// Sudoku-Extreme, 422,786 test puzzles.
    SudokuExtreme,
    /// Maze-30x30-Hard-1k, 1,000 test mazes.
    MazeHard,
    /// ARC-AGI-1, the public evaluation set.
    #[serde(rename = "arc-agi-1")]
    ArcAgi1,
    /// ARC-AGI-2, the public evaluation set.
    #[serde(rename = "arc-agi-2")]
    ArcAgi2,
}

impl Benchmark {
    /// The name used in requests and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SudokuExtreme => "sudoku-extreme",
            Self::MazeHard => "maze-hard",
            Self::ArcAgi1 => "arc-agi-1",
            Self::ArcAgi2 => "arc-agi-2",
        }
    }

    /// The kind of its puzzles.
    pub fn kind(self) -> Kind {
        match self {
            Self::SudokuExtreme => Kind::Sudoku,
            Self::MazeHard => Kind::Maze,
            Self::ArcAgi1 | Self::ArcAgi2 => Kind::Arc,
        }
    }

    /// Side of its puzzles; of the square an ARC grid stands in.
    pub fn side(self) -> u8 {
        if self == Self::SudokuExtreme { 9 } else { 30 }
    }
}

/// What a published figure counts. Figures of different metrics must not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Puzzles that equal their label in every token.
    Exact,
    /// Mazes whose answer marks any shortest path.
    AnyOptimal,
    /// ARC: one answer to every test input.
    Pass1,
    /// ARC: two answers to every test input.
    Pass2,
    /// The source does not say.
    NotStated,
}

/// A score as its authors, or somebody who repeated it, stated it. Nothing of it was measured here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishedScore {
    /// The test set.
    pub benchmark: Benchmark,
    /// The system's name.
    pub system: String,
    /// The stated score, percent.
    pub percent: f64,
    /// What it counts.
    pub metric: Metric,
    /// Weights, as stated; often without the puzzle embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<String>,
    /// Where it was published: an arXiv number, a repository with its commit, a page.
    pub source: String,
    /// Month of the publication, `YYYY-MM`, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// How it was measured, as far as stated: training set, depth, votes, part of the test set.
    pub protocol: String,
    /// What to watch when it is compared with anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
    /// Whether the figure was read in the source itself; else it is quoted from somebody who quotes it.
    pub first_hand: bool,
}

/// Published scores, in the order of the table they stand in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublishedScores {
    /// Version of the table; it grows with every change.
    pub version: u32,
    /// The benchmark whose test split the asked-for dataset has, puzzle for puzzle. Scores on other benchmarks cannot be
    /// compared with those measured on the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_test_split: Option<Benchmark>,
    /// The scores.
    pub items: Vec<PublishedScore>,
}
