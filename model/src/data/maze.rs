//! Mazes: the shortest paths of a question, whether an answer marks one, and generators of both.
//!
//! Cells are those of [`hrm_types::board::Kind::Maze`]: 0 wall, 1 free, 2 start, 3 goal, 4 path. Moves go up, left,
//! right and down between cells that are no walls; what lies outside the board is wall.
//!
//! A maze's **rating** is the number of moves of a shortest path, as in the published Maze-30x30-Hard set: one more
//! than the path cells marked `o`, one less than the cells of the path with both its ends.

mod check;
mod generate;
mod hard;
mod marks;
mod perfect;

use hrm_types::board::Board;
use std::collections::VecDeque;

pub use check::{AnswerError, check_answer, is_any_optimal};
pub use generate::{Maze, MazeError, default_min_path, generate, maze_at};
pub use marks::{Marks, marks};

/// A wall.
pub const WALL: u8 = 0;
/// A cell to walk on.
pub const FREE: u8 = 1;
/// Where the path begins.
pub const START: u8 = 2;
/// Where it ends.
pub const GOAL: u8 = 3;
/// A cell between them that the answer's path takes.
pub const PATH: u8 = 4;

/// The distance of a cell that cannot be reached.
const UNREACHED: u32 = u32::MAX;

/// Moves of a shortest path from start to goal; none when there is no path, or not exactly one start and one goal.
pub fn shortest(question: &Board) -> Option<u32> {
    let (start, goal) = ends(question)?;
    let moves = distances(question, start)[goal];
    (moves != UNREACHED).then_some(moves)
}

/// The number of shortest paths from start to goal, at most [`u64::MAX`]; 0 when [`shortest`] has none.
pub fn optimal_paths(question: &Board) -> u64 {
    let Some((start, goal)) = ends(question) else { return 0 };
    let distance = distances(question, start);
    let mut order: Vec<usize> = (0..distance.len()).filter(|&cell| distance[cell] != UNREACHED).collect();
    order.sort_by_key(|&cell| distance[cell]);
    let mut paths = vec![0u64; distance.len()];
    paths[start] = 1;
    for cell in order {
        for next in neighbours(question, cell).filter(|&next| distance[next] == distance[cell] + 1) {
            paths[next] = paths[next].saturating_add(paths[cell]);
        }
    }
    paths[goal]
}

/// The question with one shortest path marked; none when [`shortest`] has none.
///
/// Of several, it is the one that takes at every cell the first of up, left, right and down that comes nearer to the
/// goal, so that the same maze always has the same answer.
pub fn solve(question: &Board) -> Option<Board> {
    let (start, goal) = ends(question)?;
    let distance = distances(question, goal);
    if distance[start] == UNREACHED {
        return None;
    }
    let mut cells = question.cells().to_vec();
    let mut at = start;
    while distance[at] > 1 {
        at = neighbours(question, at).find(|&next| distance[next] + 1 == distance[at])?;
        cells[at] = PATH;
    }
    Board::new(question.rows(), question.columns(), cells).ok()
}

/// The cells of the start and the goal; none unless there is exactly one of each.
fn ends(question: &Board) -> Option<(usize, usize)> {
    let only = |wanted: u8| {
        let mut found = question.cells().iter().enumerate().filter(|&(_, &cell)| cell == wanted);
        let first = found.next().map(|(at, _)| at)?;
        found.next().is_none().then_some(first)
    };
    Some((only(START)?, only(GOAL)?))
}

/// Moves from cell `from` to every cell, [`UNREACHED`] where there is no path.
fn distances(board: &Board, from: usize) -> Vec<u32> {
    let mut distance = vec![UNREACHED; board.cells().len()];
    distance[from] = 0;
    let mut queue = VecDeque::from([from]);
    while let Some(cell) = queue.pop_front() {
        for next in neighbours(board, cell) {
            if distance[next] == UNREACHED {
                distance[next] = distance[cell] + 1;
                queue.push_back(next);
            }
        }
    }
    distance
}

/// The cells one move away: up, left, right, down.
fn neighbours(board: &Board, cell: usize) -> impl Iterator<Item = usize> {
    let (rows, columns) = (usize::from(board.rows()), usize::from(board.columns()));
    let (row, column) = (cell / columns, cell % columns);
    let up = (row > 0).then(|| cell - columns);
    let left = (column > 0).then(|| cell - 1);
    let right = (column + 1 < columns).then_some(cell + 1);
    let down = (row + 1 < rows).then_some(cell + columns);
    [up, left, right, down].into_iter().flatten().filter(|&next| board.cells()[next] != WALL)
}

#[cfg(test)]
mod tests;
