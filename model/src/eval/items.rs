//! What the model is asked in an evaluation: one sequence for every puzzle.

use crate::{
    Result,
    checkpoint::Model,
    data::{Dataset, Puzzle, arc, encode::encode},
};
use hrm_types::{
    board::{Board, Kind},
    evaluation::Protocol,
};

/// One sequence with what is asked for.
pub(super) struct Item {
    pub(super) question: Board,
    /// S tokens.
    pub(super) input: Vec<u8>,
    /// S tokens, padding where none is asked for.
    pub(super) label: Vec<u8>,
    /// Row of the puzzle embedding.
    pub(super) identifier: u32,
}

/// The puzzles as they stand, an ARC pair under its own task's identifier.
pub(super) fn of_puzzles(
    model: &Model,
    dataset: &Dataset,
    puzzles: &[Puzzle],
    protocol: &Protocol,
) -> Result<Vec<Item>> {
    let tokens = |board: &Board| encode(dataset.kind, dataset.side, board);
    let item = |puzzle: &Puzzle| {
        let identifier = match dataset.kind {
            Kind::Sudoku | Kind::Maze => 0,
            Kind::Arc if protocol.blank_identifiers => arc::BLANK,
            Kind::Arc => arc::identifier(model.info(), &puzzle.task, 0)?,
        };
        let (input, label) = (tokens(&puzzle.question), tokens(&puzzle.answer));
        Ok(Item { question: puzzle.question.clone(), input, label, identifier })
    };
    puzzles.iter().map(item).collect()
}
