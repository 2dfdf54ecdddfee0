//! A puzzle as people send it, read as the question that a model is asked.

use crate::{
    board::{Board, BoardError, Kind},
    maze::{self, MazeError},
    solve::{ArcPair, ArcTask, PuzzleInput},
    sudoku::{Grid, PuzzleError},
};
use std::fmt;
use thiserror::Error;

/// Most pairs in either part of an ARC task; published tasks have at most ten.
const MAX_PAIRS: usize = 100;

/// Most characters of a task's name.
const MAX_NAME: usize = 64;

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The kind of puzzle.
    pub kind: Kind,
    /// What is given.
    pub board: Board,
    /// ARC: the output, where it is known. No model is shown it.
    pub expected: Option<Board>,
    /// ARC: the task's name.
    pub task: Option<String>,
}

/// Why what was sent is no question.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuestionError {
    /// No Sudoku, or one whose givens contradict each other.
    #[error(transparent)]
    Sudoku(#[from] PuzzleError),
    /// No maze.
    #[error(transparent)]
    Maze(#[from] MazeError),
    /// A grid of an ARC task that is none.
    #[error("{place}: {problem}")]
    Grid {
        /// Which one, in words.
        place: String,
        /// What was expected and found.
        problem: BoardError,
    },
    /// A number that is no colour.
    #[error("{place}, row {row}, column {column}: expected a colour from 0 to 9, found {found}")]
    Colour {
        /// Which grid, in words.
        place: String,
        /// From 1.
        row: usize,
        /// From 1.
        column: usize,
        /// The number.
        found: u8,
    },
    /// A part of an ARC task with too many pairs, or a test without any.
    #[error("{part}: expected {least} to {MAX_PAIRS} pairs, found {found}")]
    Pairs {
        /// `train` or `test`.
        part: &'static str,
        /// Fewest pairs.
        least: usize,
        /// Pairs found.
        found: usize,
    },
    /// A test input that the task does not have.
    #[error("expected one of the task's {tests} test inputs, counted from 0, found {found}")]
    TestInput {
        /// How many it has.
        tests: usize,
        /// The one that was asked for.
        found: usize,
    },
    /// A task's name that is none.
    #[error("task: expected a name of 1 to {MAX_NAME} characters, found {found}")]
    Name {
        /// Characters found.
        found: usize,
    },
    /// A shape that this kind of puzzle does not come in.
    #[error("expected {expected}, found {found}")]
    Shape {
        /// What this kind comes in.
        expected: &'static str,
        /// What was sent.
        found: &'static str,
    },
}

/// A kind of puzzle and a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The kind.
    pub kind: Kind,
    /// The longest side.
    pub side: u8,
}

impl Size {
    /// Whether a model of this kind and side takes it: an ARC grid may be smaller than the square it stands in.
    #[must_use]
    pub fn fits(self, kind: &str, side: u8) -> bool {
        kind == self.kind.as_str() && (side == self.side || self.kind == Kind::Arc && side > self.side)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Arc => write!(f, "ARC grids of side {}", self.side),
            kind => write!(f, "a {kind} of side {}", self.side),
        }
    }
}

impl Question {
    /// Its kind and size.
    #[must_use]
    pub fn size(&self) -> Size {
        Size { kind: self.kind, side: self.side() }
    }

    /// The longest side of what is given.
    #[must_use]
    pub fn side(&self) -> u8 {
        self.board.rows().max(self.board.columns())
    }
}

