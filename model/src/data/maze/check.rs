//! Whether an answer marks one shortest path of its question and leaves everything else as it was.

use super::{FREE, GOAL, PATH, START, UNREACHED, WALL, distances, ends, neighbours};
use hrm_types::board::{Board, Kind};

/// Why an answer does not solve a maze. Rows and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The question has another number of starts or goals than one each.
    #[error("question: expected one S and one G, found {starts} and {goals}")]
    Ends {
        /// Cells `S`.
        starts: usize,
        /// Cells `G`.
        goals: usize,
    },
    /// The question has a cell that is no maze's, or a path already.
    #[error("question, row {row}, column {column}: expected #, space, S or G, found {found:?}")]
    Question {
        /// From 1.
        row: usize,
        /// From 1.
        column: usize,
        /// What stood there.
        found: char,
    },
    /// No way leads from start to goal.
    #[error("question: expected a path from S to G, found none")]
    NoPath,
    /// The boards differ in size.
    #[error("answer: expected {expected_rows} × {expected_columns} cells, found {rows} × {columns}")]
    Size {
        /// Rows of the question.
        expected_rows: u8,
        /// Columns of the question.
        expected_columns: u8,
        /// Rows of the answer.
        rows: u8,
        /// Columns of the answer.
        columns: u8,
    },
    /// A cell that is neither the question's nor a path over a free one.
    #[error("answer, row {row}, column {column}: expected {expected}, found {found:?}")]
    Cell {
        /// From 1.
        row: usize,
        /// From 1.
        column: usize,
        /// What may stand there.
        expected: &'static str,
        /// What stood there.
        found: char,
    },
    /// A path cell on no shortest path.
    #[error(
        "answer, row {row}, column {column}: expected a shortest path of {moves} moves, \
         found 'o' where the shortest takes {through}"
    )]
    Detour {
        /// From 1.
        row: usize,
        /// From 1.
        column: usize,
        /// Moves of a shortest path.
        moves: u32,
        /// Moves of a shortest path through this cell.
        through: u32,
    },
    /// A path cell that cannot be reached.
    #[error("answer, row {row}, column {column}: expected a path from S to G, found 'o' where none leads")]
    Apart {
        /// From 1.
        row: usize,
        /// From 1.
        column: usize,
    },
    /// Two cells that are the same number of moves from the start, so that one is too many.
    #[error("answer, row {row}, column {column}: expected one path, found a second cell {step} moves from S")]
    Branch {
        /// Of the later one in reading order, from 1.
        row: usize,
        /// From 1.
        column: usize,
        /// Moves from the start.
        step: u32,
    },
    /// The path breaks off.
    #[error("answer, row {row}, column {column}: expected the path to go on to 'o' beside it, found none")]
    Gap {
        /// Of the last cell before the gap, from 1.
        row: usize,
        /// From 1.
        column: usize,
    },
}

/// Whether `answer` is `question` with the inner cells of one shortest path marked.
pub fn is_any_optimal(question: &Board, answer: &Board) -> bool {
    check_answer(question, answer).is_ok()
}

/// Checks that `answer` is `question` with the inner cells of one shortest path from start to goal marked: that
/// path's cells other than its ends are path, every other cell is the question's.
///
/// # Errors
/// What is wrong first: with the question, then with a single cell in reading order, then with the path from the
/// start on.
pub fn check_answer(question: &Board, answer: &Board) -> Result<(), AnswerError> {
    let (start, goal) = ends_of(question)?;
    let distance = distances(question, start);
    if distance[goal] == UNREACHED {
        return Err(AnswerError::NoPath);
    }
    if (answer.rows(), answer.columns()) != (question.rows(), question.columns()) {
        return Err(AnswerError::Size {
            expected_rows: question.rows(),
            expected_columns: question.columns(),
            rows: answer.rows(),
            columns: answer.columns(),
        });
    }
    check_cells(question, answer)?;
    check_path(question, answer, &distance, (start, goal))
}

fn ends_of(question: &Board) -> Result<(usize, usize), AnswerError> {
    if let Some((at, &cell)) = question.cells().iter().enumerate().find(|&(_, &cell)| cell > GOAL) {
        let (row, column) = place(question, at);
        return Err(AnswerError::Question { row, column, found: symbol(cell) });
    }
    let count = |wanted: u8| question.cells().iter().map(|&cell| usize::from(cell == wanted)).sum();
    ends(question).ok_or_else(|| AnswerError::Ends { starts: count(START), goals: count(GOAL) })
}

/// Every cell is the question's, or a path over a free one.
fn check_cells(question: &Board, answer: &Board) -> Result<(), AnswerError> {
    let pairs = question.cells().iter().zip(answer.cells());
    for (at, (&asked, &found)) in pairs.enumerate() {
        if asked == found || (asked == FREE && found == PATH) {
            continue;
        }
        let expected = match asked {
            WALL => "'#' as in the question",
            START => "'S' as in the question",
            GOAL => "'G' as in the question",
            _ => "' ' as in the question or 'o'",
        };
        let (row, column) = place(answer, at);
        return Err(AnswerError::Cell { row, column, expected, found: symbol(found) });
    }
    Ok(())
}

/// The marked cells are those of one shortest path; `distance` is from the start.
fn check_path(
    question: &Board,
    answer: &Board,
    distance: &[u32],
    (start, goal): (usize, usize),
) -> Result<(), AnswerError> {
    let moves = distance[goal];
    let to_goal = distances(question, goal);
    // The marked cell at each number of moves from the start.
    let mut path = vec![None; moves as usize];
    for (at, _) in answer.cells().iter().enumerate().filter(|&(_, &cell)| cell == PATH) {
        let (row, column) = place(answer, at);
        if distance[at] == UNREACHED {
            return Err(AnswerError::Apart { row, column });
        }
        let through = distance[at] + to_goal[at];
        if through != moves {
            return Err(AnswerError::Detour { row, column, moves, through });
        }
        let step = distance[at];
        if path[step as usize].replace(at).is_some() {
            return Err(AnswerError::Branch { row, column, step });
        }
    }
    let mut last = start;
    for next in path.into_iter().skip(1) {
        match next {
            Some(next) if neighbours(question, last).any(|beside| beside == next) => last = next,
            _ => {
                let (row, column) = place(answer, last);
                return Err(AnswerError::Gap { row, column });
            }
        }
    }
    Ok(())
}

/// Row and column of a cell, from 1.
fn place(board: &Board, at: usize) -> (usize, usize) {
    let columns = usize::from(board.columns());
    (at / columns + 1, at % columns + 1)
}

/// The character of a cell, `?` for a number that is no maze's cell.
fn symbol(cell: u8) -> char {
    let one = Board::new(1, 1, vec![cell]).map(|board| board.text(Kind::Maze));
    one.ok().and_then(|text| text.chars().next()).unwrap_or('?')
}
