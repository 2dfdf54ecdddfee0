//! ARC tasks: a few demonstrations of a transformation of coloured grids, and inputs whose outputs are to be found.

pub mod assign;
pub mod generate;
mod json;
mod load;
pub mod read;
mod tasks;
pub mod variant;
pub mod vote;

use hrm_types::board::Board;

pub use json::TaskError;
pub(in crate::data) use load::dataset;
pub use load::load_arc;
pub use tasks::{BLANK, Tasks, identifier, identifiers, named, of_dataset};

/// The highest colour; colours count from 0, which is black and stays black in every variant.
pub const MAX_COLOUR: u8 = 9;

/// Which of a collection's two sets a task belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// Every pair of it is trained on.
    Training,
    /// Its demonstrations are trained on, its test pairs evaluated on.
    Evaluation,
}

/// An input with its output.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// Before the transformation.
    pub input: Board,
    /// After it.
    pub output: Board,
}

/// A test input, with its output where that is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Test {
    /// Before the transformation.
    pub input: Board,
    /// After it; competitions publish tasks without.
    pub output: Option<Board>,
}

/// A task: one transformation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task {
    /// Its identifier, unique in a collection: the stem of its file's name.
    pub name: String,
    /// The set it belongs to.
    pub set: Set,
    /// Name of the folder its file lies in, empty for one outside any; `ConceptARC` files its tasks by concept.
    pub folder: String,
    /// The demonstrations, at least one.
    pub train: Vec<Pair>,
    /// The test inputs, at least one.
    pub test: Vec<Test>,
}

impl Task {
    /// Every grid: the demonstrations' inputs and outputs, then the tests'.
    pub fn boards(&self) -> impl Iterator<Item = &Board> {
        let demonstrations = self.train.iter().flat_map(|pair| [&pair.input, &pair.output]);
        demonstrations.chain(self.test.iter().flat_map(|test| [Some(&test.input), test.output.as_ref()]).flatten())
    }

    /// The longest side of any grid: that of the smallest square they all fit.
    pub fn longest_side(&self) -> u8 {
        self.boards().map(|board| board.rows().max(board.columns())).max().unwrap_or(0)
    }
}
