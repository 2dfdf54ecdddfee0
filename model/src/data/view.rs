//! A puzzle seen another way: under one of its kind's symmetries it is a puzzle again, and an answer to it can be brought
//! back. A model that errs on the one may be right on the other.

use super::{augment::Symmetry, dihedral, draw};
use hrm_types::board::{Board, Kind};

/// Seeds what views of a Sudoku there are, so that view n is the same everywhere and at any time.
const SEED: u64 = 0;

/// One way to see the puzzles of one kind and side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// For each cell that is seen, the cell of the puzzle that it shows.
    origin: Vec<usize>,
    /// As what each cell's number is seen.
    renamed: [u8; 10],
}

impl View {
    /// View `number` of such puzzles; none for 0, which is the puzzle as it is.
    ///
    /// # Panics
    /// When `number` is not below [`Kind::most_attempts`].
    pub fn new(kind: Kind, side: u8, number: u32) -> Option<Self> {
        let most = kind.most_attempts();
        assert!(number < most, "expected one of {most} views of a {kind}, found {number}");
        match (kind, number) {
            (_, 0) | (Kind::Arc, _) => None,
            (Kind::Sudoku, number) => {
                let (origin, renamed) = Symmetry::draw(side, &mut draw::stream(SEED, number.into())).into_parts();
                Some(Self { origin: origin.into_iter().map(usize::from).collect(), renamed })
            }
            (Kind::Maze, number) => Some(Self {
                origin: dihedral::origin(side, side, number as u8),
                renamed: std::array::from_fn(|cell| cell as u8),
            }),
        }
    }

    /// The puzzle as it is seen.
    pub fn of(&self, puzzle: &Board) -> Board {
        let cells = self.origin.iter().map(|&cell| self.renamed[usize::from(puzzle.cells()[cell])]);
        with_cells(puzzle, cells.collect())
    }

    /// What an answer to the seen puzzle says of the puzzle itself.
    pub fn undo(&self, answer: &Board) -> Board {
        let mut meant = [0; 10];
        for (number, &seen) in self.renamed.iter().enumerate() {
            meant[usize::from(seen)] = number as u8;
        }
        let cells: Vec<u8> = answer.cells().iter().map(|&cell| meant[usize::from(cell)]).collect();
        with_cells(answer, self.undo_places(&cells))
    }

    /// What an answer says of the puzzle itself, whether it was seen as it is or otherwise.
    pub fn meant(view: Option<&Self>, answer: Option<Board>) -> Option<Board> {
        match view {
            None => answer,
            Some(view) => answer.map(|answer| view.undo(&answer)),
        }
    }

    /// Values of the seen cells, each at the cell of the puzzle that it belongs to.
    pub fn undo_places<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let mut placed = vec![T::default(); values.len()];
        for (&cell, &value) in self.origin.iter().zip(values) {
            placed[cell] = value;
        }
        placed
    }
}

/// A square with other cells, which are as many.
fn with_cells(board: &Board, cells: Vec<u8>) -> Board {
    Board::new(board.rows(), board.columns(), cells).unwrap_or_else(|_| board.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{maze, search},
        judge::judge,
    };
    use hrm_types::{question::Question, solve::PuzzleInput};
    use std::collections::BTreeSet;

    fn ask(text: &str) -> Question {
        PuzzleInput::Text(text.into()).question(None, 0).expect(text)
    }

    fn views(kind: Kind, side: u8) -> impl Iterator<Item = View> {
        assert_eq!(View::new(kind, side, 0), None, "first as it is");
        (1..kind.most_attempts()).map(move |number| View::new(kind, side, number).expect("a view"))
    }

    #[test]
    fn an_answer_to_what_is_seen_is_brought_back() {
        let question = ask("..3.5..5.1..6...2..2...4..4.6..1.2..");
        let mut seen = vec![question.board.clone()];
        for view in views(Kind::Sudoku, 6) {
            let board = view.of(&question.board);
            let grid = board.text(Kind::Sudoku).parse().expect("a Sudoku");
            let (answer, _) = search::first_solution(&grid).expect("a solution of what is seen");
            let answer = view.undo(&Board::new(6, 6, answer).expect("a grid"));
            assert_eq!(judge(&question, Some(&answer)).solved, Some(true), "{view:?}");
            assert_eq!(view.undo(&board), question.board);
            seen.push(board);
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 256, "each is another");
    }

    #[test]
    fn a_maze_is_turned_and_mirrored() {
        let question = ask("S   # #   # #  G");
        let mut seen = BTreeSet::from([question.board.clone()]);
        for view in views(Kind::Maze, 4) {
            let board = view.of(&question.board);
            assert_eq!(maze::shortest(&board), maze::shortest(&question.board));
            assert_eq!(view.undo(&board), question.board);
            seen.insert(board);
        }
        assert_eq!(seen.len(), 8, "each is another");
    }

    #[test]
    fn values_go_with_their_cells() {
        let view = View::new(Kind::Maze, 3, 1).expect("a quarter turn");
        let places: Vec<u8> = (0..9).collect();
        let board = Board::new(3, 3, places.clone()).expect("a square");
        assert_eq!(view.undo_places(view.of(&board).cells()), places);
        let view = View::new(Kind::Sudoku, 4, 1).expect("another numbering");
        let blank = Board::new(4, 4, vec![0; 16]).expect("a grid");
        assert_eq!(view.undo(&blank), blank, "a cell without a digit stays one");
    }
}
