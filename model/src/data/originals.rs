//! A builder's folder of arrays as a dataset, and a dataset as such a folder.
//!
//! A dataset holds original puzzles: variants are drawn anew where it is trained on. So of a folder's groups the first
//! puzzle is taken, which its builders leave as it is, and a folder made here has one puzzle in every group. ARC grids
//! stand anywhere in their square in a folder's training examples, and in its corner in those written here.

use super::{
    DataError, Dataset, Puzzle, RowError,
    arc::variant::Variant,
    encode::{decode, encode, task_shape},
    folder::kind_of,
    maze,
    npy::{self, Folder, Metadata},
    search,
    tokens::{Examples, PAD, TokenSplit},
};
use hrm_types::{
    board::{Board, Kind},
    dataset::Split,
    sudoku::Grid,
};
use rayon::prelude::*;
use std::{collections::BTreeMap, path::Path};

/// Where puzzles out of arrays come from.
const SOURCE: &str = "arrays";

/// What the identifier of no puzzle in particular is called.
const BLANK: &str = "<blank>";

/// The original puzzles of a folder, every one checked. A set `validation` beside `train` and `test`, which the
/// reference's builders do not make, is the validation split.
///
/// # Errors
/// The split and the example, counted from 0, that show no puzzle or no solution of it.
pub fn import_folder(path: &Path) -> Result<Dataset, DataError> {
    let folder = Folder::read(path)?;
    let (kind, side) = kind_of(&folder, path)?;
    let split = |split: Split| -> Result<Vec<Puzzle>, DataError> {
        let Some(read) = folder.splits.get(split.as_str()) else { return Ok(vec![]) };
        let place = path.join(split.as_str());
        let of_set = |set: &npy::Set| originals(&set.tokens, &folder.identifiers, (kind, side), &place);
        read.sets.iter().map(of_set).collect::<Result<Vec<_>, _>>().map(|sets| sets.concat())
    };
    let [train, validation, test] = [Split::Train, Split::Validation, Split::Test].map(split);
    Ok(Dataset { kind, side, train: train?, validation: validation?, test: test? })
}

/// The examples of the first puzzle of every group.
fn originals(
    tokens: &TokenSplit,
    identifiers: &[String],
    (kind, side): (Kind, u8),
    place: &Path,
) -> Result<Vec<Puzzle>, DataError> {
    let mut examples = Vec::new();
    for group in 0..tokens.groups() {
        let puzzle = tokens.group(group).start;
        let name = &identifiers[tokens.puzzle_identifiers[puzzle] as usize];
        if Variant::of_name(name).1 != Variant::IDENTITY {
            let (path, found) = (place.display().to_string(), name.clone());
            return Err(DataError::FolderOriginal { path, group, found });
        }
        let task = if kind == Kind::Arc { name.as_str() } else { "" };
        examples.extend(tokens.puzzle(puzzle).map(|example| (example, task)));
    }
    let puzzle = |&(example, task): &(usize, &str)| {
        let board = |sequence: &[u8]| {
            let no_board = || DataError::FolderBoard { path: place.display().to_string(), example };
            read_board(kind, side, sequence).ok_or_else(no_board)
        };
        let (question, answer) = (board(tokens.input(example))?, board(tokens.label(example))?);
        let rating = rating(kind, &question, &answer).map_err(|problem| DataError::FolderPuzzle {
            path: place.display().to_string(),
            example,
            problem,
        })?;
        Ok(Puzzle { question, answer, rating, source: SOURCE.to_owned(), task: task.to_owned() })
    };
    examples.par_iter().map(puzzle).collect()
}

