//! Canonical forms of Sudoku: the least image of a grid, and of a puzzle, under every symmetry of its side.
//!
//! The symmetries rename digits, reorder bands and the rows in them, stacks and the columns in them, and, where boxes
//! are square, exchange rows and columns: 9! · 3,359,232 of them for side 9. Two grids are equivalent exactly when
//! their least images are equal. A puzzle with one solution is equivalent to another exactly when the least images of
//! their solutions are equal and so are the least patterns of givens among the symmetries that lead there.
//!
//! Not all of them have to be tried. In the least image the first row is 1, 2, 3, …, so that the row and the columns
//! that come first decide the names of all digits; the second row's start must grow, which decides the order of the
//! first stack's columns; and the first column decides the order of all other rows. For side 9 what is left are 7,776
//! candidates, most of which lose in the first cells of the second row.

use hrm_types::sudoku::box_shape;
use sha2::{Digest, Sha256};
use std::{cmp::Ordering, sync::LazyLock};

/// Most cells of a grid, and most cells of a row.
const CELLS: usize = 81;
const SIDE: usize = 9;

/// The digests of a puzzle's canonical forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SudokuForms {
    /// Equal for equivalent puzzles and, as far as SHA-256 tells, for no others.
    pub puzzle: [u8; 32],
    /// Equal for equivalent solutions and, as far as SHA-256 tells, for no others.
    pub grid: [u8; 32],
}

/// The forms of a puzzle: cells row by row, blanks of the question 0. The answer is a whole grid that keeps to the
/// rules; of a puzzle with several solutions the form is that of the pair.
///
/// # Panics
/// When `side` is not 4, 6 or 9, or a grid has another number of cells or digits above the side.
pub fn sudoku(question: &[u8], answer: &[u8], side: u8) -> SudokuForms {
    let least = Search::new(question, answer, side).least();
    let cells = usize::from(side) * usize::from(side);
    let digest = |pattern: &[u8]| {
        let mut hash = Sha256::new();
        hash.update(b"sudoku");
        hash.update([side]);
        hash.update(&least.grid[..cells]);
        hash.update(pattern);
        hash.finalize().into()
    };
    SudokuForms { puzzle: digest(&least.givens.to_le_bytes()), grid: digest(&[]) }
}

/// [`SudokuForms::puzzle`] alone.
///
/// # Panics
/// As [`sudoku`].
pub fn sudoku_puzzle(question: &[u8], answer: &[u8], side: u8) -> [u8; 32] {
    sudoku(question, answer, side).puzzle
}

/// [`SudokuForms::grid`] alone.
///
/// # Panics
/// As [`sudoku`].
pub fn sudoku_grid(answer: &[u8], side: u8) -> [u8; 32] {
    sudoku(answer, answer, side).grid
}

/// A least image.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Least {
    grid: [u8; CELLS],
    /// The least of the patterns that belong to it: a bit for each cell, set for a given.
    givens: u128,
    /// Symmetries that lead to it: the grid's own.
    symmetries: u32,
}

/// A grid in one of its two orientations.
struct Oriented {
    answer: [u8; CELLS],
    given: [bool; CELLS],
}

struct Search {
    side: usize,
    /// Rows of a box, and of a band.
    box_rows: usize,
    /// Columns of a box, and of a stack.
    box_columns: usize,
    orientations: Vec<Oriented>,
    /// Every order of the stacks with every order of the columns in all but the first of them.
    columns: &'static [[usize; SIDE]],
}

/// The orders of columns of sides 4, 6 and 9.
static COLUMNS: LazyLock<[Vec<[usize; SIDE]>; 3]> =
    LazyLock::new(|| [column_orders(4, 2), column_orders(6, 3), column_orders(9, 3)]);

impl Search {
    fn new(question: &[u8], answer: &[u8], side: u8) -> Self {
        assert!(matches!(side, 4 | 6 | 9), "expected a side of 4, 6 or 9, found {side}");
        let n = usize::from(side);
        let fits = |cells: &[u8]| cells.len() == n * n && cells.iter().all(|&digit| digit <= side);
        assert!(fits(question) && fits(answer), "expected {} cells of at most {side}", n * n);
        let (box_rows, box_columns) = box_shape(side);
        let (box_rows, box_columns) = (usize::from(box_rows), usize::from(box_columns));
        let oriented = |turned: bool| {
            let mut oriented = Oriented { answer: [0; CELLS], given: [false; CELLS] };
            for cell in 0..n * n {
                let from = if turned { cell % n * n + cell / n } else { cell };
                (oriented.answer[cell], oriented.given[cell]) = (answer[from], question[from] != 0);
            }
            oriented
        };
        let mut orientations = vec![oriented(false)];
        if box_rows == box_columns {
            orientations.push(oriented(true));
        }
        let columns = match side {
            4 => &COLUMNS[0],
            6 => &COLUMNS[1],
            _ => &COLUMNS[2],
        };
        Self { side: n, box_rows, box_columns, orientations, columns }
    }

    fn least(&self) -> Least {
        let mut least = Least { grid: [u8::MAX; CELLS], givens: u128::MAX, symmetries: 0 };
        // The start of the second row of the least image so far.
        let mut least_start = 0;
        for oriented in &self.orientations {
            for first in 0..self.side {
                let band = first / self.box_rows * self.box_rows;
                for columns in self.columns {
                    let names = self.tail_names(oriented, first, columns);
                    for second in (band..band + self.box_rows).filter(|&row| row != first) {
                        let start = self.start(oriented, second, columns, &names);
                        if start >= least_start {
                            self.try_candidate(oriented, (first, second), (*columns, names), &mut least);
                            least_start = start;
                        }
                    }
                }
            }
        }
        least
    }

