//! The kinds of puzzle, and their boards: rectangles of cells that are read from text and written as text.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Longest side of a maze or an ARC grid.
pub const MAX_SIDE: u8 = 30;

/// A kind of puzzle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Fill the blanks of a grid of side 4, 6 or 9. Cells: 0 blank, then the digits.
    #[default]
    Sudoku,
    /// Mark a shortest path from start to goal. Cells: 0 wall `#`, 1 free ` `, 2 start `S`, 3 goal `G`, 4 path `o`.
    Maze,
    /// Infer a transformation of coloured grids from demonstrations. Cells: colours 0 to 9.
    Arc,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sudoku, Self::Maze, Self::Arc];

    /// The name used in requests, files and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sudoku => "sudoku",
            Self::Maze => "maze",
            Self::Arc => "arc",
        }
    }

    /// Whether there are puzzles of this kind with this side; ARC's is that of the square its grids stand in.
    #[must_use]
    pub fn has_side(self, side: u8) -> bool {
        match self {
            Self::Sudoku => matches!(side, 4 | 6 | 9),
            Self::Maze | Self::Arc => (3..=MAX_SIDE).contains(&side),
        }
    }

    /// The sides [`Kind::has_side`] accepts, in words.
    #[must_use]
    pub fn sides(self) -> &'static str {
        match self {
            Self::Sudoku => "4, 6 or 9",
            Self::Maze | Self::Arc => "3 to 30",
        }
    }

    /// Attempts at a puzzle that a model can be given, each at another view of it: a Sudoku of side 9 has more than 10¹²
    /// symmetries, of which so many are enough; a maze can be turned and mirrored; what the variants of an ARC task mean,
    /// only the task says.
    #[must_use]
    pub fn most_attempts(self) -> u32 {
        match self {
            Self::Sudoku => 256,
            Self::Maze => 8,
            Self::Arc => 1,
        }
    }

    /// The character of a cell.
    fn symbol(self, cell: u8) -> char {
        match (self, cell) {
            (Self::Sudoku, 0) => '.',
            (Self::Maze, _) => MAZE_SYMBOLS.get(usize::from(cell)).map_or('?', |&symbol| char::from(symbol)),
            _ => char::from(b'0' + cell),
        }
    }

    /// The cell of a character.
    fn cell(self, symbol: char) -> Option<u8> {
        match self {
            Self::Sudoku if symbol == '.' => Some(0),
            Self::Maze => MAZE_SYMBOLS.iter().position(|&known| char::from(known) == symbol).map(|cell| cell as u8),
            Self::Sudoku | Self::Arc => symbol.to_digit(10).map(|digit| digit as u8),
        }
    }

    /// The characters of its cells, in words.
    #[must_use]
    pub fn symbols(self) -> &'static str {
        match self {
            Self::Sudoku => "a digit or .",
            Self::Maze => "#, space, S, G or o",
            Self::Arc => "0 to 9",
        }
    }
}

/// The characters of a maze's cells.
const MAZE_SYMBOLS: [u8; 5] = *b"# SGo";

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = BoardError;

    fn from_str(text: &str) -> Result<Self, BoardError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| BoardError::Kind { found: text.chars().take(40).collect() })
    }
}

/// A rectangle of cells, row by row; what a cell's number means is its [`Kind`]'s.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Board {
    rows: u8,
    columns: u8,
    cells: Vec<u8>,
}

/// Why a text or an array is no board.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BoardError {
    /// No kind of puzzle has this name.
    #[error("expected sudoku, maze or arc, found {found:?}")]
    Kind {
        /// The name.
        found: String,
    },
    /// No rows or columns, or too many.
    #[error("expected 1 to 30 rows and columns, found {rows} × {columns}")]
    Size {
        /// Rows found.
        rows: usize,
        /// Columns found.
        columns: usize,
    },
    /// A text of one line whose cells form no square.
    #[error("expected a square number of cells, found {found}")]
    NotSquare {
        /// Cells found.
        found: usize,
    },
    /// Rows of different lengths.
    #[error("expected {expected} cells in every row, found {found} in row {row}")]
    RowLength {
        /// 1-based.
        row: usize,
        /// Cells of the first row.
        expected: usize,
        /// Cells of that row.
        found: usize,
    },
    /// A character that stands for no cell.
    #[error("cell {position}: expected {expected}, found {found:?}")]
    Symbol {
        /// 1-based, counted through the rows.
        position: usize,
        /// The characters of this kind, in words.
        expected: &'static str,
        /// What stood there.
        found: char,
    },
}

