//! A family of tasks of our own, small enough to be learnt on a CPU: coloured cells on black that are recoloured by
//! one rule.
//!
//! A task's rule is one of five: two colours change places; one colour becomes another; every colour but one becomes
//! black; black becomes a colour; the cells at the grid's edge become a colour. Which of them, and which colours, is
//! nowhere in the input, so it has to be learnt from the task's demonstrations, through its puzzle identifier. A
//! symmetry of the square or a renaming of the colours makes a rule of the same five of each, so every variant of a
//! task is of the family again.
//!
//! Grids have 3 to `side` rows and columns, but at least `side` − 2; about half of their cells is coloured, by the
//! task's three colours, each of which occurs in every input. Outputs are as large as their inputs. A task's three or
//! four demonstrations admit no other rule of the family. No input comes twice in a collection, turned, mirrored and
//! recoloured ones included.

use super::{MAX_COLOUR, Pair, Set, Task, Test};
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

/// What happens to a task's grids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The two colours change places.
    Swap(u8, u8),
    /// The first colour becomes the second, which occurs as well.
    Recolour(u8, u8),
    /// Every other colour becomes black.
    Keep(u8),
    /// Black becomes this colour, which occurs nowhere else.
    Fill(u8),
    /// The cells at the grid's edge become this colour.
    Frame(u8),
}

impl Rule {
    /// A rule for tasks of these three colours; `other` is a fourth one.
    fn draw(rng: &mut impl Rng, [a, b, _]: [u8; 3], other: u8) -> Self {
        match draw::below(rng, 5) {
            0 => Self::Swap(a.min(b), a.max(b)),
            1 => Self::Recolour(a, b),
            2 => Self::Keep(a),
            3 => Self::Fill(other),
            _ => Self::Frame(other),
        }
    }

    /// Every rule of the family.
    fn all() -> impl Iterator<Item = Self> {
        let pairs = || (1..=MAX_COLOUR).flat_map(|a| (1..=MAX_COLOUR).map(move |b| (a, b)));
        let swaps = pairs().filter(|(a, b)| a < b).map(|(a, b)| Self::Swap(a, b));
        let recolours = pairs().filter(|(a, b)| a != b).map(|(a, b)| Self::Recolour(a, b));
        let single = (1..=MAX_COLOUR).flat_map(|a| [Self::Keep(a), Self::Fill(a), Self::Frame(a)]);
        swaps.chain(recolours).chain(single)
    }

    fn apply(self, input: &Board) -> Board {
        let (rows, columns) = (usize::from(input.rows()), usize::from(input.columns()));
        let renamed = |(at, &cell): (usize, &u8)| {
            let (row, column) = (at / columns, at % columns);
            match self {
                Self::Swap(a, b) | Self::Recolour(a, b) if cell == a => b,
                Self::Swap(a, b) if cell == b => a,
                Self::Keep(a) if cell != a => 0,
                Self::Fill(a) if cell == 0 => a,
                Self::Frame(a) if row == 0 || column == 0 || row + 1 == rows || column + 1 == columns => a,
                _ => cell,
            }
        };
        let cells = input.cells().iter().enumerate().map(renamed).collect();
        Board::new(input.rows(), input.columns(), cells).unwrap_or_else(|_| input.clone())
    }
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
    let [a, b, c, other, ..] = draw::permutation::<{ MAX_COLOUR as usize }>(rng).map(|colour| colour + 1);
    let palette = [a, b, c];
    let rule = Rule::draw(rng, palette, other);
    let demonstrations = 3 + draw::below(rng, 2) as usize;
    for _ in 0..TRIES_FOR_TASK {
        let mut new = HashSet::new();
        let mut pairs = Vec::with_capacity(demonstrations + 1);
        while pairs.len() <= demonstrations {
            pairs.push(pair(rule, side, palette, rng, |image| !seen.contains(image) && new.insert(image.clone()))?);
        }
        let test = pairs.pop()?;
        let explains = |other: &Rule| pairs.iter().all(|pair| other.apply(&pair.input) == pair.output);
        if Rule::all().filter(explains).count() == 1 {
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
    palette: [u8; 3],
    rng: &mut impl Rng,
    mut is_new: impl FnMut(&Board) -> bool,
) -> Option<Pair> {
    let shortest = side.saturating_sub(2).max(3);
    for _ in 0..GRIDS_FOR_PAIR {
        let [rows, columns] = [(); 2].map(|()| shortest + draw::below(rng, u32::from(side - shortest) + 1) as u8);
        let mut cell = || palette.get(draw::below(rng, 6) as usize).copied().unwrap_or(0);
        let cells: Vec<u8> = (0..u16::from(rows) * u16::from(columns)).map(|_| cell()).collect();
        let has_all = palette.iter().all(|colour| cells.contains(colour)) && cells.contains(&0);
        let input = Board::new(rows, columns, cells).ok()?;
        if has_all && is_new(&least_image(&input)) {
            return Some(Pair { output: rule.apply(&input), input });
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
