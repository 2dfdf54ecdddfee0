//! A family of tasks of our own, small enough to be learnt on a CPU: coloured cells on black that all move by one
//! rule.
//!
//! A task's rule is one of eleven: the grid is mirrored left to right, mirrored top to bottom or turned by half;
//! every coloured cell falls, to one of the four sides, until it meets the edge or another; or the whole grid shifts
//! by one cell to one of the four sides, what leaves it coming back on the other. The rule is nowhere in the input, so
//! it has to be learnt from the task's demonstrations, through its puzzle identifier. Colours are never changed, and
//! the eleven rules are closed under the square's symmetries, so every variant of a task is of the family again.
//!
//! Grids have 3 to `side` rows and columns, but at least `side` − 2; about a third of their cells is coloured, by two
//! or three colours of the task. Outputs are as large as their inputs and never equal to them. A task's three or four
//! demonstrations admit no other of the eleven rules. No input comes twice in a collection, turned, mirrored and
//! recoloured ones included.

use super::{Pair, Set, Task, Test};
use crate::data::{dihedral, draw};
use hrm_types::board::{Board, MAX_SIDE};
use rand_chacha::rand_core::Rng;
use std::{collections::HashSet, ops::ControlFlow};

/// Smallest side of the square that a collection's grids fit.
pub const MIN_SIDE: u8 = 3;

/// Grids drawn for one pair before the family counts as exhausted.
const GRIDS_FOR_PAIR: u32 = 2_000;

/// Sets of demonstrations drawn for one task before one that admits a single rule counts as out of reach.
const TRIES_FOR_TASK: u32 = 100;

/// Stream of the first evaluation task. Training tasks count from 0, so that the evaluation tasks stay the same
/// however many training tasks are asked for.
const EVALUATION_STREAMS: u64 = 1 << 63;

/// Tasks between two calls of the progress callback.
const PROGRESS_EVERY: usize = 16;

/// A side of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Left,
    Right,
    Top,
    Bottom,
}

/// What happens to a task's grids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A symmetry that keeps the numbers of rows and columns ([`dihedral::transform`]).
    Turn(u8),
    /// Coloured cells fall to an edge.
    Fall(Edge),
    /// The grid shifts by one cell, round its edges.
    Shift(Edge),
}

const RULES: [Rule; 11] = [
    Rule::Turn(2),
    Rule::Turn(4),
    Rule::Turn(5),
    Rule::Fall(Edge::Left),
    Rule::Fall(Edge::Right),
    Rule::Fall(Edge::Top),
    Rule::Fall(Edge::Bottom),
    Rule::Shift(Edge::Left),
    Rule::Shift(Edge::Right),
    Rule::Shift(Edge::Top),
    Rule::Shift(Edge::Bottom),
];

impl Rule {
    fn apply(self, input: &Board) -> Board {
        match self {
            Self::Turn(symmetry) => dihedral::transform(input, symmetry),
            Self::Fall(edge) => toward(edge, input, |row| row.sort_by_key(|&cell| cell == 0)),
            Self::Shift(edge) => toward(edge, input, |row| row.rotate_left(1)),
        }
    }
}

/// What moving every row to the left makes of a grid that is turned so that `edge` is on the left, turned back.
fn toward(edge: Edge, input: &Board, move_left: impl Fn(&mut [u8])) -> Board {
    let to_left = match edge {
        Edge::Left => 0,
        Edge::Right => 4,
        // At the main diagonal the top becomes the left, at the other one the bottom does.
        Edge::Top => 6,
        Edge::Bottom => 7,
    };
    let turned = dihedral::transform(input, to_left);
    let mut cells = turned.cells().to_vec();
    cells.chunks_mut(usize::from(turned.columns())).for_each(move_left);
    let moved = Board::new(turned.rows(), turned.columns(), cells).unwrap_or(turned);
    dihedral::transform(&moved, dihedral::inverse(to_left))
}