impl Board {
    /// A board of this many rows and columns, 1 to 30 each.
    ///
    /// # Errors
    /// [`BoardError::Size`] when the numbers are out of range or not those of the cells.
    pub fn new(rows: u8, columns: u8, cells: Vec<u8>) -> Result<Self, BoardError> {
        let fits = (1..=MAX_SIDE).contains(&rows) && (1..=MAX_SIDE).contains(&columns);
        if !fits || cells.len() != usize::from(rows) * usize::from(columns) {
            return Err(BoardError::Size { rows: rows.into(), columns: columns.into() });
        }
        Ok(Self { rows, columns, cells })
    }

    /// A board from its rows.
    ///
    /// # Errors
    /// When the rows differ in length, or there are none or too many.
    pub fn from_rows(rows: &[Vec<u8>]) -> Result<Self, BoardError> {
        let columns = rows.first().map_or(0, Vec::len);
        if let Some((i, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != columns) {
            return Err(BoardError::RowLength { row: i + 1, expected: columns, found: row.len() });
        }
        let size = (u8::try_from(rows.len()), u8::try_from(columns));
        let (Ok(height), Ok(width)) = size else { return Err(BoardError::Size { rows: rows.len(), columns }) };
        Self::new(height, width, rows.concat())
    }

    /// A board from its text: the rows of an ARC grid parted by `/`, the cells of any other kind in one line.
    ///
    /// # Errors
    /// A character that is no cell of this kind, or a number of cells that forms no board.
    pub fn read(kind: Kind, text: &str) -> Result<Self, BoardError> {
        let mut position = 0;
        let mut row = |text: &str| -> Result<Vec<u8>, BoardError> {
            let cell = |symbol: char| {
                position += 1;
                let unknown = BoardError::Symbol { position, expected: kind.symbols(), found: symbol };
                kind.cell(symbol).ok_or(unknown)
            };
            text.chars().map(cell).collect()
        };
        if kind == Kind::Arc {
            let rows = text.split('/').map(row).collect::<Result<Vec<_>, _>>()?;
            return Self::from_rows(&rows);
        }
        let cells = row(text)?;
        match (1..=MAX_SIDE).find(|&side| usize::from(side) * usize::from(side) == cells.len()) {
            Some(side) => Self::new(side, side, cells),
            None => Err(BoardError::NotSquare { found: cells.len() }),
        }
    }

    /// The text that [`Board::read`] reads.
    #[must_use]
    pub fn text(&self, kind: Kind) -> String {
        let line = |cells: &[u8]| cells.iter().map(|&cell| kind.symbol(cell)).collect::<String>();
        match kind {
            Kind::Arc => self.cells.chunks(self.columns.into()).map(line).collect::<Vec<_>>().join("/"),
            Kind::Sudoku | Kind::Maze => line(&self.cells),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> u8 {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> u8 {
        self.columns
    }

    /// Cells row by row.
    #[must_use]
    pub fn cells(&self) -> &[u8] {
        &self.cells
    }

    /// The cell of a row and a column, from 0; nothing outside.
    #[must_use]
    pub fn get(&self, row: u8, column: u8) -> Option<u8> {
        let inside = row < self.rows && column < self.columns;
        inside.then(|| self.cells[usize::from(row) * usize::from(self.columns) + usize::from(column)])
    }
}

impl From<&crate::sudoku::Grid> for Board {
    fn from(grid: &crate::sudoku::Grid) -> Self {
        Self { rows: grid.side(), columns: grid.side(), cells: grid.cells().to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_what_it_writes() {
        for (kind, text, size) in [
            (Kind::Sudoku, "1.3.4321.......4", (4, 4)),
            (Kind::Maze, "####S ##oG####  ", (4, 4)),
            (Kind::Arc, "012/345", (2, 3)),
        ] {
            let board = Board::read(kind, text).expect(text);
            assert_eq!((board.rows(), board.columns()), size, "{text}");
            assert_eq!(board.text(kind), text);
        }
    }

    #[test]
    fn what_is_no_board_is_refused_by_name() {
        for (kind, text, message) in [
            (Kind::Maze, "###x", "cell 4: expected #, space, S, G or o, found 'x'"),
            (Kind::Maze, "#####", "expected a square number of cells, found 5"),
            (Kind::Sudoku, "", "expected a square number of cells, found 0"),
            (Kind::Arc, "012/34", "expected 3 cells in every row, found 2 in row 2"),
            (Kind::Arc, "", "expected 1 to 30 rows and columns, found 1 × 0"),
            (Kind::Arc, "0a", "cell 2: expected 0 to 9, found 'a'"),
        ] {
            let error = Board::read(kind, text).expect_err(text);
            assert_eq!(error.to_string(), message);
        }
        let wide = "0".repeat(31);
        assert!(matches!(Board::read(Kind::Arc, &wide), Err(BoardError::Size { rows: 1, columns: 31 })));
    }
}
