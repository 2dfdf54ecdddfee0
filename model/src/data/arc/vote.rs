//! Answers by voting: what a task's variants predict, undone, counted and scored as the public evaluator does.

mod submission;

use hrm_types::board::Board;
use std::{cmp::Ordering, collections::BTreeMap};

pub use submission::{ATTEMPTS, SubmissionError, submission, write_submission};

/// The numbers of answers allowed that scores are given for.
pub const PASS_AT: [usize; 6] = [1, 2, 5, 10, 100, 1000];

/// The votes for one test input.
///
/// What comes out of them does not depend on the order in which they were cast.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ballot {
    /// For every board voted for, the confidence of each vote, in 0 to 1.
    votes: BTreeMap<Board, Vec<f64>>,
}

/// A board that was voted for.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// In the original task's frame.
    pub board: Board,
    /// Predictions of this board.
    pub votes: usize,
    /// Mean over them of the sigmoid of `q_halt`.
    pub confidence: f64,
}

impl Ballot {
    /// Counts a prediction: a board undone into the original task's frame ([`super::variant::Variant::undo`]) and
    /// the model's `q_halt` logit. A logit that is no number counts as no confidence at all.
    ///
    /// A prediction that decodes to no grid is no vote; it is left out by its caller.
    pub fn cast(&mut self, board: Board, q_halt: f32) {
        let confidence = if q_halt.is_nan() { 0.0 } else { 1.0 / (1.0 + (-f64::from(q_halt)).exp()) };
        self.votes.entry(board).or_default().push(confidence);
    }

    /// Votes cast.
    pub fn len(&self) -> usize {
        self.votes.values().map(Vec::len).sum()
    }

    /// Whether nothing was voted for.
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }

    /// The boards voted for, best first: by votes, then by mean confidence; what is still equal in the order of
    /// boards (fewer rows, then fewer columns, then lower colours first), which is arbitrary but always the same.
    pub fn ranked(&self) -> Vec<Candidate> {
        let candidate = |(board, votes): (&Board, &Vec<f64>)| {
            // Added in a fixed order, so that no order of votes changes the last bit of the sum.
            let mut sorted = votes.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let confidence = sorted.iter().sum::<f64>() / votes.len() as f64;
            Candidate { board: board.clone(), votes: votes.len(), confidence }
        };
        let mut ranked: Vec<Candidate> = self.votes.iter().map(candidate).collect();
        let better = |a: &Candidate, b: &Candidate| -> Ordering {
            b.votes.cmp(&a.votes).then(b.confidence.total_cmp(&a.confidence)).then_with(|| a.board.cmp(&b.board))
        };
        ranked.sort_by(better);
        ranked
    }
}

/// The votes for a task: one ballot per test input, in the task's order.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskVotes {
    /// The task's name.
    pub name: String,
    /// Of each test input the true output, where it is known, and the votes.
    pub tests: Vec<(Option<Board>, Ballot)>,
}

impl TaskVotes {
    /// A task without votes yet.
    pub fn new(task: &super::Task) -> Self {
        let tests = task.test.iter().map(|test| (test.output.clone(), Ballot::default())).collect();
        Self { name: task.name.clone(), tests }
    }
}

/// How much is right when so many answers are allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PassAt {
    /// Answers allowed for each test input.
    pub k: usize,
    /// Mean over the tasks of the share of a task's test inputs that are answered rightly: the public evaluator's
    /// number.
    pub tasks: f64,
    /// Tasks whose test inputs are all answered rightly.
    pub whole_tasks: usize,
    /// Test inputs answered rightly.
    pub outputs: usize,
}

/// Scores of a collection of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// For each number of answers in [`PASS_AT`].
    pub pass: Vec<PassAt>,
    /// Tasks scored.
    pub tasks: usize,
    /// Test inputs of them.
    pub outputs: usize,
    /// Test inputs that nothing was predicted for; they count as wrong.
    pub without_prediction: usize,
    /// Votes counted.
    pub votes: usize,
}

/// Why votes cannot be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// Nothing to take a mean of.
    #[error("expected at least one task with a test input, found none")]
    NoTasks,
    /// A task without test inputs.
    #[error("task {task}: expected at least one test input, found none")]
    NoTests {
        /// Its name.
        task: String,
    },
    /// A test input whose output is not known.
    #[error("task {task}, test input {test}: expected its output to compare with, found none")]
    NoAnswer {
        /// Name of the task.
        task: String,
        /// From 1.
        test: usize,
    },
}

/// Scores tasks: an answer is right when it is the true output, size and every cell, and among the first k of the
/// ranking. A test input without votes is wrong.
///
/// # Errors
/// When there are no tasks, or a test input has no output to compare with.
pub fn score(tasks: &[TaskVotes]) -> Result<Scores, ScoreError> {
    if tasks.is_empty() {
        return Err(ScoreError::NoTasks);
    }
    let mut pass = PASS_AT.map(|k| PassAt { k, tasks: 0.0, whole_tasks: 0, outputs: 0 });
    let (mut outputs, mut without_prediction, mut votes) = (0, 0, 0);
    for task in tasks {
        if task.tests.is_empty() {
            return Err(ScoreError::NoTests { task: task.name.clone() });
        }
        let mut right = [0; PASS_AT.len()];
        for (i, (answer, ballot)) in task.tests.iter().enumerate() {
            let missing = || ScoreError::NoAnswer { task: task.name.clone(), test: i + 1 };
            let answer = answer.as_ref().ok_or_else(missing)?;
            let rank = ballot.ranked().iter().position(|candidate| candidate.board == *answer);
            for (right, k) in right.iter_mut().zip(PASS_AT) {
                *right += usize::from(rank.is_some_and(|rank| rank < k));
            }
            without_prediction += usize::from(ballot.is_empty());
            votes += ballot.len();
        }
        outputs += task.tests.len();
        for (pass, right) in pass.iter_mut().zip(right) {
            pass.tasks += right as f64 / task.tests.len() as f64;
            pass.whole_tasks += usize::from(right == task.tests.len());
            pass.outputs += right;
        }
    }
    for pass in &mut pass {
        pass.tasks /= tasks.len() as f64;
    }
    Ok(Scores { pass: pass.to_vec(), tasks: tasks.len(), outputs, without_prediction, votes })
}

#[cfg(test)]
mod tests;
