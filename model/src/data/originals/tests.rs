//! Folders become datasets and datasets folders, and neither way anything is lost.

use super::*;
use crate::data::{generate, load_arc, npy::Folder};
use hrm_types::experiment::{ArcSpec, GenerateSpec, MazeStyle};
use std::{fs, ops::ControlFlow, path::PathBuf};

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not on this machine", path.display());
        return None;
    }
    Some(path)
}

fn made(spec: &GenerateSpec) -> Dataset {
    generate(spec, &mut |_, _| ControlFlow::Continue(())).expect("puzzles")
}

/// Boards and tasks of every split: what a folder can hold.
fn boards(dataset: &Dataset) -> Vec<Vec<(&Board, &Board, &str)>> {
    [Split::Train, Split::Validation, Split::Test]
        .map(|split| dataset.split(split).iter().map(|p| (&p.question, &p.answer, p.task.as_str())).collect())
        .into()
}

#[test]
fn a_dataset_of_any_kind_comes_back_out_of_its_folder() {
    let sudoku = GenerateSpec { validation: 5, ..GenerateSpec::sudoku(4, 20, 7, [6, 10], 1) };
    let maze = GenerateSpec {
        kind: Kind::Maze,
        side: 7,
        givens: None,
        maze: Some(MazeStyle::Hard),
        min_path: Some(6),
        ..sudoku.clone()
    };
    let arc = GenerateSpec { kind: Kind::Arc, side: 6, givens: None, ..sudoku.clone() };
    // As many tokens as a Sudoku of that side, of as many kinds.
    let small = GenerateSpec { side: 4, min_path: None, train: 6, validation: 1, test: 2, ..maze.clone() };
    for spec in [sudoku, maze, small, arc] {
        let dataset = made(&spec);
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        folder_of(&dataset).expect("a folder").write(&first).expect("files");
        let back = import_folder(&first).expect("a dataset");
        assert_eq!((back.kind, back.side), (dataset.kind, dataset.side));
        assert_eq!(boards(&back), boards(&dataset), "{spec:?}");
        if spec.kind != Kind::Arc {
            let ratings = |of: &Dataset| of.puzzles().map(|puzzle| puzzle.rating).collect::<Vec<_>>();
            assert_eq!(ratings(&back), ratings(&dataset), "{spec:?}");
        }
        folder_of(&back).expect("a folder").write(&second).expect("files");
        assert_same_files(&first, &second);
    }
}

fn assert_same_files(first: &Path, second: &Path) {
    for entry in fs::read_dir(first).expect("a folder") {
        let path = entry.expect("an entry").path();
        let other = second.join(path.file_name().expect("a name"));
        if path.is_dir() {
            assert_same_files(&path, &other);
        } else {
            assert!(fs::read(&path).expect("a file") == fs::read(&other).expect("a file"), "{}", path.display());
        }
    }
}

#[test]
fn the_reference_builders_folders_hold_the_originals_of_their_groups() {
    let Some(path) = shared("fixtures/datasets/sudoku-upstream") else { return };
    let sudoku = import_folder(&path).expect("a dataset");
    assert_eq!((sudoku.kind, sudoku.train.len(), sudoku.test.len()), (Kind::Sudoku, 40, 40));
    let again = folder_of(&sudoku).expect("a folder");
    let read = Folder::read(&path).expect("a folder");
    // Its test split has no variants: the arrays are the same, byte for byte.
    assert_eq!(again.splits["test"], read.splits["test"]);
    assert_eq!(again.identifiers, read.identifiers);

    let (Some(path), Some(archive)) = (shared("fixtures/datasets/arc-upstream"), shared("data/arc/ARC-AGI-1.tar.gz"))
    else {
        return;
    };
    let arc = import_folder(&path).expect("a dataset");
    assert_eq!((arc.kind, arc.train.len(), arc.test.len()), (Kind::Arc, 47, 6));
    let paths = vec![archive.display().to_string()];
    let whole = load_arc(&ArcSpec { paths, validation_tasks: 0, seed: 0 }).expect("the tasks");
    let pair = |p: &Puzzle| (p.task.clone(), p.question.clone(), p.answer.clone());
    let known: std::collections::BTreeSet<_> = whole.puzzles().map(pair).collect();
    assert!(arc.puzzles().all(|puzzle| known.contains(&pair(puzzle))), "a pair that the original tasks do not have");
}

#[test]
fn what_shows_no_solved_puzzle_is_refused_with_its_place() {
    let dataset = made(&GenerateSpec::sudoku(4, 20, 7, [6, 10], 1));
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str, change: &dyn Fn(&mut TokenSplit)| {
        let mut whole = folder_of(&dataset).expect("a folder");
        change(&mut whole.splits.get_mut("test").expect("a split").sets[0].tokens);
        let path = folder.path().join(name);
        whole.write(&path).expect("files");
        import_folder(&path).expect_err(name).to_string()
    };
    let swapped = refused("swapped", &|tokens| tokens.labels[2 * 16..3 * 16].reverse());
    assert!(swapped.contains("test: example 2, counted from 0: answer: expected a solution"), "{swapped}");
    let blank = refused("blank", &|tokens| tokens.labels[0] = 1);
    assert!(blank.contains("example 0"), "{blank}");

    let arc =
        made(&GenerateSpec { kind: Kind::Arc, side: 6, givens: None, ..GenerateSpec::sudoku(4, 4, 4, [6, 10], 1) });
    let mut whole = folder_of(&arc).expect("a folder");
    whole.identifiers[1] = format!("{}_t1_0123456789", whole.identifiers[1]);
    let path = folder.path().join("variant");
    whole.write(&path).expect("files");
    let variant = import_folder(&path).expect_err("a variant").to_string();
    assert!(variant.contains("expected the original first in group 0"), "{variant}");
}
