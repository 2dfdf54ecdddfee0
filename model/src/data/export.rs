//! A dataset as files that it can be imported from again: CSV of Sudoku and mazes, JSON of ARC tasks.

use super::{Dataset, Puzzle, arc::of_dataset, csv::HEADER, whole};
use hrm_types::{
    board::{Board, Kind},
    dataset::Split,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Why a dataset cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file cannot be written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A task whose name is no file's.
    #[error("expected tasks whose names can be files', found {0:?}; `--format arrays` writes any")]
    Name(String),
    /// A task with a single pair, or with none of which the answer is known.
    #[error(
        "expected tasks of two pairs and more, one to show and one to ask, found {0:?}; `--format arrays` writes any"
    )]
    Pairs(String),
    /// A format that this kind of puzzle does not have.
    #[error("expected {expected} for {kind}, found {found}")]
    Format {
        /// The formats of the kind.
        expected: &'static str,
        /// The format asked for.
        found: &'static str,
        /// The kind.
        kind: Kind,
    },
}

/// Writes `train.csv`, `test.csv` and, if there is a validation split, `validation.csv` into a new folder, which is
/// whole or not there.
///
/// # Errors
/// [`ExportError::Format`] for ARC, whose grids are no lines of text.
pub fn write_csv(dataset: &Dataset, folder: &Path) -> Result<(), ExportError> {
    if dataset.kind == Kind::Arc {
        return Err(ExportError::Format { expected: "arrays or json", found: "csv", kind: dataset.kind });
    }
    let fill = |folder: &Path| {
        for split in [Split::Train, Split::Validation, Split::Test] {
            let puzzles = dataset.split(split);
            if puzzles.is_empty() && split == Split::Validation {
                continue;
            }
            write_lines(&folder.join(split.as_str()).with_added_extension("csv"), |file| {
                writeln!(file, "{}", HEADER.join(","))?;
                puzzles.iter().try_for_each(|puzzle| writeln!(file, "{}", row(dataset.kind, puzzle)))
            })?;
        }
        Ok(())
    };
    whole::folder(folder, fill, |path, error| failed(path)(error))
}

fn row(kind: Kind, puzzle: &Puzzle) -> String {
    let Puzzle { question, answer, rating, source, .. } = puzzle;
    format!("{},{},{},{rating}", quoted(source), quoted(&question.text(kind)), quoted(&answer.text(kind)))
}

/// A field, in quotes where it needs them.
fn quoted(field: &str) -> String {
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

/// Writes one JSON file for every ARC task into a new folder, which is whole or not there: those with test pairs below
/// `evaluation`, all others below `training`, their last pair as the test unless it is their only one.
///
/// # Errors
/// [`ExportError::Format`] for other kinds; [`ExportError::Name`], [`ExportError::Pairs`].
pub fn write_json(dataset: &Dataset, folder: &Path) -> Result<(), ExportError> {
    if dataset.kind != Kind::Arc {
        return Err(ExportError::Format { expected: "arrays or csv", found: "json", kind: dataset.kind });
    }
    let evaluated: BTreeSet<&str> = dataset.test.iter().map(|puzzle| puzzle.task.as_str()).collect();
    let mut tasks: BTreeMap<PathBuf, Value> = BTreeMap::new();
    for (name, task) in of_dataset(dataset) {
        // A name may come from anybody's folder.
        if Path::new(name).file_name().is_none_or(|file| file != name) {
            return Err(ExportError::Name(name.to_owned()));
        }
        let pair = |input: &Board, output: &Board| json!({"input": rows(input), "output": rows(output)});
        let mut train: Vec<Value> = task.train.iter().map(|p| pair(&p.input, &p.output)).collect();
        let mut test: Vec<Value> =
            task.test.iter().filter_map(|test| Some(pair(&test.input, test.output.as_ref()?))).collect();
        if test.is_empty() && train.len() > 1 {
            test.extend(train.pop());
        }
        if train.is_empty() || test.is_empty() {
            return Err(ExportError::Pairs(name.to_owned()));
        }
        let place = if evaluated.contains(name) { "evaluation" } else { "training" };
        let path = Path::new(place).join(name).with_added_extension("json");
        tasks.insert(path, json!({"train": train, "test": test}));
    }
    let fill = |folder: &Path| {
        for (path, task) in &tasks {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed(parent))?;
            }
            write_lines(&path, |file| writeln!(file, "{task}"))?;
        }
        Ok(())
    };
    whole::folder(folder, fill, |path, error| failed(path)(error))
}

