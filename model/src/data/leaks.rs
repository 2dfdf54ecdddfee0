//! Which puzzles stand in two splits of a dataset, up to the symmetries of their kind.

use super::{DataError, Dataset, Puzzle, canonical, dihedral};
use hrm_types::{
    board::{Board, Kind},
    dataset::LeakReport,
};
use rayon::prelude::*;
use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

/// Puzzles between two calls of the progress callback: about a second of Sudokus.
const PROGRESS_EVERY: usize = 16_384;

/// What stands for a puzzle and for its answer alone: equal for those that a symmetry takes to each other.
struct Forms {
    puzzle: Vec<u8>,
    answer: Vec<u8>,
}

/// Counts the puzzles that stand in two splits, up to symmetry. `on_progress` gets (done, total) puzzles.
///
/// # Errors
/// [`DataError::Cancelled`] when `on_progress` breaks.
pub fn leak_report(
    dataset: &Dataset,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<LeakReport, DataError> {
    let splits = [&dataset.train[..], &dataset.validation, &dataset.test];
    let mut all = [const { Vec::new() }; 3];
    each_form((dataset.kind, dataset.side), splits, &mut |split, forms| all[split].push(forms), on_progress)?;
    let [train, validation, test] = all;
    let puzzle: fn(&Forms) -> &[u8] = |forms| &forms.puzzle;
    Ok(LeakReport {
        test_in_train: shared(&test, &train, puzzle),
        validation_in_train: shared(&validation, &train, puzzle),
        test_in_validation: shared(&test, &validation, puzzle),
        test_answers_in_train: shared(&test, &train, |forms| &forms.answer),
        train_repeated: Some(repeated(&train)),
        test_repeated: Some(repeated(&test)),
    })
}

/// Counts the test puzzles of which an equivalent one is among those of `train`, all of this kind and side. `on_progress` gets
/// (done, total) puzzles.
///
/// # Errors
/// [`DataError::Cancelled`] when `on_progress` breaks.
pub fn tested_in_training(
    (kind, side): (Kind, u8),
    test: &[Puzzle],
    train: &[Puzzle],
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<u32, DataError> {
    // Of the training puzzles, which may be millions, nothing is kept.
    let (mut tested, mut found) = (HashMap::<Vec<u8>, u32>::new(), 0);
    let mut take = |split: usize, Forms { puzzle, .. }: Forms| match split {
        0 => *tested.entry(puzzle).or_default() += 1,
        _ => found += tested.remove(&puzzle).unwrap_or(0),
    };
    each_form((kind, side), [test, train], &mut take, on_progress)?;
    Ok(found)
}

/// Hands the forms of the puzzles of several splits to `take`, with the number of the split, in their order.
fn each_form<const N: usize>(
    (kind, side): (Kind, u8),
    splits: [&[Puzzle]; N],
    take: &mut dyn FnMut(usize, Forms),
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<(), DataError> {
    let (mut done, total) = (0, splits.iter().map(|split| split.len()).sum());
    for (number, split) in splits.into_iter().enumerate() {
        for chunk in split.chunks(PROGRESS_EVERY) {
            let all: Vec<Forms> = chunk.par_iter().map(|puzzle| forms(kind, side, puzzle)).collect();
            for forms in all {
                take(number, forms);
            }
            done += chunk.len();
            if on_progress(done, total).is_break() {
                return Err(DataError::Cancelled);
            }
        }
    }
    Ok(())
}

/// How many of some puzzles have an equivalent one before them.
fn repeated(puzzles: &[Forms]) -> u32 {
    let distinct: HashSet<&[u8]> = puzzles.iter().map(|forms| &forms.puzzle[..]).collect();
    (puzzles.len() - distinct.len()) as u32
}

/// How many of some puzzles have a form that one of the others has.
fn shared(some: &[Forms], others: &[Forms], form: fn(&Forms) -> &[u8]) -> u32 {
    let known: HashSet<&[u8]> = others.iter().map(form).collect();
    some.iter().filter(|forms| known.contains(form(forms))).count() as u32
}

fn forms(kind: Kind, side: u8, puzzle: &Puzzle) -> Forms {
    let (question, answer) = (&puzzle.question, &puzzle.answer);
    match kind {
        Kind::Sudoku => {
            let forms = canonical::sudoku(question.cells(), answer.cells(), side);
            Forms { puzzle: forms.puzzle.to_vec(), answer: forms.grid.to_vec() }
        }
        Kind::Maze => Forms { puzzle: least(&[question], false), answer: least(&[answer], false) },
        Kind::Arc => Forms { puzzle: least(&[question, answer], true), answer: least(&[answer], true) },
    }
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
    use crate::data::{arc::variant::Variant, augment::Symmetry};

    fn counted(dataset: &Dataset) -> LeakReport {
        leak_report(dataset, &mut |_, _| ControlFlow::Continue(())).expect("nobody breaks")
    }

    #[test]
    fn counting_says_how_far_it_is_and_can_be_stopped() {
        let many = PROGRESS_EVERY + 1;
        let train = vec![pair("1", "2"); many];
        let dataset = Dataset { kind: Kind::Arc, side: 3, train, validation: vec![pair("11", "1")], test: vec![] };
        let mut heard = Vec::new();
        let report = leak_report(&dataset, &mut |done, total| {
            heard.push((done, total));
            ControlFlow::Continue(())
        });
        let expected =
            LeakReport { train_repeated: Some(PROGRESS_EVERY as u32), test_repeated: Some(0), ..LeakReport::default() };
        assert_eq!(report.expect("nobody breaks"), expected);
        assert_eq!(heard, [(PROGRESS_EVERY, many + 1), (many, many + 1), (many + 1, many + 1)]);
        let mut calls = 0;
        let stopped = leak_report(&dataset, &mut |_, _| {
            calls += 1;
            ControlFlow::Break(())
        });
        assert!(matches!(stopped, Err(DataError::Cancelled)) && calls == 1, "{stopped:?} after {calls} calls");
    }

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
                train_repeated: Some(0),
                test_repeated: Some(0),
            };
            assert_eq!(counted(&dataset), expected, "{variant:?}");
        }
    }

    #[test]
    fn planted_sudokus_are_found_under_their_symmetries() {
        let board = |text| Board::read(Kind::Sudoku, text).expect(text);
        let puzzle = |question: &Board, answer: &Board| Puzzle {
            question: question.clone(),
            answer: answer.clone(),
            rating: 0,
            source: String::new(),
            task: String::new(),
        };
        let (question, answer) = (board("1.3.....4....2.3"), board("1234341241232341"));
        let fewer = board("1.3.....4......3");
        let mut rng = crate::data::draw::stream(2, 0);
        for _ in 0..50 {
            let symmetry = Symmetry::draw(4, &mut rng);
            let image = |board: &Board| Board::new(4, 4, symmetry.cells(board.cells()).collect()).expect("a board");
            let dataset = Dataset {
                kind: Kind::Sudoku,
                side: 4,
                train: vec![puzzle(&question, &answer)],
                validation: vec![puzzle(&image(&fewer), &image(&answer))],
                test: vec![
                    puzzle(&image(&question), &image(&answer)),
                    puzzle(&fewer, &answer),
                    puzzle(&question, &answer),
                ],
            };
            let expected = LeakReport {
                test_in_train: 2,
                validation_in_train: 0,
                test_in_validation: 1,
                test_answers_in_train: 3,
                train_repeated: Some(0),
                test_repeated: Some(1),
            };
            assert_eq!(counted(&dataset), expected, "{symmetry:?}");
            let elsewhere = [puzzle(&image(&fewer), &image(&answer))];
            let go_on = &mut |_, _| ControlFlow::Continue(());
            let found = tested_in_training((Kind::Sudoku, 4), &dataset.test, &elsewhere, go_on);
            assert_eq!(found.expect("nobody breaks"), 1, "{symmetry:?}");
        }
    }
}
