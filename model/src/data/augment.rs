//! The symmetries of Sudoku: variants of a puzzle that are puzzles again, with the answer carried along.

use super::draw;
use hrm_types::sudoku::{Grid, PuzzleError, box_shape};
use rand_chacha::rand_core::Rng;

/// One symmetry of the grids of one side: digits renamed, bands and the rows within them reordered, stacks and the
/// columns within them reordered, and, where boxes are square, rows and columns perhaps exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symmetry {
    /// The new digit of each digit; blank stays blank.
    digits: [u8; 10],
    /// For each cell of the result, the cell it is taken from.
    origin: Vec<u8>,
}

impl Symmetry {
    /// Draws a symmetry of the grids of side 4, 6 or 9, every one equally likely.
    pub fn draw(side: u8, rng: &mut impl Rng) -> Self {
        let n = usize::from(side);
        let (box_rows, box_columns) = box_shape(side);
        let rows = lines(side, box_rows, rng);
        let columns = lines(side, box_columns, rng);
        let transpose = box_rows == box_columns && draw::below(rng, 2) == 1;
        let mut digits: [u8; 10] = std::array::from_fn(|digit| digit as u8);
        draw::shuffle(rng, &mut digits[1..=n]);
        let mut origin = Vec::with_capacity(n * n);
        for &row in &rows {
            for &column in &columns {
                let (row, column) = if transpose { (column, row) } else { (row, column) };
                origin.push(row * side + column);
            }
        }
        Self { digits, origin }
    }

    /// For each cell of the result the cell it is taken from, and the new number of each.
    pub fn into_parts(self) -> (Vec<u8>, [u8; 10]) {
        (self.origin, self.digits)
    }

    /// The variant of a question or an answer, as an iterator over cells.
    ///
    /// # Panics
    /// When `cells` is not a grid of the side this was drawn for.
    pub fn cells<'a>(&'a self, cells: &'a [u8]) -> impl ExactSizeIterator<Item = u8> + 'a {
        assert_eq!(cells.len(), self.origin.len(), "a symmetry of another side");
        self.origin.iter().map(|&cell| self.digits[usize::from(cells[usize::from(cell)])])
    }

    /// The variant of a grid.
    ///
    /// # Errors
    /// When the grid has another side than this was drawn for.
    pub fn apply(&self, grid: &Grid) -> Result<Grid, PuzzleError> {
        if grid.cells().len() != self.origin.len() {
            return Err(PuzzleError::Length { found: grid.cells().len() });
        }
        Grid::from_cells(self.cells(grid.cells()).collect())
    }
}

/// The rows (or columns) of a grid in a drawn order that keeps those of one box together.
fn lines(side: u8, per_box: u8, rng: &mut impl Rng) -> Vec<u8> {
    let mut groups: Vec<u8> = (0..side / per_box).collect();
    draw::shuffle(rng, &mut groups);
    let mut lines = Vec::with_capacity(usize::from(side));
    for group in groups {
        let start = lines.len();
        lines.extend(group * per_box..(group + 1) * per_box);
        draw::shuffle(rng, &mut lines[start..]);
    }
    lines
}

#[cfg(test)]
mod tests;
