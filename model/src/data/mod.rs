//! Sudoku data: generated from a seed or read from CSV, with its token encoding and its symmetries.

pub mod augment;
pub mod draw;
pub mod encode;
mod generate;
pub mod search;

use hrm_types::{
    experiment::InvalidExperiment,
    sudoku::{Grid, PuzzleError},
};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

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
    /// A grid that breaks the rules of its kind.
    #[error(transparent)]
    Puzzle(#[from] PuzzleError),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

#[cfg(test)]
mod tests;
