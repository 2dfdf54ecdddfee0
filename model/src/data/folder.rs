//! A builder's folder of arrays as something to train on and to evaluate with.

use super::{
    Corpus, DataError, Dataset, Puzzle,
    arc::variant::Variant,
    encode::decode,
    hex,
    npy::{Folder, FolderError, Split},
    tokens::TokenSplit,
};
use crate::shape::TaskShape;
use hrm_types::board::{Board, Kind};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The token of a Sudoku's digit 1; those of the others follow.
const FIRST_DIGIT: u8 = 2;

/// What a folder holds: examples to train on as they are, and the test split as puzzles.
pub fn load_folder(path: &Path) -> Result<(Corpus, Dataset), DataError> {
    let mut folder = Folder::read(path)?;
    let (kind, side) = kind_of(&folder, path)?;
    let tasks: Vec<String> = if kind == Kind::Arc { folder.identifiers.split_off(1) } else { vec![] };
    let test = test_puzzles(&folder, path, (kind, side), &tasks)?;
    let tokens = only_set(&mut folder, "train", path)?;
    let hash = hash_of(&tokens, &tasks);
    let corpus = Corpus::of_tokens(kind, side, tasks, hash, tokens)?;
    Ok((corpus, Dataset { kind, side, train: vec![], validation: vec![], test }))
}

/// SHA-256 of all that is trained on: the examples, which of them belong together, whose they are, and what those are called.
fn hash_of(tokens: &TokenSplit, tasks: &[String]) -> String {
    let mut hash = Sha256::new_with_prefix(&tokens.inputs).chain_update(&tokens.labels);
    for indices in [&tokens.puzzle_identifiers, &tokens.puzzle_indices, &tokens.group_indices] {
        hash.update((indices.len() as u64).to_le_bytes());
        for index in indices {
            hash.update(index.to_le_bytes());
        }
    }
    for task in tasks {
        hash.update((task.len() as u64).to_le_bytes());
        hash.update(task);
    }
    hex(&hash.finalize())
}

/// The kind and the side that a folder's sizes are those of.
pub(super) fn kind_of(folder: &Folder, path: &Path) -> Result<(Kind, u8), DataError> {
    let task = folder.task();
    match kind_of_task(task) {
        // Mazes of side 4 have the same sizes.
        Some((Kind::Sudoku, 4)) if !folder.splits.values().all(begins_with_sudoku) => Ok((Kind::Maze, 4)),
        Some(found) => Ok(found),
        None => Err(DataError::FolderTask { path: path.display().to_string(), task }),
    }
}

/// Whether the first answer of each set has every digit as often as a Sudoku of side 4 has.
fn begins_with_sudoku(split: &Split) -> bool {
    let sets = split.sets.iter().map(|set| &set.tokens).filter(|tokens| tokens.examples() > 0);
    let sorted = |label: &[u8]| {
        let mut label = label.to_vec();
        label.sort_unstable();
        label
    };
    let digits: Vec<u8> = (0..16).map(|cell| FIRST_DIGIT + cell / 4).collect();
    sets.map(|tokens| tokens.label(0)).all(|label| sorted(label) == digits)
}

/// The kind and the side whose tasks have these sizes.
pub fn kind_of_task(task: TaskShape) -> Option<(Kind, u8)> {
    let side = (1..=30).find(|&side| usize::from(side) * usize::from(side) == task.seq_len).unwrap_or(0);
    let kind = match task.vocab_size {
        12 => Kind::Arc,
        6 if side != 4 => Kind::Maze,
        _ => Kind::Sudoku,
    };
    let fits = kind.has_side(side)
        && task.vocab_size == super::encode::vocab_size(kind, side)
        && (kind == Kind::Arc || task.num_puzzle_identifiers == 1);
    fits.then_some((kind, side))
}

/// The arrays of a split, which must have one set.
fn only_set(folder: &mut Folder, split: &str, path: &Path) -> Result<TokenSplit, DataError> {
    let sets = folder.splits.remove(split).map(|split| split.sets).unwrap_or_default();
    let found = sets.len();
    match <[_; 1]>::try_from(sets) {
        Ok([set]) => Ok(set.tokens),
        Err(_) => Err(DataError::FolderSets { path: path.join(split).display().to_string(), found }),
    }
}

/// The examples of the test split; of ARC those of the tasks themselves, whose variants the builders put beside them: who votes
/// makes them of the tasks again, and no score counts a task more than once.
fn test_puzzles(
    folder: &Folder,
    path: &Path,
    (kind, side): (Kind, u8),
    tasks: &[String],
) -> Result<Vec<Puzzle>, DataError> {
    let mut puzzles = Vec::new();
    for set in folder.splits.get("test").map(|split| &split.sets[..]).unwrap_or_default() {
        let tokens = &set.tokens;
        for example in 0..tokens.examples() {
            let identifier = tokens.puzzle_identifiers[tokens.puzzle_of(example)] as usize;
            let task = identifier.checked_sub(1).and_then(|task| tasks.get(task)).cloned().unwrap_or_default();
            if Variant::of_name(&task).1 != Variant::IDENTITY {
                continue;
            }
            let board = |tokens: &[u8]| -> Result<Board, DataError> {
                let tokens: Vec<u32> = tokens.iter().map(|&token| u32::from(token)).collect();
                let no_board = || DataError::FolderBoard { path: path.join("test").display().to_string(), example };
                decode(kind, side, &tokens).ok_or_else(no_board)
            };
            puzzles.push(Puzzle {
                question: board(tokens.input(example))?,
                answer: board(tokens.label(example))?,
                rating: 0,
                source: path.display().to_string(),
                task,
            });
        }
    }
    Ok(puzzles)
}

impl From<FolderError> for DataError {
    fn from(error: FolderError) -> Self {
        Self::Folder(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn fixture(name: &str) -> Option<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/datasets").join(name);
        if !folder.exists() {
            eprintln!("skipped: {} is not on this machine", folder.display());
            return None;
        }
        Some(folder)
    }

    #[test]
    fn a_builders_folder_is_trained_on_as_it_is_and_its_tests_are_puzzles() {
        for (name, kind) in [("sudoku-upstream", Kind::Sudoku), ("arc-upstream", Kind::Arc)] {
            let Some(path) = fixture(name) else { return };
            let read = Folder::read(&path).unwrap();
            let (corpus, dataset) = load_folder(&path).unwrap();
            let train = &read.splits["train"].sets[0].tokens;
            assert_eq!((corpus.kind, dataset.kind), (kind, kind));
            assert_eq!((corpus.groups(), corpus.task()), (train.groups(), read.task()));
            let visit = corpus.visit(0, &mut super::super::draw::stream(1, 0));
            let known = |example: &(Vec<u8>, Vec<u8>)| {
                (0..train.examples()).any(|i| train.input(i) == example.0 && train.label(i) == example.1)
            };
            assert!(visit.examples.iter().all(known) && !visit.examples.is_empty());
            let test = &read.splits["test"].sets[0].tokens;
            let is_original = |example: &usize| {
                let identifier = test.puzzle_identifiers[test.puzzle_of(*example)] as usize;
                Variant::of_name(&read.identifiers[identifier]).1 == Variant::IDENTITY
            };
            assert_eq!(dataset.test.len(), (0..test.examples()).filter(is_original).count());
            let variants = test.examples() - dataset.test.len();
            assert_eq!(variants > 0, kind == Kind::Arc, "the builder of this fixture leaves no variants");
            assert!(dataset.test.iter().all(|puzzle| puzzle.task.is_empty() == (kind == Kind::Sudoku)));
        }
    }
}
