//! Puzzles of any kind made from a seed.

use super::{
    DataError, Dataset, Puzzle,
    arc::{self, generate::GenerateError},
    distinct::Counts,
    maze::{self, Maze, MazeError},
    sudoku,
};
use hrm_types::{
    board::Kind,
    experiment::{GenerateSpec, MazeStyle},
};
use std::ops::ControlFlow;

/// Where generated puzzles come from.
const GENERATED: &str = "generated";

/// Makes the dataset that `spec` describes; the same spec always gives the same dataset. `on_progress` gets (done,
/// total) puzzles.
///
/// # Errors
/// [`DataError::Spec`] for a spec that cannot be run, others for one that has no such puzzles, and
/// [`DataError::Cancelled`] when `on_progress` breaks.
pub fn generate(
    spec: &GenerateSpec,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Dataset, DataError> {
    spec.validate()?;
    match spec.kind {
        Kind::Sudoku => sudoku::generate(spec, on_progress),
        Kind::Maze => mazes(spec, on_progress),
        Kind::Arc => tasks(spec, on_progress),
    }
}

fn tasks(
    spec: &GenerateSpec,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Dataset, DataError> {
    let (training, evaluation) = (spec.train as usize, spec.test as usize);
    let made = arc::generate::generate(spec.side, training, evaluation, spec.seed, on_progress);
    let made = made.map_err(|error| match error {
        GenerateError::Cancelled => DataError::Cancelled,
        other => other.into(),
    })?;
    arc::dataset(&made, spec.side, spec.validation, spec.seed, GENERATED)
}

fn mazes(
    spec: &GenerateSpec,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Dataset, DataError> {
    let min_path = spec.min_path.unwrap_or_else(|| maze::default_min_path(spec.side));
    let counts = Counts { train: spec.train as usize, validation: spec.validation as usize, test: spec.test as usize };
    let style = spec.maze.unwrap_or(MazeStyle::Perfect);
    let made = maze::generate(style, spec.side, min_path, spec.seed, counts, on_progress);
    let made = made.map_err(|error| match error {
        MazeError::Cancelled => DataError::Cancelled,
        other => other.into(),
    })?;
    let puzzle = |Maze { question, answer, rating }| Puzzle {
        question,
        answer,
        rating,
        source: GENERATED.to_owned(),
        task: String::new(),
    };
    let split = |mazes: Vec<Maze>| mazes.into_iter().map(puzzle).collect();
    Ok(Dataset {
        kind: Kind::Maze,
        side: spec.side,
        train: split(made.train),
        validation: split(made.validation),
        test: split(made.test),
    })
}
