//! Sudoku data: generated from a seed or read from CSV, with its token encoding and its symmetries.

pub mod arc;
pub mod augment;
mod csv;
pub mod dihedral;
pub mod draw;
pub mod encode;
mod generate;
pub mod maze;
pub mod search;
pub mod tokens;

use hrm_types::{
    experiment::InvalidExperiment,
    sudoku::{Grid, PuzzleError},
};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

pub use csv::{RowError, load_csv, read_csv, read_csv_file, subsample};
pub use generate::generate;

/// A puzzle with its solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Puzzle {
    /// The givens.
    pub question: Grid,
    /// A valid solution of the question.
    pub answer: Grid,
    /// Guesses a depth-first search makes before its first solution.
    pub rating: u32,
    /// Where it came from.
    pub source: String,
}

/// Puzzles of one side in two splits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Side of every grid: 4, 6 or 9.
    pub side: u8,
    /// Trained on.
    pub train: Vec<Puzzle>,
    /// Only ever evaluated on.
    pub test: Vec<Puzzle>,
}

impl Dataset {
    /// SHA-256 in hex over the side and every field of every puzzle of both splits, in order.
    pub fn content_hash(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(format!("hrm-lab dataset 1\nsudoku {}\n", self.side));
        for (name, puzzles) in [("train", &self.train), ("test", &self.test)] {
            hasher.update(format!("{name} {}\n", puzzles.len()));
            for puzzle in puzzles {
                // The source's length comes first, so that no text in it can imitate another puzzle.
                hasher.update(format!(
                    "{} {} {} {} {}\n",
                    puzzle.question,
                    puzzle.answer,
                    puzzle.rating,
                    puzzle.source.len(),
                    puzzle.source
                ));
            }
        }
        hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Why data cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A generator's setting that cannot be run.
    #[error(transparent)]
    Spec(#[from] InvalidExperiment),
    /// No puzzle with so few givens was found.
    #[error(
        "expected puzzles of side {side} with at most {most} givens, found none in {grids} grids: allow more givens"
    )]
    TooFewGivens {
        /// The side asked for.
        side: u8,
        /// The most givens asked for.
        most: u8,
        /// Complete grids tried for one puzzle.
        grids: usize,
    },
    /// The spec has fewer different puzzles than asked for.
    #[error("expected {wanted} different puzzles, found only {found}: ask for fewer, or widen the range of givens")]
    TooFewPuzzles {
        /// Puzzles of both splits asked for.
        wanted: usize,
        /// Different puzzles found.
        found: usize,
    },
    /// A file that cannot be opened.
    #[error("{file}: {source}")]
    File {
        /// Its path.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file without a single puzzle.
    #[error("{file}: expected at least one puzzle below the header, found none")]
    NoPuzzles {
        /// Its name.
        file: String,
    },
    /// A row of a file that is no puzzle.
    #[error("{file}, row {row}: {problem}")]
    Row {
        /// The file's name.
        file: String,
        /// Line of the file, from 1, which is the header's.
        row: u64,
        /// What was expected and what was found.
        #[source]
        problem: RowError,
    },
    /// A file with fewer rows than a spec takes.
    #[error("{file} has {found} rows: expected to take 1 to {found} of them, found {wanted}")]
    TooFewRows {
        /// Its path.
        file: String,
        /// Rows the spec asks for.
        wanted: u32,
        /// Rows it has.
        found: usize,
    },
    /// Two files of different sides.
    #[error("expected one side: {train} has side {side}, {test} has side {test_side}")]
    Sides {
        /// Path of the training file.
        train: String,
        /// Its side.
        side: u8,
        /// Path of the test file.
        test: String,
        /// Its side.
        test_side: u8,
    },
    /// A grid that breaks the rules of its kind.
    #[error(transparent)]
    Puzzle(#[from] PuzzleError),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

#[cfg(test)]
mod tests;
