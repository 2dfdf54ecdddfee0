//! One task from its JSON: `{"train": [{"input": grid, "output": grid}, …], "test": […]}`, a grid being an array of
//! rows of colours.

use super::{MAX_COLOUR, Pair, Test};
use hrm_types::board::{Board, BoardError};
use serde::Deserialize;

/// Most pairs in either part of a task. Published tasks have at most ten; this bounds what a file's tiny grids cost
/// in memory.
const MAX_PAIRS: usize = 100;

/// Longest message of the JSON parser that is shown whole; of longer ones so many characters are.
const LONGEST_MESSAGE: usize = 200;

/// Why a text is no task. Pairs, rows and columns count from 1.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Not JSON, or of other types than a task's; says the line and column.
    #[error("expected {{\"train\": [{{\"input\": rows, \"output\": rows}}, …], \"test\": […]}} as JSON: {0}")]
    Json(String),
    /// A part without pairs, or with too many.
    #[error("{part}: expected 1 to {MAX_PAIRS} pairs, found {found}")]
    Pairs {
        /// `train` or `test`.
        part: &'static str,
        /// Pairs found.
        found: usize,
    },
    /// A demonstration without output.
    #[error("train, pair {pair}: expected an output, found none")]
    NoOutput {
        /// From 1.
        pair: usize,
    },
    /// A grid that is no rectangle of 1 to 30 rows and columns.
    #[error("{part}, pair {pair}, {which}: {problem}")]
    Grid {
        /// `train` or `test`.
        part: &'static str,
        /// From 1.
        pair: usize,
        /// `input` or `output`.
        which: &'static str,
        /// What was expected and found.
        problem: BoardError,
    },
    /// A number that is no colour.
    #[error("{part}, pair {pair}, {which}, row {row}, column {column}: expected a colour from 0 to 9, found {found}")]
    Colour {
        /// `train` or `test`.
        part: &'static str,
        /// From 1.
        pair: usize,
        /// `input` or `output`.
        which: &'static str,
        /// From 1.
        row: usize,
        /// From 1.
        column: usize,
        /// The number.
        found: u8,
    },
}

/// The file's shape. Other keys are passed over: some published files also hold a `name`.
#[derive(Deserialize)]
struct RawTask {
    train: Vec<RawPair>,
    test: Vec<RawPair>,
}

#[derive(Deserialize)]
struct RawPair {
    input: Vec<Vec<u8>>,
    output: Option<Vec<Vec<u8>>>,
}

/// Demonstrations and tests of one file.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub(super) fn parse(text: &[u8]) -> Result<(Vec<Pair>, Vec<Test>), TaskError> {
    let raw: RawTask = serde_json::from_slice(text).map_err(|error| TaskError::Json(shortened(&error)))?;
    for (part, pairs) in [("train", &raw.train), ("test", &raw.test)] {
        if pairs.is_empty() || pairs.len() > MAX_PAIRS {
            return Err(TaskError::Pairs { part, found: pairs.len() });
        }
    }
    let demonstration = |(i, raw): (usize, &RawPair)| {
        let output = raw.output.as_ref().ok_or(TaskError::NoOutput { pair: i + 1 })?;
        Ok(Pair { input: board(&raw.input, "train", i, "input")?, output: board(output, "train", i, "output")? })
    };
    let test = |(i, raw): (usize, &RawPair)| {
        let output = raw.output.as_ref().map(|output| board(output, "test", i, "output")).transpose()?;
        Ok(Test { input: board(&raw.input, "test", i, "input")?, output })
    };
    let train = raw.train.iter().enumerate().map(demonstration).collect::<Result<_, TaskError>>()?;
    let test = raw.test.iter().enumerate().map(test).collect::<Result<_, TaskError>>()?;
    Ok((train, test))
}

/// What is wrong with the JSON, and where. The parser quotes the file, which may hold one text of megabytes.
fn shortened(error: &serde_json::Error) -> String {
    let message = error.to_string();
    if message.len() <= LONGEST_MESSAGE {
        return message;
    }
    let start: String = message.chars().take(LONGEST_MESSAGE).collect();
    format!("{start}… at line {} column {}", error.line(), error.column())
}

fn board(rows: &[Vec<u8>], part: &'static str, i: usize, which: &'static str) -> Result<Board, TaskError> {
    let pair = i + 1;
    let board = Board::from_rows(rows).map_err(|problem| TaskError::Grid { part, pair, which, problem })?;
    match board.cells().iter().position(|&cell| cell > MAX_COLOUR) {
        None => Ok(board),
        Some(at) => {
            let (row, column) = (at / usize::from(board.columns()) + 1, at % usize::from(board.columns()) + 1);
            Err(TaskError::Colour { part, pair, which, row, column, found: board.cells()[at] })
        }
    }
}