    /// The names that a first row gives the digits in all but the first of the columns' stacks.
    fn tail_names(&self, oriented: &Oriented, first: usize, columns: &[usize; SIDE]) -> [u8; SIDE + 1] {
        let mut names = [0; SIDE + 1];
        for (name, &column) in (1..).zip(&columns[..self.side]).skip(self.box_columns) {
            names[usize::from(oriented.answer[first * self.side + column])] = name;
        }
        names
    }

    /// What the second row begins with, as a number that is the larger, the less its sorted start is. No digit there
    /// stands in the first row's first box: all of them have their names.
    fn start(&self, oriented: &Oriented, second: usize, columns: &[usize; SIDE], names: &[u8; SIDE + 1]) -> u16 {
        let name = |&column: &usize| names[usize::from(oriented.answer[second * self.side + column])];
        columns[..self.box_columns].iter().fold(0, |start, column| start | 1 << (15 - name(column)))
    }

    /// Compares the image that begins with two rows and, but for the order in the first stack, these columns.
    fn try_candidate(
        &self,
        oriented: &Oriented,
        (first, second): (usize, usize),
        (mut columns, mut names): ([usize; SIDE], [u8; SIDE + 1]),
        least: &mut Least,
    ) {
        let (side, start) = (self.side, self.box_columns);
        let row = |row: usize| &oriented.answer[row * side..(row + 1) * side];
        let (first_row, second_row) = (row(first), row(second));
        columns[..start].sort_unstable_by_key(|&column| names[usize::from(second_row[column])]);
        for (name, &column) in (1..).zip(&columns[..start]) {
            names[usize::from(first_row[column])] = name;
        }
        let renamed = columns[..side].iter().map(|&column| names[usize::from(second_row[column])]);
        if renamed.cmp(least.grid[side..2 * side].iter().copied()) == Ordering::Greater {
            return;
        }
        let rows = self.row_order(oriented, (first, second), columns[0], &names);
        let (mut grid, mut givens) = ([0; CELLS], 0u128);
        let cells = rows[..side].iter().flat_map(|row| columns[..side].iter().map(move |column| row * side + column));
        for (to, from) in grid.iter_mut().zip(cells) {
            *to = names[usize::from(oriented.answer[from])];
            givens = givens << 1 | u128::from(oriented.given[from]);
        }
        match grid.cmp(&least.grid) {
            Ordering::Less => *least = Least { grid, givens, symmetries: 1 },
            Ordering::Equal => {
                least.givens = least.givens.min(givens);
                least.symmetries += 1;
            }
            Ordering::Greater => {}
        }
    }

    /// The rows in the order of their first cells, bands and the given first two kept together.
    fn row_order(
        &self,
        oriented: &Oriented,
        (first, second): (usize, usize),
        column: usize,
        names: &[u8; SIDE + 1],
    ) -> [usize; SIDE] {
        let (side, band) = (self.side, self.box_rows);
        let start = |row: &usize| names[usize::from(oriented.answer[row * side + column])];
        let mut rows = [0, 1, 2, 3, 4, 5, 6, 7, 8];
        for band in rows[..side].chunks_exact_mut(band) {
            band.sort_unstable_by_key(|row| if *row == first { 0 } else { start(row) });
        }
        // The band's first row has its least first cell, by now.
        let mut bands = [0, 1, 2, 3];
        let bands = &mut bands[..side / band];
        bands.sort_unstable_by_key(|&index| if index == first / band { 0 } else { start(&rows[index * band]) });
        let mut ordered = [0; SIDE];
        for (to, &index) in ordered.chunks_exact_mut(band).zip(bands.iter()) {
            to.copy_from_slice(&rows[index * band..(index + 1) * band]);
        }
        // A second row that is not the lesser one has lost to it already.
        if let Some(place) = ordered[..band].iter().position(|&row| row == second) {
            ordered[1..=place].rotate_right(1);
        }
        ordered
    }
}

/// Every order of the stacks with every order of the columns in all but the first of them.
fn column_orders(side: usize, width: usize) -> Vec<[usize; SIDE]> {
    let inner = permutations(width);
    let mut orders = Vec::new();
    for stacks in permutations(side / width) {
        let mut some = vec![[0; SIDE]];
        for (place, stack) in stacks.into_iter().enumerate() {
            let choices = if place == 0 { &inner[..1] } else { &inner[..] };
            let extended = some.iter().flat_map(|order| {
                choices.iter().map(move |choice| {
                    let mut order = *order;
                    for (i, column) in choice.iter().enumerate() {
                        order[place * width + i] = stack * width + column;
                    }
                    order
                })
            });
            some = extended.collect();
        }
        orders.extend(some);
    }
    orders
}

/// Every order of the numbers below `count`.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let shorter = permutations(count - 1);
    let inserted = |order: &Vec<usize>, place: usize| {
        let mut order = order.clone();
        order.insert(place, count - 1);
        order
    };
    shorter.iter().flat_map(|order| (0..count).map(move |place| inserted(order, place))).collect()
}

#[cfg(test)]
mod tests;