impl PuzzleInput {
    /// The kind of puzzle that was sent: an object is an ARC task, a text with `#`, `S` or `G` a maze, all else a Sudoku.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let is_maze = |text: &str| text.contains(['#', 'S', 'G']);
        match self {
            Self::Task(_) => Kind::Arc,
            Self::Text(text) if is_maze(text) => Kind::Maze,
            Self::Lines(lines) if lines.iter().any(|line| is_maze(line)) => Kind::Maze,
            _ => Kind::Sudoku,
        }
    }

    /// The question this stands for, checked as far as its rules go without a search; of an ARC task the one about its
    /// test input `test_input`, from 0.
    ///
    /// # Errors
    /// What was expected, what was found, and where.
    pub fn question(&self, kind: Option<Kind>, test_input: usize) -> Result<Question, QuestionError> {
        // Editors of some systems put a byte order mark before a text.
        if let Self::Text(text) = self
            && let Some(text) = text.strip_prefix('\u{feff}')
        {
            return Self::Text(text.to_owned()).question(kind, test_input);
        }
        let kind = kind.unwrap_or_else(|| self.kind());
        let of = |board| Question { kind, board, expected: None, task: None };
        match (kind, self) {
            (Kind::Arc, Self::Task(task)) => task.question(test_input),
            (_, Self::Task(_)) => Err(QuestionError::Shape { expected: "a text or rows", found: "an ARC task" }),
            (Kind::Sudoku, _) => {
                let grid = self.grid()?;
                grid.check_givens()?;
                Ok(of(Board::from(&grid)))
            }
            (Kind::Maze, _) => {
                let maze = self.maze()?;
                maze::check_ends(&maze)?;
                Ok(of(maze))
            }
            (Kind::Arc, Self::Rows(rows)) => Ok(of(colours(&filled(rows, 0), "the input")?)),
            (Kind::Arc, Self::Text(text)) => Ok(of(arc_text(text)?)),
            (Kind::Arc, Self::Lines(lines)) => Ok(of(arc_text(&lines.join("/"))?)),
        }
    }

    fn maze(&self) -> Result<Board, MazeError> {
        match self {
            Self::Text(text) => maze::read(text),
            Self::Lines(lines) => maze::read(&lines.join("\n")),
            Self::Rows(rows) => maze::of_numbers(&filled(rows, maze::FREE)),
            Self::Task(_) => Err(MazeError::NotSquare { found: 0 }),
        }
    }

    /// The Sudoku this stands for; its givens are not checked against the rules.
    fn grid(&self) -> Result<Grid, PuzzleError> {
        match self {
            Self::Text(text) => text.parse(),
            Self::Lines(lines) => lines.concat().parse(),
            Self::Rows(rows) => Grid::from_rows(&filled(rows, 0)),
            Self::Task(_) => Err(PuzzleError::Length { found: 0 }),
        }
    }
}

/// Rows whose absent cells are blank.
fn filled(rows: &[Vec<Option<u8>>], blank: u8) -> Vec<Vec<u8>> {
    rows.iter().map(|row| row.iter().map(|cell| cell.unwrap_or(blank)).collect()).collect()
}

fn arc_text(text: &str) -> Result<Board, QuestionError> {
    Board::read(Kind::Arc, text).map_err(|problem| QuestionError::Grid { place: "the input".into(), problem })
}

impl ArcTask {
    /// The question about a test input, from 0, with every grid of the task checked.
    fn question(&self, test_input: usize) -> Result<Question, QuestionError> {
        for (part, least, pairs) in [("train", 0, &self.train), ("test", 1, &self.test)] {
            if !(least..=MAX_PAIRS).contains(&pairs.len()) {
                return Err(QuestionError::Pairs { part, least, found: pairs.len() });
            }
            for (i, pair) in pairs.iter().enumerate() {
                pair.boards(part, i)?;
            }
        }
        if let Some(name) = self.task.as_ref().filter(|name| !(1..=MAX_NAME).contains(&name.chars().count())) {
            return Err(QuestionError::Name { found: name.chars().count() });
        }
        let missing = QuestionError::TestInput { tests: self.test.len(), found: test_input };
        let (board, expected) = self.test.get(test_input).ok_or(missing)?.boards("test", test_input)?;
        Ok(Question { kind: Kind::Arc, board, expected, task: self.task.clone() })
    }
}

impl ArcPair {
    /// Input and output of pair `i`, from 0.
    fn boards(&self, part: &str, i: usize) -> Result<(Board, Option<Board>), QuestionError> {
        let board = |rows: &[Vec<u8>], which: &str| colours(rows, &format!("{part}, pair {}, {which}", i + 1));
        let output = self.output.as_ref().map(|rows| board(rows, "output")).transpose()?;
        Ok((board(&self.input, "input")?, output))
    }
}

