//! A dataset of the tasks in folders and archives.

use super::{
    assign::{Example, assign},
    read,
};
use crate::data::{DataError, Dataset, Puzzle};
use hrm_types::{
    board::{Kind, MAX_SIDE},
    experiment::ArcSpec,
};
use std::path::Path;

/// Reads the tasks of all paths and assigns their pairs to the splits.
///
/// # Errors
/// [`DataError::Arc`] for what cannot be read; [`DataError::Validation`] when there are fewer training tasks than are
/// to be held out.
pub fn load_arc(spec: &ArcSpec) -> Result<Dataset, DataError> {
    let collection = |path: &String| Ok((path.clone(), read::read(Path::new(path))?));
    let tasks = read::merge(spec.paths.iter().map(collection).collect::<Result<_, DataError>>()?)?;
    dataset(&tasks, MAX_SIDE, spec.validation_tasks, spec.seed, "")
}

/// The pairs of tasks in the square of a side, by the published assignment.
pub(in crate::data) fn dataset(
    tasks: &[super::Task],
    side: u8,
    validation_tasks: u32,
    seed: u64,
    source: &str,
) -> Result<Dataset, DataError> {
    let training = tasks.iter().filter(|task| task.set == super::Set::Training).count();
    if validation_tasks as usize > training {
        return Err(DataError::Validation { wanted: validation_tasks, left: training });
    }
    let assigned = assign(tasks, validation_tasks as usize, seed);
    let puzzle = |example: Example| {
        let folder = tasks.binary_search_by(|task| task.name.cmp(&example.task)).map(|i| tasks[i].folder.clone());
        Puzzle {
            question: example.input,
            answer: example.output,
            rating: 0,
            source: if source.is_empty() { folder.unwrap_or_default() } else { source.to_owned() },
            task: example.task,
        }
    };
    let split = |examples: Vec<Example>| examples.into_iter().map(puzzle).collect();
    Ok(Dataset {
        kind: Kind::Arc,
        side,
        train: split(assigned.train),
        validation: split(assigned.validation),
        test: split(assigned.test),
    })
}
