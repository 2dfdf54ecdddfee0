//! Which puzzles stand in two splits of a dataset, up to the symmetries of their kind.

use super::{Dataset, Puzzle, dihedral};
use hrm_types::{
    board::{Board, Kind},
    dataset::LeakReport,
};
use std::collections::HashSet;

/// Counts the puzzles that stand in two splits.
pub fn leak_report(dataset: &Dataset) -> Option<LeakReport> {
    let form: fn(&Puzzle) -> Vec<u8> = match dataset.kind {
        Kind::Sudoku => return None,
        Kind::Maze => |puzzle| least(&[&puzzle.question], false),
        Kind::Arc => |puzzle| least(&[&puzzle.question, &puzzle.answer], true),
    };
    let answer: fn(&Puzzle) -> Vec<u8> = match dataset.kind {
        Kind::Sudoku | Kind::Maze => |puzzle| least(&[&puzzle.answer], false),
        Kind::Arc => |puzzle| least(&[&puzzle.answer], true),
    };
    let set = |puzzles: &[Puzzle], form: fn(&Puzzle) -> Vec<u8>| puzzles.iter().map(form).collect::<HashSet<_>>();
    let count = |puzzles: &[Puzzle], form: fn(&Puzzle) -> Vec<u8>, known: &HashSet<Vec<u8>>| {
        puzzles.iter().filter(|puzzle| known.contains(&form(puzzle))).count() as u32
    };
    let train = set(&dataset.train, form);
    Some(LeakReport {
        test_in_train: count(&dataset.test, form, &train),
        validation_in_train: count(&dataset.validation, form, &train),
        test_in_validation: count(&dataset.test, form, &set(&dataset.validation, form)),
        test_answers_in_train: count(&dataset.test, answer, &set(&dataset.train, answer)),
    })
}

/// The least of the eight images of boards that are turned and mirrored together; with `recolour`, colours other than
/// 0 are renamed in the order in which they appear.
fn least(boards: &[&Board], recolour: bool) -> Vec<u8> {
    let image = |form: u8| {
        let mut cells = Vec::new();
        for board in boards {
            let image = dihedral::transform(board, form);
            cells.extend([image.rows(), image.columns()]);
            cells.extend(image.cells());
        }
        if recolour { renamed(boards, cells) } else { cells }
    };
    (0..dihedral::SYMMETRIES).map(image).min().unwrap_or_default()
}

/// Colours renamed to 1, 2, … in the order of their appearance; sizes stand between the boards' cells.
fn renamed(boards: &[&Board], mut cells: Vec<u8>) -> Vec<u8> {
    let (mut names, mut next, mut start) = ([0; 10], 1, 0);
    for board in boards {
        let end = start + 2 + board.cells().len();
        for cell in cells[start + 2..end].iter_mut().filter(|cell| **cell != 0) {
            let name = &mut names[usize::from(*cell)];
            if *name == 0 {
                *name = next;
                next += 1;
            }
            *cell = *name;
        }
        start = end;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::arc::variant::Variant;

    fn pair(question: &str, answer: &str) -> Puzzle {
        let board = |text| Board::read(Kind::Arc, text).expect(text);
        let (question, answer) = (board(question), board(answer));
        Puzzle { question, answer, rating: 0, source: String::new(), task: "t".to_owned() }
    }

    #[test]
    fn planted_copies_are_found_turned_mirrored_and_recoloured() {
        let original = pair("012/300", "21/03");
        let mut rng = crate::data::draw::stream(1, 0);
        for _ in 0..50 {
            let variant = Variant::draw(&mut rng);
            let copy = Puzzle {
                question: variant.apply(&original.question),
                answer: variant.apply(&original.answer),
                ..original.clone()
            };
            let dataset = Dataset {
                kind: Kind::Arc,
                side: 3,
                train: vec![original.clone(), pair("11", "1")],
                validation: vec![pair("5/5", "5")],
                test: vec![copy, pair("0", "4"), pair("011", "1")],
            };
            let expected = LeakReport {
                test_in_train: 1,
                validation_in_train: 1,
                test_in_validation: 0,
                test_answers_in_train: 3,
            };
            assert_eq!(leak_report(&dataset), Some(expected), "{variant:?}");
        }
    }
}
