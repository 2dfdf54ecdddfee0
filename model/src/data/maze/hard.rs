//! Mazes of scattered walls, in the manner of Maze-Hard: far ends, and many shortest paths between them.

use super::{FREE, WALL};
use crate::data::draw;
use rand_chacha::rand_core::Rng;

/// Fewest walls in 100 cells.
const FEWEST_WALLS: u32 = 28;

/// Most walls in 100 cells. The published mazes have 28 to 45; beyond 41, at which what is free falls apart into
/// islands in large squares, far ends become rare.
const MOST_WALLS: u32 = 45;

/// The cells of a square, row by row: a share of walls is drawn for the whole square, then each cell by that share.
pub(super) fn scatter(side: u8, rng: &mut impl Rng) -> Vec<u8> {
    let walls = FEWEST_WALLS + draw::below(rng, MOST_WALLS - FEWEST_WALLS + 1);
    let cells = usize::from(side) * usize::from(side);
    (0..cells).map(|_| if draw::below(rng, 100) < walls { WALL } else { FREE }).collect()
}
