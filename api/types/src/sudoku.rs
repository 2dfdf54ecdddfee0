//! Sudoku grids of side 4, 6 and 9: parsing whatever people paste, and the rules.

use std::{fmt, str::FromStr};
use thiserror::Error;

/// A Sudoku grid, row by row; 0 is a blank cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grid {
    side: u8,
    cells: Vec<u8>,
}

/// Why a text or an array is not a puzzle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PuzzleError {
    /// Not 16, 36 or 81 cells.
    #[error("expected 16, 36 or 81 cells (side 4, 6 or 9), found {found}")]
    Length {
        /// Cells counted, formatting left out.
        found: usize,
    },
    /// A row of an array of another length than the number of rows.
    #[error("expected {expected} cells in every row, found {found} in row {row}")]
    RowLength {
        /// 1-based.
        row: usize,
        /// The number of rows.
        expected: usize,
        /// Cells in that row.
        found: usize,
    },
    /// A character that is neither a digit of this side nor a blank.
    #[error("row {row}, column {column}: expected 1 to {side}, or one of . 0 _ * for a blank, found {found:?}")]
    Symbol {
        /// 1-based.
        row: usize,
        /// 1-based.
        column: usize,
        /// The grid's side.
        side: u8,
        /// What stood there.
        found: String,
    },
    /// Two givens that the rules forbid together.
    #[error(
        "the givens contradict each other: {digit} stands twice in {unit}, at row {}, column {} and row {}, column {}",
        first.0, first.1, second.0, second.1
    )]
    Contradiction {
        /// The digit.
        digit: u8,
        /// The row, column or box, in words.
        unit: String,
        /// 1-based row and column.
        first: (usize, usize),
        /// 1-based row and column.
        second: (usize, usize),
    },
}

/// Rows and columns of one box: 2×2, 2×3 or 3×3.
#[must_use]
pub fn box_shape(side: u8) -> (u8, u8) {
    match side {
        4 => (2, 2),
        6 => (2, 3),
        _ => (3, 3),
    }
}

/// The side of a grid with that many cells.
fn side_of(cells: usize) -> Result<u8, PuzzleError> {
    match cells {
        16 => Ok(4),
        36 => Ok(6),
        81 => Ok(9),
        found => Err(PuzzleError::Length { found }),
    }
}

/// A row, column or box: its name and its cells.
struct Unit {
    name: String,
    cells: Vec<usize>,
}

fn units(side: u8) -> Vec<Unit> {
    let n = usize::from(side);
    let (box_rows, box_columns) = box_shape(side);
    let (box_rows, box_columns) = (usize::from(box_rows), usize::from(box_columns));
    let boxes_across = n / box_columns;
    let rows = (0..n).map(|r| Unit { name: format!("row {}", r + 1), cells: (0..n).map(|c| r * n + c).collect() });
    let columns =
        (0..n).map(|c| Unit { name: format!("column {}", c + 1), cells: (0..n).map(|r| r * n + c).collect() });
    let boxes = (0..n).map(|b| {
        let (top, left) = (b / boxes_across * box_rows, b % boxes_across * box_columns);
        Unit {
            name: format!("box {}", b + 1),
            cells: (0..n).map(|i| (top + i / box_columns) * n + left + i % box_columns).collect(),
        }
    });
    rows.chain(columns).chain(boxes).collect()
}

impl Grid {
    /// A grid from its cells, 0 for blank.
    ///
    /// # Errors
    /// When the number of cells is not 16, 36 or 81, or a cell holds more than the side.
    pub fn from_cells(cells: Vec<u8>) -> Result<Self, PuzzleError> {
        let side = side_of(cells.len())?;
        let n = usize::from(side);
        match cells.iter().position(|&digit| digit > side) {
            Some(i) => {
                Err(PuzzleError::Symbol { row: i / n + 1, column: i % n + 1, side, found: cells[i].to_string() })
            }
            None => Ok(Self { side, cells }),
        }
    }