/// A grid of colours; `place` says in words which one.
fn colours(rows: &[Vec<u8>], place: &str) -> Result<Board, QuestionError> {
    let board = Board::from_rows(rows).map_err(|problem| QuestionError::Grid { place: place.into(), problem })?;
    match board.cells().iter().position(|&cell| cell > 9) {
        None => Ok(board),
        Some(at) => {
            let columns = usize::from(board.columns());
            let (row, column) = (at / columns + 1, at % columns + 1);
            Err(QuestionError::Colour { place: place.into(), row, column, found: board.cells()[at] })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, kind: Option<Kind>) -> Result<Question, QuestionError> {
        serde_json::from_str::<PuzzleInput>(json).expect(json).question(kind, 0)
    }

    #[test]
    fn every_kind_is_known_by_its_shape() {
        for (json, kind, text) in [
            (r#""12..34...1.4.3..""#, Kind::Sudoku, "12..34...1.4.3.."),
            (r#"["S #", ".##", "..G"]"#, Kind::Maze, "S # ##  G"),
            (r#"{"test": [{"input": [[0, 1], [2, 3]]}]}"#, Kind::Arc, "01/23"),
            (
                r#"{"name": "a", "train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]]}]}"#,
                Kind::Arc,
                "3",
            ),
        ] {
            let question = read(json, None).expect(json);
            assert_eq!((question.kind, question.board.text(kind).as_str()), (kind, text), "{json}");
        }
        let bare = read("[[5, 0], [0, 5]]", Some(Kind::Arc)).expect("a grid alone");
        assert_eq!(bare.board.text(Kind::Arc), "50/05");
        let known = read(r#"{"task": "t", "test": [{"input": [[0]], "output": [[7]]}]}"#, None).expect("a task");
        assert_eq!(
            (known.task.as_deref(), known.expected.map(|board| board.text(Kind::Arc))),
            (Some("t"), Some("7".into()))
        );
    }

    #[test]
    fn what_is_wrong_with_a_task_is_told_with_its_place() {
        for (json, says) in [
            (r#"{"test": []}"#, "test: expected 1 to 100 pairs, found 0"),
            (
                r#"{"test": [{"input": [[0, 1], [2]]}]}"#,
                "test, pair 1, input: expected 2 cells in every row, found 1 in row 2",
            ),
            (
                r#"{"train": [{"input": [[0]], "output": [[0, 12]]}], "test": [{"input": [[0]]}]}"#,
                "train, pair 1, output, row 1, column 2: expected a colour from 0 to 9, found 12",
            ),
            (r#"{"task": "", "test": [{"input": [[0]]}]}"#, "task: expected a name of 1 to 64 characters, found 0"),
        ] {
            assert_eq!(read(json, None).expect_err(json).to_string(), says);
        }
        let marked = PuzzleInput::Text("\u{feff}1...............".into());
        assert_eq!(marked.question(None, 0).expect("a byte order mark is no cell").board.cells()[0], 1);
        let one: PuzzleInput = serde_json::from_str(r#"{"test": [{"input": [[0]]}]}"#).expect("a task");
        let error = one.question(None, 1).expect_err("there is one test input").to_string();
        assert_eq!(error, "expected one of the task's 1 test inputs, counted from 0, found 1");
        assert!(one.question(Some(Kind::Maze), 0).is_err());
    }

    #[test]
    fn a_model_takes_its_own_side_and_arc_whatever_fits_in() {
        let arc = read("[[5, 0], [0, 5]]", Some(Kind::Arc)).expect("a grid");
        assert!(
            arc.size().fits("arc", 2)
                && arc.size().fits("arc", 30)
                && !arc.size().fits("arc", 1)
                && !arc.size().fits("maze", 2)
        );
        let maze = read(r#""S # ##  G""#, None).expect("a maze");
        assert!(maze.size().fits("maze", 3) && !maze.size().fits("maze", 9));
    }
}
