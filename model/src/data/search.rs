//! A depth-first Sudoku search with naked and hidden singles, for making and rating data.
//!
//! It is never used to answer a solve request: those are answered by a model alone.

use super::draw;
use hrm_types::sudoku::{Grid, box_shape};
use rand_chacha::rand_core::Rng;
use std::sync::LazyLock;

/// Cells of the largest grid.
const MAX_CELLS: usize = 81;

/// The cells of every unit and the neighbours of every cell, for one side.
struct Layout {
    side: usize,
    /// One bit for every digit.
    all_digits: u16,
    /// Rows, then columns, then boxes: the cells of each.
    units: Vec<Vec<u8>>,
    /// The other cells of a cell's row, column and box.
    peers: Vec<Vec<u8>>,
}

impl Layout {
    fn new(side: u8) -> Self {
        let n = usize::from(side);
        let (box_rows, box_columns) = box_shape(side);
        let (box_rows, box_columns) = (usize::from(box_rows), usize::from(box_columns));
        let box_of = |cell: usize| cell / n / box_rows * (n / box_columns) + cell % n / box_columns;
        let unit = |of: &dyn Fn(usize) -> usize, index: usize| -> Vec<u8> {
            (0..n * n).filter(|&cell| of(cell) == index).map(|cell| cell as u8).collect()
        };
        let kinds: [&dyn Fn(usize) -> usize; 3] = [&|cell| cell / n, &|cell| cell % n, &box_of];
        let units = kinds.iter().flat_map(|of| (0..n).map(|index| unit(*of, index))).collect();
        let shares_unit = |a: usize, b: usize| a != b && kinds.iter().any(|of| of(a) == of(b));
        let peers = (0..n * n)
            .map(|cell| (0..n * n).filter(|&other| shares_unit(cell, other)).map(|other| other as u8).collect())
            .collect();
        Self { side: n, all_digits: (1 << n) - 1, units, peers }
    }

    fn of(side: u8) -> &'static Self {
        static FOUR: LazyLock<Layout> = LazyLock::new(|| Layout::new(4));
        static SIX: LazyLock<Layout> = LazyLock::new(|| Layout::new(6));
        static NINE: LazyLock<Layout> = LazyLock::new(|| Layout::new(9));
        match side {
            4 => &FOUR,
            6 => &SIX,
            _ => &NINE,
        }
    }
}

/// The digits still possible in every cell.
#[derive(Clone, Copy)]
struct Board {
    layout: &'static Layout,
    /// Bit d − 1 is set while digit d is possible.
    candidates: [u16; MAX_CELLS],
    /// Bit c is set once cell c is decided and its peers know.
    decided: u128,
}

/// A cell without a digit, or a unit without a place for one.
struct Contradiction;

impl Board {
    fn blank(side: u8) -> Self {
        let layout = Layout::of(side);
        Self { layout, candidates: [layout.all_digits; MAX_CELLS], decided: 0 }
    }

    fn of(cells: &[u8], side: u8) -> Result<Self, Contradiction> {
        let mut board = Self::blank(side);
        for (cell, &digit) in cells.iter().enumerate().filter(|&(_, &digit)| digit != 0) {
            board.keep(cell, 1 << (digit - 1))?;
        }
        board.deduce()?;
        Ok(board)
    }

    fn cells(&self) -> usize {
        self.layout.peers.len()
    }

    fn is_decided(&self, cell: usize) -> bool {
        self.decided >> cell & 1 == 1
    }

    fn is_complete(&self) -> bool {
        self.decided.count_ones() as usize == self.cells()
    }

    /// Keeps only `allowed` in `cell`; a cell left with one digit takes it from its peers (naked singles).
    fn keep(&mut self, cell: usize, allowed: u16) -> Result<(), Contradiction> {
        let left = self.candidates[cell] & allowed;
        self.candidates[cell] = left;
        if left == 0 {
            return Err(Contradiction);
        }
        if !left.is_power_of_two() || self.is_decided(cell) {
            return Ok(());
        }
        self.decided |= 1 << cell;
        for &peer in &self.layout.peers[cell] {
            if self.candidates[usize::from(peer)] & left != 0 {
                self.keep(usize::from(peer), !left)?;
            }
        }
        Ok(())
    }

    /// Places hidden singles until none is left.
    fn deduce(&mut self) -> Result<(), Contradiction> {
        let layout = self.layout;
        let mut changed = true;
        while changed && !self.is_complete() {
            changed = false;
            for unit in &layout.units {
                let (mut once, mut twice) = (0, 0);
                for &cell in unit {
                    let here = self.candidates[usize::from(cell)];
                    twice |= once & here;
                    once |= here;
                }
                if once != layout.all_digits {
                    return Err(Contradiction);
                }
                let only = once & !twice;
                for &cell in unit {
                    let cell = usize::from(cell);
                    let single = self.candidates[cell] & only;
                    if single != 0 && !self.is_decided(cell) {
                        // A cell that is the only place of two digits has room for one.
                        if !single.is_power_of_two() {
                            return Err(Contradiction);
                        }
                        self.keep(cell, single)?;
                        changed = true;
                    }
                }
            }
        }
        Ok(())
    }

    /// The open cell with the fewest digits left, the first of equals; none when complete.
    fn tightest(&self) -> Option<usize> {
        (0..self.cells()).filter(|&cell| !self.is_decided(cell)).min_by_key(|&cell| self.candidates[cell].count_ones())
    }

