//! The tasks of a dataset: their identifiers, their variants, and what a visit of one draws.

use super::{
    Pair, Set, Task, Test,
    variant::{Variant, encode, translation, variants},
};
use crate::{
    Error, Result,
    checkpoint::CheckpointInfo,
    data::{Dataset, Visit, draw},
};
use hrm_types::{
    board::{Board, Kind},
    dataset::Split,
    experiment::Experiment,
};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// The identifier that belongs to no task.
pub const BLANK: u32 = 0;

/// Rows of the puzzle embedding: the blank one and, of ARC, one for every variant of every task.
pub fn identifiers(kind: Kind, tasks: usize, variants: u32) -> usize {
    if kind == Kind::Arc { 1 + tasks * (1 + variants as usize) } else { 1 }
}

/// The identifier of a variant of a task that the model was trained on; variant 0 is the task itself.
///
/// # Errors
/// [`Error::UnknownTask`].
pub fn identifier(info: &CheckpointInfo, task: &str, variant: u32) -> Result<u32> {
    let index = info.tasks.iter().position(|known| known == task);
    let index = index.ok_or_else(|| Error::UnknownTask { task: task.to_owned() })?;
    Ok(first(index, info.experiment.train.task_variants) + variant)
}

/// The variants of each task whose identifiers have names of their own, with these: the task itself first. A model that
/// was trained with drawn variants names the tasks alone.
pub fn named(info: &CheckpointInfo) -> BTreeMap<&str, Vec<(Variant, u32)>> {
    let mut tasks: BTreeMap<&str, Vec<(Variant, u32)>> = BTreeMap::new();
    for (index, name) in info.tasks.iter().enumerate() {
        let (task, variant) = Variant::of_name(name);
        let identifier = first(index, info.experiment.train.task_variants);
        tasks.entry(task).or_default().push((variant, identifier));
    }
    for variants in tasks.values_mut() {
        variants.sort_by_key(|(variant, _)| *variant != Variant::IDENTITY);
    }
    tasks
}

/// The identifier of the first variant of the task with this index among the names.
fn first(index: usize, variants: u32) -> u32 {
    1 + index as u32 * (1 + variants)
}

/// The tasks of a dataset by name, with the pairs of all splits: what is trained on as demonstrations, the rest as
/// tests.
pub fn of_dataset(dataset: &Dataset) -> BTreeMap<&str, Task> {
    let mut tasks: BTreeMap<&str, Task> = BTreeMap::new();
    for split in [Split::Train, Split::Validation, Split::Test] {
        for puzzle in dataset.split(split) {
            let new = || Task {
                name: puzzle.task.clone(),
                set: Set::Training,
                folder: puzzle.source.clone(),
                train: vec![],
                test: vec![],
            };
            let task = tasks.entry(&puzzle.task).or_insert_with(new);
            let (input, output) = (puzzle.question.clone(), puzzle.answer.clone());
            match split {
                Split::Train => task.train.push(Pair { input, output }),
                Split::Validation | Split::Test => task.test.push(Test { input, output: Some(output) }),
            }
            if split == Split::Test {
                task.set = Set::Evaluation;
            }
        }
    }
    tasks
}

/// The tasks that have pairs to train on.
pub struct Tasks {
    side: u8,
    translate: bool,
    trained: Vec<Trained>,
}

struct Trained {
    /// Of the first variant; those of the others follow.
    identifier: u32,
    variants: Vec<Variant>,
    pairs: Vec<Pair>,
}

impl Tasks {
    /// The tasks of a dataset's training split.
    pub fn of_dataset(dataset: &Dataset, experiment: &Experiment) -> Self {
        let count = experiment.train.task_variants;
        let trained = |(index, task): (usize, Task)| {
            let variants = variants(&task, count as usize, experiment.seed);
            Trained { identifier: first(index, count), variants, pairs: task.train }
        };
        let tasks = of_dataset(dataset).into_values().enumerate().map(trained);
        Self {
            side: dataset.side,
            translate: experiment.train.augment,
            trained: tasks.filter(|task| !task.pairs.is_empty()).collect(),
        }
    }

    /// Number of tasks that are trained on.
    pub fn trained(&self) -> usize {
        self.trained.len()
    }

    /// Training pairs of a task.
    pub fn pairs(&self, task: usize) -> usize {
        self.trained[task].pairs.len()
    }

    /// All pairs of a task in a drawn variant. Each but one stands somewhere in the square, where it is drawn; that one
    /// stands in the upper left corner, as test pairs do.
    pub fn visit(&self, task: usize, rng: &mut ChaCha8Rng) -> Visit {
        let Trained { identifier, variants, pairs } = &self.trained[task];
        let drawn = draw::below(rng, variants.len() as u32);
        let variant = variants[drawn as usize];
        let in_corner = draw::below(rng, pairs.len() as u32) as usize;
        let example = |(i, pair): (usize, &Pair)| {
            let (question, answer) = (variant.apply(&pair.input), variant.apply(&pair.output));
            let moved = self.translate && i != in_corner;
            let (top, left) = if moved { translation(rng, &question, &answer, self.side) } else { (0, 0) };
            let tokens = |board: &Board| encode(board, self.side, top, left);
            (tokens(&question), tokens(&answer))
        };
        Visit { identifier: identifier + drawn, examples: pairs.iter().enumerate().map(example).collect() }
    }
}

#[cfg(test)]
mod tests;