/// Why tasks cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// A side out of range.
    #[error("expected a side from {MIN_SIDE} to {MAX_SIDE}, found {found}")]
    Side {
        /// The side.
        found: u8,
    },
    /// There are fewer different tasks than asked for.
    #[error(
        "expected {wanted} tasks of side {side} that share no grid, found only {found}: ask for fewer or a larger side"
    )]
    TooFew {
        /// Tasks of both sets asked for.
        wanted: usize,
        /// The side asked for.
        side: u8,
        /// Tasks found.
        found: usize,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// A collection of tasks whose grids fit a square of `side`, sorted by name: `training` tasks of the training set and
/// `evaluation` tasks of the evaluation set, each with one test pair. The same arguments always give the same.
///
/// Task i of a set is a pure function of the seed and i, except where a grid of it was taken by an earlier task.
/// `on_progress` gets (done, total) tasks.
///
/// # Errors
/// A side out of range, more tasks than the family has, or [`GenerateError::Cancelled`] when `on_progress` breaks.
pub fn generate(
    side: u8,
    training: usize,
    evaluation: usize,
    seed: u64,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Vec<Task>, GenerateError> {
    if !(MIN_SIDE..=MAX_SIDE).contains(&side) {
        return Err(GenerateError::Side { found: side });
    }
    let total = training + evaluation;
    let mut seen = HashSet::new();
    let mut tasks = Vec::with_capacity(total);
    let sets = [(Set::Evaluation, EVALUATION_STREAMS, evaluation), (Set::Training, 0, training)];
    for (set, first_stream, count) in sets {
        for i in 0..count {
            let mut rng = draw::stream(seed, first_stream + i as u64);
            let made = make(side, &mut rng, &mut seen);
            let (train, test) = made.ok_or(GenerateError::TooFew { wanted: total, side, found: tasks.len() })?;
            let folder = if set == Set::Training { "training" } else { "evaluation" };
            tasks.push(Task { name: format!("{folder}-{i:05}"), set, folder: folder.to_owned(), train, test });
            let is_due = tasks.len().is_multiple_of(PROGRESS_EVERY) || tasks.len() == total;
            if is_due && on_progress(tasks.len(), total).is_break() {
                return Err(GenerateError::Cancelled);
            }
        }
    }
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tasks)
}

/// Demonstrations and the test of one task, whose grids join those seen; none when no new ones are found.
fn make(side: u8, rng: &mut impl Rng, seen: &mut HashSet<Board>) -> Option<(Vec<Pair>, Vec<Test>)> {
    let rule = RULES[draw::below(rng, RULES.len() as u32) as usize];
    let mut colours: [u8; 9] = std::array::from_fn(|i| i as u8 + 1);
    draw::shuffle(rng, &mut colours);
    let palette = &colours[..2 + draw::below(rng, 2) as usize];
    let demonstrations = 3 + draw::below(rng, 2) as usize;
    for _ in 0..TRIES_FOR_TASK {
        let mut new = HashSet::new();
        let mut pairs = Vec::with_capacity(demonstrations + 1);
        while pairs.len() <= demonstrations {
            pairs.push(pair(rule, side, palette, rng, |image| !seen.contains(image) && new.insert(image.clone()))?);
        }
        let test = pairs.pop()?;
        let explains = |other: &&Rule| pairs.iter().all(|pair| other.apply(&pair.input) == pair.output);
        if RULES.iter().filter(explains).count() == 1 {
            seen.extend(new);
            return Some((pairs, vec![Test { input: test.input, output: Some(test.output) }]));
        }
    }
    None
}

/// A pair whose input `is_new`, given its least image under symmetries and renamed colours.
fn pair(
    rule: Rule,
    side: u8,
    palette: &[u8],
    rng: &mut impl Rng,
    mut is_new: impl FnMut(&Board) -> bool,
) -> Option<Pair> {
    let shortest = side.saturating_sub(2).max(3);
    for _ in 0..GRIDS_FOR_PAIR {
        let [rows, columns] = [(); 2].map(|()| shortest + draw::below(rng, u32::from(side - shortest) + 1) as u8);
        let mut cell = || match draw::below(rng, 3) {
            0 => palette[draw::below(rng, palette.len() as u32) as usize],
            _ => 0,
        };
        let cells = (0..u16::from(rows) * u16::from(columns)).map(|_| cell()).collect();
        let input = Board::new(rows, columns, cells).ok()?;
        let output = rule.apply(&input);
        if output != input && is_new(&least_image(&input)) {
            return Some(Pair { input, output });
        }
    }
    None
}

/// Equal for two grids exactly when a symmetry and a renaming of the colours other than 0 take one to the other.
fn least_image(board: &Board) -> Board {
    let renamed = |symmetry| {
        let turned = dihedral::transform(board, symmetry);
        let mut names = [0u8; 10];
        let mut next = 0;
        let name = |&cell: &u8| {
            if cell != 0 && names[usize::from(cell)] == 0 {
                next += 1;
                names[usize::from(cell)] = next;
            }
            names[usize::from(cell)]
        };
        let cells = turned.cells().iter().map(name).collect();
        Board::new(turned.rows(), turned.columns(), cells).unwrap_or(turned)
    };
    (1..dihedral::SYMMETRIES).map(renamed).fold(renamed(0), Ord::min)
}

#[cfg(test)]
mod tests;