    /// A grid from rows; blanks may be 0.
    ///
    /// # Errors
    /// When the rows do not form a square of side 4, 6 or 9, or a cell holds more than the side.
    pub fn from_rows(rows: &[Vec<u8>]) -> Result<Self, PuzzleError> {
        let expected = rows.len();
        if let Some((i, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != expected) {
            return Err(PuzzleError::RowLength { row: i + 1, expected, found: row.len() });
        }
        Self::from_cells(rows.concat())
    }

    /// Side: 4, 6 or 9.
    pub fn side(&self) -> u8 {
        self.side
    }

    /// Cells row by row, 0 for blank.
    pub fn cells(&self) -> &[u8] {
        &self.cells
    }

    /// Number of cells that are not blank.
    pub fn givens(&self) -> usize {
        self.cells.iter().filter(|&&digit| digit != 0).count()
    }

    /// Cells as rows.
    pub fn rows(&self) -> Vec<Vec<u8>> {
        self.cells.chunks(usize::from(self.side)).map(<[u8]>::to_vec).collect()
    }

    /// The first pair of equal digits in one row, column or box.
    ///
    /// # Errors
    /// Names the digit, the unit and both cells.
    pub fn check_givens(&self) -> Result<(), PuzzleError> {
        match self.contradictions().into_iter().next() {
            Some(contradiction) => Err(contradiction),
            None => Ok(()),
        }
    }

    /// Every pair of equal digits that share a row, column or box, as [`PuzzleError::Contradiction`].
    pub fn contradictions(&self) -> Vec<PuzzleError> {
        let n = usize::from(self.side);
        let place = |i: usize| (i / n + 1, i % n + 1);
        let mut found = Vec::new();
        for unit in units(self.side) {
            let mut seen = vec![None; n + 1];
            for &i in &unit.cells {
                let digit = self.cells[i];
                match seen[usize::from(digit)] {
                    _ if digit == 0 => {}
                    Some(first) => found.push(PuzzleError::Contradiction {
                        digit,
                        unit: unit.name.clone(),
                        first: place(first),
                        second: place(i),
                    }),
                    None => seen[usize::from(digit)] = Some(i),
                }
            }
        }
        found
    }

    /// Cells (0-based) that stand in some contradiction, ascending.
    pub fn conflicting_cells(&self) -> Vec<usize> {
        let n = usize::from(self.side);
        let mut cells: Vec<usize> = self
            .contradictions()
            .iter()
            .flat_map(|error| match error {
                PuzzleError::Contradiction { first, second, .. } => {
                    vec![(first.0 - 1) * n + first.1 - 1, (second.0 - 1) * n + second.1 - 1]
                }
                _ => vec![],
            })
            .collect();
        cells.sort_unstable();
        cells.dedup();
        cells
    }

    /// What keeps `self` from being a valid solution of `puzzle`, every breach once; empty if it is one.
    pub fn violations(&self, puzzle: &Grid) -> Vec<String> {
        if self.side != puzzle.side {
            return vec![format!("expected side {}, found {}", puzzle.side, self.side)];
        }
        let n = usize::from(self.side);
        let place = |i: usize| format!("row {}, column {}", i / n + 1, i % n + 1);
        let blanks = (0..n * n).filter(|&i| self.cells[i] == 0).map(|i| format!("{} is blank", place(i)));
        let changed = (0..n * n)
            .filter(|&i| puzzle.cells[i] != 0 && puzzle.cells[i] != self.cells[i])
            .map(|i| format!("{}: the given {} became {}", place(i), puzzle.cells[i], self.cells[i]));
        let mut doubled = Vec::new();
        for error in self.contradictions() {
            let words = match error {
                PuzzleError::Contradiction { digit, unit, .. } => format!("{digit} stands twice in {unit}"),
                other => other.to_string(),
            };
            // A digit that stands there three times makes two pairs.
            if !doubled.contains(&words) {
                doubled.push(words);
            }
        }
        blanks.chain(changed).chain(doubled).collect()
    }

    /// Whether `self` is a valid solution of `puzzle`.
    pub fn solves(&self, puzzle: &Grid) -> bool {
        self.violations(puzzle).is_empty()
    }
}

impl FromStr for Grid {
    type Err = PuzzleError;

    /// Reads 16, 36 or 81 cells; `.`, `0`, `_`, `*`, `x` and `X` are blanks.
    /// Spaces, line ends and the strokes of a drawn grid (`|`, `-`, `+`, `,`) are formatting.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let symbols: Vec<char> =
            text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '|' | '-' | '+' | ',')).collect();
        let side = side_of(symbols.len())?;
        let n = usize::from(side);
        let cells = symbols.iter().enumerate().map(|(i, &symbol)| match symbol {
            '.' | '0' | '_' | '*' | 'x' | 'X' => Ok(0),
            _ => symbol
                .to_digit(10)
                .and_then(|digit| u8::try_from(digit).ok())
                .filter(|&digit| digit <= side)
                .ok_or_else(|| PuzzleError::Symbol {
                    row: i / n + 1,
                    column: i % n + 1,
                    side,
                    found: symbol.to_string(),
                }),
        });
        Ok(Self { side, cells: cells.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Grid {
    /// One line, `.` for blanks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cells.iter().try_for_each(|&digit| match digit {
            0 => f.write_str("."),
            _ => write!(f, "{digit}"),
        })
    }
}

#[cfg(test)]
mod tests;