    /// This board with `digits` alone left in `cell`, and what follows from it.
    fn with(&self, cell: usize, digits: u16) -> Result<Self, Contradiction> {
        let mut board = *self;
        board.keep(cell, digits)?;
        board.deduce()?;
        Ok(board)
    }

    fn digits(&self) -> Vec<u8> {
        self.candidates[..self.cells()].iter().map(|digit| digit.trailing_zeros() as u8 + 1).collect()
    }
}

/// Counts solutions below `board` up to `limit`, keeping the first and the guesses before it.
struct Count {
    limit: usize,
    /// Guesses after which it gives up.
    most_guesses: u32,
    found: usize,
    guesses: u32,
    first: Option<(Vec<u8>, u32)>,
}

impl Count {
    fn up_to(limit: usize) -> Self {
        Self { limit, most_guesses: u32::MAX, found: 0, guesses: 0, first: None }
    }

    fn visit(&mut self, board: &Board) {
        let Some(cell) = board.tightest() else {
            self.found += 1;
            if self.first.is_none() {
                self.first = Some((board.digits(), self.guesses));
            }
            return;
        };
        let mut digits = board.candidates[cell];
        while digits != 0 && self.found < self.limit && self.guesses < self.most_guesses {
            let digit = digits & digits.wrapping_neg();
            digits ^= digit;
            // The last digit left is forced, not guessed.
            self.guesses += u32::from(digits != 0);
            if let Ok(next) = board.with(cell, digit) {
                self.visit(&next);
            }
        }
    }
}

/// Whether `answer` is complete, keeps the givens of `question` and repeats no digit: [`Grid::solves`] without the
/// words for what is wrong, fast enough for millions of rows.
pub fn is_solution(question: &Grid, answer: &Grid) -> bool {
    let layout = Layout::of(answer.side());
    let cells = answer.cells();
    let keeps_givens = question.cells().iter().zip(cells).all(|(&given, &digit)| given == 0 || given == digit);
    let digits_of = |unit: &Vec<u8>| unit.iter().fold(0, |seen, &cell| seen | 1 << cells[usize::from(cell)]);
    let has_all_digits = |unit: &Vec<u8>| digits_of(unit) == layout.all_digits << 1;
    question.side() == answer.side() && keeps_givens && layout.units.iter().all(has_all_digits)
}

/// The number of solutions of `grid`, counted up to `limit`.
pub fn count_solutions(grid: &Grid, limit: usize) -> usize {
    let mut count = Count::up_to(limit);
    if let Ok(board) = Board::of(grid.cells(), grid.side()) {
        count.visit(&board);
    }
    count.found
}

/// The same, nothing if more than so many guesses would be needed to tell.
pub fn count_solutions_within(grid: &Grid, limit: usize, most_guesses: u32) -> Option<usize> {
    let mut count = Count { most_guesses, ..Count::up_to(limit) };
    if let Ok(board) = Board::of(grid.cells(), grid.side()) {
        count.visit(&board);
    }
    (count.found == limit || count.guesses < most_guesses).then_some(count.found)
}

/// The first solution found and the guesses made before it: digits tried in an open cell while another was left.
/// The cell is always the first of those with the fewest digits, and digits are tried in ascending order.
pub fn first_solution(grid: &Grid) -> Option<(Vec<u8>, u32)> {
    let board = Board::of(grid.cells(), grid.side()).ok()?;
    let mut count = Count::up_to(1);
    count.visit(&board);
    count.first
}

/// Whether a puzzle that has one solution keeps only that one when the given in `cell` goes too: it does unless
/// some solution has another digit there, which one search tells. `cells` comes back unchanged.
pub(super) fn stays_unique_without(cells: &mut [u8], side: u8, cell: usize) -> bool {
    let digit = std::mem::replace(&mut cells[cell], 0);
    let other_solution = Board::of(cells, side).and_then(|board| {
        if board.is_decided(cell) {
            return Err(Contradiction);
        }
        board.with(cell, !(1 << (digit - 1)))
    });
    let mut count = Count::up_to(1);
    if let Ok(board) = other_solution {
        count.visit(&board);
    }
    cells[cell] = digit;
    count.found == 0
}

/// A complete grid found by a search that tries digits in a drawn order, starting from a drawn first row.
pub(super) fn random_grid(side: u8, rng: &mut impl Rng) -> Vec<u8> {
    loop {
        let mut first_row: Vec<u8> = (1..=side).collect();
        draw::shuffle(rng, &mut first_row);
        if let Some(grid) = Board::of(&first_row, side).ok().and_then(|board| fill(&board, rng)) {
            return grid;
        }
    }
}

/// Completes `board`, choosing at random among the tightest cells and among their digits.
fn fill(board: &Board, rng: &mut impl Rng) -> Option<Vec<u8>> {
    let Some(fewest) = board.tightest().map(|cell| board.candidates[cell].count_ones()) else {
        return Some(board.digits());
    };
    let is_tightest = |cell: &usize| !board.is_decided(*cell) && board.candidates[*cell].count_ones() == fewest;
    let equals: Vec<usize> = (0..board.cells()).filter(is_tightest).collect();
    let cell = equals[draw::below(rng, equals.len() as u32) as usize];
    let mut digits: Vec<u16> = (0..board.layout.side).map(|d| 1 << d).collect();
    digits.retain(|digit| board.candidates[cell] & digit != 0);
    draw::shuffle(rng, &mut digits);
    digits.into_iter().find_map(|digit| board.with(cell, digit).ok().and_then(|next| fill(&next, rng)))
}
