//! Mazes as people write them: read from text, and checked before a model is asked.

use crate::board::{Board, MAX_SIDE};
use thiserror::Error;

/// A cell to walk on.
pub const FREE: u8 = 1;
/// Where the path begins.
pub const START: u8 = 2;
/// Where it ends.
pub const GOAL: u8 = 3;
/// A cell of the answer's path between them.
pub const PATH: u8 = 4;

/// Why a text or an array is no maze.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MazeError {
    /// Not as many rows as columns, or too few or too many.
    #[error("expected a square of 3 to {MAX_SIDE} rows and columns, found {rows} × {columns}")]
    Size {
        /// Rows found.
        rows: usize,
        /// Columns of the first row.
        columns: usize,
    },
    /// A text of one line whose cells form no square.
    #[error("expected a square number of cells, found {found}; write a maze of several lines with line breaks")]
    NotSquare {
        /// Cells found.
        found: usize,
    },
    /// Rows of different lengths.
    #[error("row {row}: expected {expected} cells as in the first row, found {found}; a free cell may be written as .")]
    RowLength {
        /// 1-based.
        row: usize,
        /// Cells of the first row.
        expected: usize,
        /// Cells of that row.
        found: usize,
    },
    /// A character or a number that stands for no cell of a question.
    #[error("row {row}, column {column}: expected # for a wall, a space or . for a free cell, S or G, found {found:?}")]
    Symbol {
        /// 1-based.
        row: usize,
        /// 1-based.
        column: usize,
        /// What stood there.
        found: String,
    },
    /// No start or goal, or several.
    #[error("expected one {name} ({symbol}), found {found}")]
    Ends {
        /// `start` or `goal`.
        name: &'static str,
        /// `S` or `G`.
        symbol: char,
        /// How many there are.
        found: usize,
    },
}

/// Reads a maze from its rows, or from one line of side² cells; `.` is a free cell, too. The ends are not checked.
///
/// # Errors
/// A character that is no cell of a question, with its place, or rows that form no square.
pub fn read(text: &str) -> Result<Board, MazeError> {
    let mut lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    while lines.len() > 1 && lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(0);
    let lines = &lines[first..];
    if let [line] = lines {
        let cells: Vec<char> = line.chars().collect();
        let side = (1..=usize::from(MAX_SIDE)).find(|side| side * side == cells.len());
        let side = side.ok_or(MazeError::NotSquare { found: cells.len() })?;
        return of_rows(&cells.chunks(side).map(|row| row.iter().copied().map(cell).collect()).collect::<Vec<_>>());
    }
    of_rows(&lines.iter().map(|line| line.chars().map(cell).collect()).collect::<Vec<_>>())
}

/// A maze from rows of cells' numbers.
///
/// # Errors
/// As [`read`].
pub fn of_numbers(rows: &[Vec<u8>]) -> Result<Board, MazeError> {
    let number = |&cell: &u8| if cell <= GOAL { Ok(cell) } else { Err(cell.to_string()) };
    of_rows(&rows.iter().map(|row| row.iter().map(number).collect()).collect::<Vec<_>>())
}

/// A character's cell, or what stands there instead.
fn cell(symbol: char) -> Result<u8, String> {
    match symbol {
        '#' => Ok(0),
        ' ' | '.' => Ok(FREE),
        'S' | 's' => Ok(START),
        'G' | 'g' => Ok(GOAL),
        other => Err(other.to_string()),
    }
}

fn of_rows(rows: &[Vec<Result<u8, String>>]) -> Result<Board, MazeError> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut cells = Vec::with_capacity(rows.len() * columns);
    for (r, row) in rows.iter().enumerate() {
        for (c, cell) in row.iter().enumerate() {
            match cell {
                Ok(cell) => cells.push(*cell),
                Err(found) => return Err(MazeError::Symbol { row: r + 1, column: c + 1, found: found.clone() }),
            }
        }
        if row.len() != columns {
            return Err(MazeError::RowLength { row: r + 1, expected: columns, found: row.len() });
        }
    }
    let size = MazeError::Size { rows: rows.len(), columns };
    if rows.len() != columns || !(3..=usize::from(MAX_SIDE)).contains(&columns) {
        return Err(size);
    }
    Board::new(columns as u8, columns as u8, cells).map_err(|_| size)
}

/// Checks that there is one start and one goal.
///
/// # Errors
/// [`MazeError::Ends`].
pub fn check_ends(maze: &Board) -> Result<(), MazeError> {
    for (end, name, symbol) in [(START, "start", 'S'), (GOAL, "goal", 'G')] {
        let found: usize = maze.cells().iter().map(|&cell| usize::from(cell == end)).sum();
        if found != 1 {
            return Err(MazeError::Ends { name, symbol, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Kind;

    #[test]
    fn a_maze_is_read_from_rows_and_from_one_line() {
        for text in ["S #\n.##\n..G", "\nS #\r\n ##\n  G\n\n", "S # ##  G"] {
            assert_eq!(read(text).expect(text).text(Kind::Maze), "S # ##  G", "{text:?}");
        }
        assert_eq!(
            of_numbers(&[vec![2, 1, 0], vec![1, 0, 0], vec![1, 1, 3]]).expect("rows"),
            read("S # ##  G").expect("text")
        );
    }

    #[test]
    fn what_is_no_maze_is_told_with_its_place() {
        let check = |text: &str, says: &str| {
            let error = read(text).and_then(|maze| check_ends(&maze)).expect_err(text).to_string();
            assert!(error.starts_with(says), "{text:?}: {error}");
        };
        check(
            "S #\n#x#\n..G",
            "row 2, column 2: expected # for a wall, a space or . for a free cell, S or G, found \"x\"",
        );
        check("So#\n###\n..G", "row 1, column 2: expected");
        check("S #\n##\n..G", "row 2: expected 3 cells as in the first row, found 2");
        check("S #\n##G", "expected a square of 3 to 30 rows and columns, found 2 × 3");
        check("S#G", "expected a square number of cells, found 3");
        check("", "expected a square number of cells, found 0");
        check("  #\n###\n..G", "expected one start (S), found 0");
        check("S #\n###\n...", "expected one goal (G), found 0");
        check("S S\n###\n..G", "expected one start (S), found 2");
        assert!(of_numbers(&[vec![4; 3], vec![1; 3], vec![1; 3]]).is_err(), "a path is no part of a question");
    }
}