fn rows(board: &Board) -> Vec<&[u8]> {
    board.cells().chunks(usize::from(board.columns())).collect()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::File { path, source }
}

fn write_lines(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), ExportError> {
    let written = || {
        let mut file = BufWriter::new(File::create_new(path)?);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    };
    written().map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{generate, load_arc, read_csv_file};
    use hrm_types::experiment::{ArcSpec, GenerateSpec, MazeStyle};
    use std::ops::ControlFlow;

    fn made(spec: &GenerateSpec) -> Dataset {
        generate(spec, &mut |_, _| ControlFlow::Continue(())).expect("puzzles")
    }

    #[test]
    fn csv_is_read_again_puzzle_for_puzzle() {
        let sudoku = GenerateSpec { validation: 3, ..GenerateSpec::sudoku(4, 9, 5, [6, 10], 1) };
        let maze = GenerateSpec {
            kind: Kind::Maze,
            side: 7,
            givens: None,
            maze: Some(MazeStyle::Perfect),
            validation: 0,
            ..sudoku.clone()
        };
        for spec in [sudoku, maze] {
            let mut dataset = made(&spec);
            dataset.train[0].source = "a \"strange\", source".to_owned();
            let place = tempfile::tempdir().expect("a folder");
            let folder = place.path().join("files");
            write_csv(&dataset, &folder).expect("files");
            let read = |split: Split| {
                let file = folder.join(split.as_str()).with_added_extension("csv");
                if file.exists() { read_csv_file(&file, dataset.kind).expect("puzzles") } else { vec![] }
            };
            let [train, validation, test] = [Split::Train, Split::Validation, Split::Test].map(read);
            assert_eq!(Dataset { train, validation, test, ..dataset.clone() }, dataset);
            assert!(matches!(write_csv(&dataset, &folder), Err(ExportError::File { .. })), "it is there already");
            assert!(matches!(write_json(&dataset, &place.path().join("other")), Err(ExportError::Format { .. })));
            assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1, "nothing else is left");
        }
    }

    #[test]
    fn json_is_read_again_with_the_same_pairs_in_the_same_splits() {
        let spec = GenerateSpec { kind: Kind::Arc, side: 6, givens: None, ..GenerateSpec::sudoku(4, 5, 4, [6, 10], 1) };
        let dataset = made(&spec);
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("tasks");
        write_json(&dataset, &folder).expect("files");
        let read = load_arc(&ArcSpec { paths: vec![folder.display().to_string()], validation_tasks: 0, seed: 0 });
        let read = read.expect("the tasks");
        let pairs = |split: &[Puzzle]| -> Vec<_> {
            split.iter().map(|p| (p.task.clone(), p.question.clone(), p.answer.clone())).collect()
        };
        assert_eq!(pairs(&read.train), pairs(&dataset.train));
        assert_eq!(pairs(&read.test), pairs(&dataset.test));
        assert!(matches!(write_csv(&dataset, &place.path().join("other")), Err(ExportError::Format { .. })));
    }

    #[test]
    fn no_task_is_written_outside_of_the_folder_and_none_that_could_not_be_read_again() {
        let spec = GenerateSpec { kind: Kind::Arc, side: 6, givens: None, ..GenerateSpec::sudoku(4, 5, 4, [6, 10], 1) };
        let mut dataset = made(&spec);
        dataset.test.clear();
        let task = dataset.train[0].task.clone();
        let first = dataset.train[0].clone();
        dataset.train.retain(|puzzle| puzzle.task != task);
        dataset.train.push(first);
        let place = tempfile::tempdir().expect("a folder");
        let single = write_json(&dataset, &place.path().join("tasks"));
        assert!(matches!(&single, Err(ExportError::Pairs(found)) if *found == task), "{single:?}");
        for name in ["../outside", "/outside", "a/b", "..", ""] {
            dataset.train[0].task = name.to_owned();
            let refused = write_json(&dataset, &place.path().join("other"));
            assert!(matches!(&refused, Err(ExportError::Name(found)) if found == name), "{name:?}: {refused:?}");
        }
        assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 0, "nothing is left");
    }
}
