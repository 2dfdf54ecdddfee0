//! Perfect mazes: corridors that form a tree, so that every two cells are joined by exactly one way.

use super::{FREE, WALL};
use crate::data::draw;
use rand_chacha::rand_core::Rng;

/// The cells of a square of walls with a drawn perfect maze carved into it, row by row.
///
/// Rooms stand in every second row and column, beginning and ending at the square's edges; a depth-first walk from a
/// drawn room to drawn neighbours breaks the walls between them, which makes long corridors. A side that is even has
/// one place in its rows and one in its columns, both drawn, where two walls stand between neighbouring rooms, so
/// that the rooms reach all four edges there too.
pub(super) fn carve(side: u8, rng: &mut impl Rng) -> Vec<u8> {
    let n = usize::from(side);
    let (rows, columns) = (room_places(n, rng), room_places(n, rng));
    let (height, width) = (rows.len(), columns.len());
    let mut cells = vec![WALL; n * n];
    let mut visited = vec![false; height * width];
    let first = draw::below(rng, (height * width) as u32) as usize;
    visited[first] = true;
    cells[rows[first / width] * n + columns[first % width]] = FREE;
    let mut walk = vec![first];
    while let Some(&room) = walk.last() {
        let (row, column) = (room / width, room % width);
        let beside = [
            (row > 0).then(|| room - width),
            (column > 0).then(|| room - 1),
            (column + 1 < width).then_some(room + 1),
            (row + 1 < height).then_some(room + width),
        ];
        let open: Vec<usize> = beside.into_iter().flatten().filter(|&next| !visited[next]).collect();
        if open.is_empty() {
            walk.pop();
            continue;
        }
        let next = open[draw::below(rng, open.len() as u32) as usize];
        visited[next] = true;
        for row in between(rows[row], rows[next / width]) {
            for column in between(columns[column], columns[next % width]) {
                cells[row * n + column] = FREE;
            }
        }
        walk.push(next);
    }
    cells
}

/// The rows, or columns, that rooms stand in.
fn room_places(n: usize, rng: &mut impl Rng) -> Vec<usize> {
    let rooms = n.div_ceil(2);
    // Rooms from this one on stand one further for an even side.
    let moved = if n.is_multiple_of(2) { 1 + draw::below(rng, rooms as u32 - 1) as usize } else { rooms };
    (0..rooms).map(|room| 2 * room + usize::from(room >= moved)).collect()
}

fn between(a: usize, b: usize) -> std::ops::RangeInclusive<usize> {
    a.min(b)..=a.max(b)
}