/// The board that a sequence shows; an ARC grid may stand anywhere in the square.
fn read_board(kind: Kind, side: u8, sequence: &[u8]) -> Option<Board> {
    let first = if kind == Kind::Arc { sequence.iter().position(|&token| token != PAD)? } else { 0 };
    let mut tokens = vec![u32::from(PAD); sequence.len()];
    for (token, &moved) in tokens.iter_mut().zip(&sequence[first..]) {
        *token = u32::from(moved);
    }
    // Columns that were left of the grid stand at the right now: they are padding, as what is beyond a grid is.
    decode(kind, side, &tokens)
}

/// Checks the answer; the answer is the puzzle's difficulty as it is counted elsewhere.
fn rating(kind: Kind, question: &Board, answer: &Board) -> Result<u32, RowError> {
    match kind {
        Kind::Sudoku => {
            let grid = |board: &Board, column| {
                Grid::from_cells(board.cells().to_vec()).map_err(|_| RowError::Length {
                    column,
                    expected: 81,
                    found: board.cells().len(),
                })
            };
            let (question, answer) = (grid(question, "question")?, grid(answer, "answer")?);
            if !search::is_solution(&question, &answer) {
                let violation = answer.violations(&question).into_iter().next();
                return Err(RowError::Answer(violation.unwrap_or_default()));
            }
            Ok(search::first_solution(&question).map_or(0, |(_, guesses)| guesses))
        }
        Kind::Maze => {
            maze::check_answer(question, answer)?;
            Ok(maze::shortest(question).unwrap_or(0))
        }
        Kind::Arc => Ok(0),
    }
}

/// A dataset as a folder of arrays; a validation split becomes a third split beside the reference's two.
pub fn folder_of(dataset: &Dataset) -> Result<Folder, DataError> {
    let mut identifiers = vec![BLANK.to_owned()];
    let mut rows: BTreeMap<&str, u32> = BTreeMap::new();
    // In the order of their appearance, as the reference's builders number them.
    for puzzle in dataset.puzzles().filter(|puzzle| !puzzle.task.is_empty()) {
        rows.entry(&puzzle.task).or_insert_with(|| {
            identifiers.push(puzzle.task.clone());
            identifiers.len() as u32 - 1
        });
    }
    let task = task_shape(dataset.kind, dataset.side, identifiers.len());
    let mut splits = BTreeMap::new();
    for split in [Split::Train, Split::Validation, Split::Test] {
        let puzzles = dataset.split(split);
        if puzzles.is_empty() && split == Split::Validation {
            continue;
        }
        let mut tokens = TokenSplit::empty(task.seq_len);
        for (task, examples) in groups(dataset, puzzles) {
            tokens.push_group(&[(rows.get(task).copied().unwrap_or(0), examples)])?;
        }
        let metadata = Metadata {
            pad_id: 0,
            ignore_label_id: 0,
            blank_identifier_id: 0,
            vocab_size: task.vocab_size,
            seq_len: task.seq_len,
            num_puzzle_identifiers: task.num_puzzle_identifiers,
            total_groups: tokens.groups(),
            mean_puzzle_examples: tokens.mean_puzzle_examples(),
            total_puzzles: None,
            sets: vec!["all".to_owned()],
        };
        splits.insert(split.as_str().to_owned(), npy::Split { metadata, sets: vec![npy::Set::new(tokens)] });
    }
    Ok(Folder { identifiers, splits })
}

/// The examples of every group: a puzzle's one, or the pairs of an ARC task, in the order of its first one.
fn groups<'a>(dataset: &Dataset, puzzles: &'a [Puzzle]) -> Vec<(&'a str, Examples)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<(&str, Examples)> = Vec::new();
    for puzzle in puzzles {
        let tokens = |board: &Board| encode(dataset.kind, dataset.side, board);
        let example = (tokens(&puzzle.question), tokens(&puzzle.answer));
        let new = groups.len();
        let place = if puzzle.task.is_empty() { new } else { *places.entry(&puzzle.task).or_insert(new) };
        if place == new {
            groups.push((&puzzle.task, vec![]));
        }
        groups[place].1.push(example);
    }
    groups
}

#[cfg(test)]
mod tests;
