//! Puzzles: generated from a seed or read from files, with their token encodings and their symmetries.

pub mod arc;
pub mod augment;
mod bounded;
pub mod canonical;
mod corpus;
mod csv;
pub mod dihedral;
pub mod distinct;
pub mod draw;
pub mod encode;
mod export;
mod folder;
mod generate;
mod leaks;
pub mod maze;
pub mod npy;
mod originals;
pub mod search;
mod sudoku;
pub mod tokens;
pub mod view;
mod whole;

use crate::shape::TaskShape;
use hrm_types::{
    board::{Board, BoardError, Kind},
    dataset::Split,
    experiment::{Experiment, InvalidExperiment},
    sudoku::PuzzleError,
};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

pub use arc::load_arc;
pub use corpus::{Corpus, Visit};
pub use csv::{DrawnRows, RowError, load_csv, read_csv, read_csv_file, rows_wanted, subsample};
pub use export::{ExportError, write_csv, write_json};
pub use folder::{kind_of_task, load_folder};
pub use generate::generate;
pub use leaks::{leak_report, tested_in_training};
pub use originals::{folder_of, import_folder};
pub use whole::partial;

/// A puzzle with its solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Puzzle {
    /// What is given.
    pub question: Board,
    /// A valid solution of the question.
    pub answer: Board,
    /// Difficulty: of a Sudoku, guesses a depth-first search makes before its first solution; of a maze, the length
    /// of its shortest path; of an ARC pair 0.
    pub rating: u32,
    /// Where it came from.
    pub source: String,
    /// The ARC task the pair belongs to; empty for other kinds.
    pub task: String,
}

/// Puzzles of one kind and side in three splits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Their kind.
    pub kind: Kind,
    /// Side of every grid; of the square an ARC grid stands in.
    pub side: u8,
    /// Trained on.
    pub train: Vec<Puzzle>,
    /// Looked at during training, never trained on.
    pub validation: Vec<Puzzle>,
    /// Only ever evaluated on.
    pub test: Vec<Puzzle>,
}

impl Dataset {
    /// The puzzles of a split.
    pub fn split(&self, split: Split) -> &[Puzzle] {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    /// Every puzzle of every split.
    pub fn puzzles(&self) -> impl Iterator<Item = &Puzzle> {
        self.train.iter().chain(&self.validation).chain(&self.test)
    }

    /// Sizes of the task it sets a model, with the puzzle identifiers an experiment asks for.
    pub fn task(&self, experiment: &Experiment) -> TaskShape {
        let identifiers = arc::identifiers(self.kind, self.task_names().len(), experiment.train.task_variants);
        encode::task_shape(self.kind, self.side, identifiers)
    }

    /// The names of the ARC tasks of all splits, sorted; none for other kinds.
    pub fn task_names(&self) -> Vec<&str> {
        let names = self.puzzles().map(|puzzle| puzzle.task.as_str()).filter(|name| !name.is_empty());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// SHA-256 in hex over kind, side and every field of every puzzle of all splits, in order.
    pub fn content_hash(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(format!("hrm-lab dataset 1\n{} {}\n", self.kind, self.side));
        // Left out where it is empty, so that a dataset's hash does not depend on whether its reader knows the split.
        let validation = (!self.validation.is_empty()).then_some(Split::Validation);
        for split in [Split::Train].into_iter().chain(validation).chain([Split::Test]) {
            let puzzles = self.split(split);
            hasher.update(format!("{} {}\n", split.as_str(), puzzles.len()));
            for puzzle in puzzles {
                hasher.update(self.line(puzzle));
            }
        }
        hex(&hasher.finalize())
    }

    /// SHA-256 in hex over kind, side, and question and answer of every test puzzle, whatever their order and source:
    /// scores on test splits of one hash can be compared.
    pub fn test_hash(&self) -> String {
        let line = |puzzle: &Puzzle| format!("{} {}\n", puzzle.question.text(self.kind), puzzle.answer.text(self.kind));
        let mut lines: Vec<String> = self.test.iter().map(line).collect();
        lines.sort_unstable();
        let mut hasher = Sha256::new();
        hasher.update(format!("hrm-lab test split 1\n{} {} {}\n", self.kind, self.side, lines.len()));
        for line in &lines {
            hasher.update(line);
        }
        hex(&hasher.finalize())
    }

    /// A puzzle as it is hashed. Free texts have their lengths before them, so that none can imitate another puzzle.
    fn line(&self, puzzle: &Puzzle) -> String {
        let (question, answer) = (puzzle.question.text(self.kind), puzzle.answer.text(self.kind));
        let task = match puzzle.task.len() {
            0 => String::new(),
            length => format!(" {length} {}", puzzle.task),
        };
        format!("{question} {answer} {} {} {}{task}\n", puzzle.rating, puzzle.source.len(), puzzle.source)
    }
}

/// Bytes as text, two digits each.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
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
    /// Cells that form no board.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// Mazes that cannot be made.
    #[error(transparent)]
    Maze(#[from] maze::MazeError),
    /// ARC tasks that cannot be read.
    #[error(transparent)]
    Arc(#[from] arc::read::ReadError),
    /// ARC-like tasks that cannot be made.
    #[error(transparent)]
    Tasks(#[from] arc::generate::GenerateError),
    /// A folder of arrays that cannot be read.
    #[error(transparent)]
    Folder(Box<npy::FolderError>),
    /// A folder whose sizes are no kind's.
    #[error(
        "{path}: expected the sizes of sudoku, maze or arc, found {} tokens of {} kinds and {} puzzle identifiers",
        task.seq_len, task.vocab_size, task.num_puzzle_identifiers
    )]
    FolderTask {
        /// The folder.
        path: String,
        /// Its sizes.
        task: TaskShape,
    },
    /// A folder's split that is not one set of arrays.
    #[error("{path}: expected one set of arrays, found {found}")]
    FolderSets {
        /// The split's folder.
        path: String,
        /// Sets found.
        found: usize,
    },
    /// A test example that shows no board.
    #[error("{path}: example {example}, counted from 0, shows no board in the square's upper left corner")]
    FolderBoard {
        /// The split's folder.
        path: String,
        /// From 0.
        example: usize,
    },
    /// A group of a folder that does not begin with the original puzzle.
    #[error("{path}: expected the original first in group {group}, counted from 0, found the variant {found:?}")]
    FolderOriginal {
        /// The split's folder.
        path: String,
        /// From 0.
        group: usize,
        /// The name of what stands there.
        found: String,
    },
    /// An example of a folder that is no solved puzzle.
    #[error("{path}: example {example}, counted from 0: {problem}")]
    FolderPuzzle {
        /// The split's folder.
        path: String,
        /// From 0.
        example: usize,
        /// What was expected and what was found.
        #[source]
        problem: RowError,
    },
    /// Token sequences that do not fit their task.
    #[error(transparent)]
    Tokens(#[from] tokens::TokensError),
    /// A group whose puzzles have different numbers of examples.
    #[error("group {group}: expected {expected} examples in each of its puzzles, found one with {found}")]
    UnevenGroup {
        /// From 0.
        group: usize,
        /// Examples of its first puzzle.
        expected: usize,
        /// Examples of another.
        found: usize,
    },
    /// More validation puzzles asked for than are left.
    #[error("expected at most {left} puzzles for validation beside those trained on, found a wish for {wanted}")]
    Validation {
        /// Puzzles asked for.
        wanted: u32,
        /// Puzzles that are not trained on.
        left: usize,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

#[cfg(test)]
mod tests;
