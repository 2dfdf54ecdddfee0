//! Boards as token sequences of one square, row by row. 0 pads. Sudoku: 1 is a blank cell, d + 1 is digit d. Mazes: 1 to
//! 5 are wall, free, start, goal and path. ARC: 1 is the border that ends a grid, c + 2 is colour c.

use super::arc::variant;
use crate::shape::TaskShape;
use hrm_types::board::{Board, Kind};

/// Number of different tokens, padding included.
pub fn vocab_size(kind: Kind, side: u8) -> usize {
    match kind {
        Kind::Sudoku => usize::from(side) + 2,
        Kind::Maze => 6,
        Kind::Arc => 12,
    }
}

/// Sizes of the task of a kind and side with so many puzzle identifiers.
pub fn task_shape(kind: Kind, side: u8, num_puzzle_identifiers: usize) -> TaskShape {
    let seq_len = usize::from(side) * usize::from(side);
    TaskShape { seq_len, vocab_size: vocab_size(kind, side), num_puzzle_identifiers }
}

/// The tokens of a board; an ARC grid stands in the square's upper left corner.
pub fn encode(kind: Kind, side: u8, board: &Board) -> Vec<u8> {
    match kind {
        Kind::Sudoku | Kind::Maze => board.cells().iter().map(|&cell| cell + 1).collect(),
        Kind::Arc => variant::encode(board, side, 0, 0),
    }
}

/// The board that tokens stand for. A Sudoku's token that is no digit is a blank, a maze's that is none of its own a
/// free cell; nothing where an ARC answer holds no grid in the upper left corner.
pub fn decode(kind: Kind, side: u8, tokens: &[u32]) -> Option<Board> {
    let cell = |&token: &u32| match (kind, token.checked_sub(1)) {
        (Kind::Sudoku, Some(digit)) if digit <= u32::from(side) => digit as u8,
        (Kind::Maze, Some(cell)) if cell < 5 => cell as u8,
        (Kind::Maze, _) => 1,
        _ => 0,
    };
    match kind {
        Kind::Sudoku | Kind::Maze => Board::new(side, side, tokens.iter().map(cell).collect()).ok(),
        Kind::Arc => variant::decode(&tokens.iter().map(|&token| token.min(255) as u8).collect::<Vec<_>>(), side),
    }
}

#[cfg(test)]
mod tests;
