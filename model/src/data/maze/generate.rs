//! Mazes made from a seed: perfect ones with a single path, and hard ones with many shortest paths.

use super::{FREE, GOAL, START, UNREACHED, distances, hard, optimal_paths, perfect, solve};
use crate::data::{
    dihedral,
    distinct::{self, Counts, Patience, Splits, Stopped},
    draw,
};
use hrm_types::{
    board::{Board, MAX_SIDE},
    experiment::MazeStyle as Style,
};
use rand_chacha::rand_core::Rng;
use std::ops::ControlFlow;

/// Squares drawn for one maze before its shortest path counts as out of reach. A hard maze of side 30 and 111 moves
/// takes 2,000 on average, so a limit a few times that would fail some of a thousand mazes.
const TRIES: u32 = 1_000_000;

/// Mazes in a row that may all be duplicates before the generator gives up.
const DUPLICATES_IN_A_ROW: u32 = 5_000;

/// Squares drawn for one maze between two questions whether to go on: a fraction of a second at side 30.
const SQUARES_BETWEEN_WAITS: u32 = 5_000;

/// Mazes between two calls of the progress callback.
const PROGRESS_EVERY: usize = 16;

/// A maze with one shortest path marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maze {
    /// Walls, free cells, start and goal.
    pub question: Board,
    /// The question with the path's inner cells marked.
    pub answer: Board,
    /// Moves of a shortest path.
    pub rating: u32,
}

/// Why mazes cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MazeError {
    /// A side out of range.
    #[error("expected a side from 3 to 30, found {found}")]
    Side {
        /// The side.
        found: u8,
    },
    /// A path of no moves.
    #[error("expected a shortest path of at least 1 move, found {found}")]
    MinPath {
        /// The moves asked for.
        found: u32,
    },
    /// No square drawn had ends so far apart.
    #[error(
        "expected {style} mazes of side {side} with a shortest path of at least {min_path} moves, found none among \
         {tries} (the longest: {longest} moves): ask for a shorter path or a larger side"
    )]
    OutOfReach {
        /// How they are made.
        style: Style,
        /// The side asked for.
        side: u8,
        /// The fewest moves asked for.
        min_path: u32,
        /// Squares drawn.
        tries: u32,
        /// Moves between the farthest start and goal seen.
        longest: u32,
    },
    /// There are fewer different mazes than asked for.
    #[error(
        "expected {wanted} different mazes, found only {found} (turned and mirrored ones count as the same): \
         ask for fewer, a larger side or a shorter path"
    )]
    TooFew {
        /// Mazes of all splits asked for.
        wanted: usize,
        /// Different mazes found.
        found: usize,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// The fewest moves of a shortest path unless told otherwise: about an eighth of the square, 111 at side 30.
pub fn default_min_path(side: u8) -> u32 {
    (37 * u32::from(side) * u32::from(side) / 300).max(2)
}

/// Mazes of a side, each with a shortest path of at least `min_path` moves; the same arguments always give the same.
///
/// Maze i of a split is a pure function of the seed and i ([`maze_at`]). One that a symmetry of the square takes to
/// an earlier maze of any split is skipped. `on_progress` gets (done, total) mazes.
///
/// # Errors
/// Arguments out of range, a path out of reach, fewer different mazes than asked for, or [`MazeError::Cancelled`]
/// when `on_progress` breaks.
pub fn generate(
    style: Style,
    side: u8,
    min_path: u32,
    seed: u64,
    counts: Counts,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Splits<Maze>, MazeError> {
    let patience = Patience { duplicates: DUPLICATES_IN_A_ROW, progress_every: PROGRESS_EVERY };
    distinct::splits(counts, patience, on_progress, &mut |stream, on_wait| {
        let maze = maze_at(style, side, min_path, seed, stream, on_wait)?;
        Ok((dihedral::least_image(&maze.question), maze))
    })
}

impl From<Stopped> for MazeError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TooFew { wanted, found } => Self::TooFew { wanted, found },
            Stopped::Cancelled => Self::Cancelled,
        }
    }
}

/// The maze of one stream of the seed.
///
/// Squares are drawn until one has a cell at least `min_path` moves from a drawn start, with several shortest paths
/// to it for [`Style::Hard`]; the goal is drawn among all such cells. `on_wait` is asked now and then whether to go on,
/// since a path that is out of reach takes long to be known as one.
///
/// # Errors
/// Arguments out of range, [`MazeError::OutOfReach`] after a fixed number of squares, [`MazeError::Cancelled`].
pub fn maze_at(
    style: Style,
    side: u8,
    min_path: u32,
    seed: u64,
    stream: u64,
    on_wait: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Maze, MazeError> {
    if !(3..=MAX_SIDE).contains(&side) {
        return Err(MazeError::Side { found: side });
    }
    if min_path == 0 {
        return Err(MazeError::MinPath { found: min_path });
    }
    let mut rng = draw::stream(seed, stream);
    let mut longest = 0;
    for tried in 1..=TRIES {
        if let Some(maze) = maze_in_square(style, side, min_path, &mut rng, &mut longest) {
            return Ok(maze);
        }
        if tried.is_multiple_of(SQUARES_BETWEEN_WAITS) && on_wait().is_break() {
            return Err(MazeError::Cancelled);
        }
    }
    Err(MazeError::OutOfReach { style, side, min_path, tries: TRIES, longest })
}

/// A maze in a newly drawn square, if it has ends for one; `longest` grows to the moves between the farthest seen.
fn maze_in_square(style: Style, side: u8, min_path: u32, rng: &mut impl Rng, longest: &mut u32) -> Option<Maze> {
    let mut cells = match style {
        Style::Perfect => perfect::carve(side, rng),
        Style::Hard => hard::scatter(side, rng),
    };
    let free: Vec<usize> = (0..cells.len()).filter(|&cell| cells[cell] == FREE).collect();
    if free.is_empty() {
        return None;
    }
    let start = free[draw::below(rng, free.len() as u32) as usize];
    cells[start] = START;
    let board = Board::new(side, side, cells).ok()?;
    let distance = distances(&board, start);
    *longest = distance.iter().copied().filter(|&moves| moves != UNREACHED).fold(*longest, u32::max);
    let is_far = |&cell: &usize| distance[cell] != UNREACHED && distance[cell] >= min_path;
    let mut goals: Vec<usize> = free.into_iter().filter(is_far).collect();
    while !goals.is_empty() {
        let goal = goals.swap_remove(draw::below(rng, goals.len() as u32) as usize);
        let mut cells = board.cells().to_vec();
        cells[goal] = GOAL;
        let question = Board::new(side, side, cells).ok()?;
        if style == Style::Perfect || optimal_paths(&question) > 1 {
            let answer = solve(&question)?;
            return Some(Maze { question, answer, rating: distance[goal] });
        }
    }
    None
}
