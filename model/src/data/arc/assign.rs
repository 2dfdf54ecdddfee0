//! Which pairs of a collection are trained on, and which are evaluated on.

use super::{Set, Task};
use crate::data::draw;
use hrm_types::board::Board;

/// A pair with the name of its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Name of the task.
    pub task: String,
    /// Before the transformation.
    pub input: Board,
    /// After it.
    pub output: Board,
}

/// A collection's pairs by what they are used for, each split in the order of the tasks and of their pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// To train on.
    pub train: Vec<Example>,
    /// To choose checkpoints by: test pairs of training tasks, kept from training.
    pub validation: Vec<Example>,
    /// The test pairs of evaluation tasks.
    pub test: Vec<Example>,
    /// Test inputs whose output is not known; they belong to no split.
    pub unanswered: usize,
}

/// Stream of the draw of validation tasks.
const VALIDATION_STREAM: u64 = 0;

/// The published assignment: all pairs of training tasks and the demonstrations of evaluation tasks are trained on,
/// the test pairs of evaluation tasks are the test set.
///
/// The published experiments have no validation split. With `validation_tasks` above 0, that many of the training
/// tasks, drawn by `seed`, keep their test pairs for it; with 0 the assignment is exactly the published one.
pub fn assign(tasks: &[Task], validation_tasks: usize, seed: u64) -> Assigned {
    let mut training: Vec<usize> = (0..tasks.len()).filter(|&i| tasks[i].set == Set::Training).collect();
    draw::shuffle(&mut draw::stream(seed, VALIDATION_STREAM), &mut training);
    training.truncate(validation_tasks);
    training.sort_unstable();
    let mut assigned = Assigned { train: Vec::new(), validation: Vec::new(), test: Vec::new(), unanswered: 0 };
    for (i, task) in tasks.iter().enumerate() {
        let example = |input: &Board, output: &Board| Example {
            task: task.name.clone(),
            input: input.clone(),
            output: output.clone(),
        };
        assigned.train.extend(task.train.iter().map(|pair| example(&pair.input, &pair.output)));
        let answered = task.test.iter().filter_map(|test| Some(example(&test.input, test.output.as_ref()?)));
        let tests: Vec<Example> = answered.collect();
        assigned.unanswered += task.test.len() - tests.len();
        match task.set {
            Set::Evaluation => assigned.test.extend(tests),
            Set::Training if training.binary_search(&i).is_ok() => assigned.validation.extend(tests),
            Set::Training => assigned.train.extend(tests),
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::super::{Pair, Test};
    use super::*;

    fn board(cell: u8) -> Board {
        Board::new(1, 1, vec![cell]).unwrap()
    }

    fn task(name: &str, set: Set, outputs: &[Option<u8>]) -> Task {
        let pair = |cell| Pair { input: board(cell), output: board(cell + 1) };
        let test = |output: &Option<u8>| Test { input: board(5), output: output.map(board) };
        Task {
            name: name.to_owned(),
            set,
            folder: String::new(),
            train: vec![pair(1), pair(2)],
            test: outputs.iter().map(test).collect(),
        }
    }

    #[test]
    fn only_tests_of_evaluation_tasks_are_tested() {
        let tasks = [
            task("a", Set::Training, &[Some(1)]),
            task("b", Set::Evaluation, &[Some(2), Some(3)]),
            task("c", Set::Evaluation, &[None]),
            task("d", Set::Training, &[Some(4)]),
        ];
        let published = assign(&tasks, 0, 1);
        let names = |examples: &[Example]| examples.iter().map(|example| example.task.clone()).collect::<String>();
        assert_eq!(names(&published.train), "aaabbccddd");
        assert_eq!(names(&published.test), "bb");
        assert_eq!((published.validation.len(), published.unanswered), (0, 1));

        let held_out = assign(&tasks, 1, 1);
        assert_eq!(held_out.test, published.test);
        assert_eq!((held_out.train.len(), held_out.validation.len()), (9, 1));
        assert!(names(&assign(&tasks, 2, 1).validation) == "ad", "no more than there are, in order");
    }
}
