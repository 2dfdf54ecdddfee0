//! Solving puzzles, with every step on the way. Nothing but the model answers.

use crate::{
    Error, Result,
    act::Batch,
    checkpoint::{CheckpointInfo, Model},
    data::{arc, encode},
    eval::batch_size,
    judge::judge,
    loss::IGNORE_LABEL,
    rollout::{Reading, rollout},
};
use hrm_types::{
    board::{Board, Kind},
    evaluation::{Halting, Protocol},
    question::Question,
    solve::{MazePath, SolveStep, TaskIdentifier},
};
use std::{ops::ControlFlow, time::Instant};

/// What the model answered, and what the rules say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The board after every ACT step; the last one's is the answer.
    pub steps: Vec<SolveStep>,
    /// The answer; none where an ARC answer shows no grid. A Sudoku is blank where the model's token is no digit.
    pub answer: Option<Board>,
    /// Whether the answer is right; none where nothing tells.
    pub solved: Option<bool>,
    /// What is wrong with it.
    pub violations: Vec<String>,
    /// Of a maze: the path it marks.
    pub path: Option<MazePath>,
    /// Of an ARC task: how the model was told which.
    pub identifier: Option<TaskIdentifier>,
    /// Whether the model chose to stop, with `q_halt > q_continue`.
    pub halted: bool,
    /// Time in the model, milliseconds; of questions that were asked together, the time until this one's last step.
    pub milliseconds: f64,
}

/// Solves a puzzle: halting by Q, or after exactly `steps` ACT steps (1 to 1024).
///
/// # Errors
/// [`Error::WrongSide`] when the model takes no such puzzle; [`Error::Steps`].
pub fn solve(model: &Model, question: &Question, steps: Option<u32>) -> Result<Solution> {
    let mut found = None;
    let keep = &mut |_, solution| {
        found = Some(solution);
        ControlFlow::Continue(())
    };
    solve_all(model, std::slice::from_ref(question), steps, keep)?;
    found.ok_or(Error::Cancelled)
}

/// Solves many puzzles, several at once; `on_solution(i, solution)` hears of each in turn and may stop with `Break`,
/// which ends in [`Error::Cancelled`].
///
/// # Errors
/// As [`solve`].
pub fn solve_all(
    model: &Model,
    questions: &[Question],
    steps: Option<u32>,
    on_solution: &mut dyn FnMut(usize, Solution) -> ControlFlow<()>,
) -> Result<()> {
    let info = model.info();
    let protocol = match steps {
        Some(steps @ 1..=1024) => Protocol::fixed(steps),
        Some(steps) => return Err(Error::Steps(steps)),
        None => Protocol::halting_by_q(info.experiment.arch.halt_max_steps as u32),
    };
    let seq_len = info.task()?.seq_len;
    let at_once = batch_size(seq_len, model.hrm().device());
    for (number, asked) in questions.chunks(at_once).enumerate() {
        let mut batch = Batch { seq_len, inputs: vec![], labels: vec![], puzzle_identifiers: vec![] };
        for question in asked {
            check(info, question)?;
            let tokens = encode::encode(question.kind, info.side, &question.board);
            batch.inputs.extend(tokens.into_iter().map(u32::from));
            batch.labels.extend(std::iter::repeat_n(IGNORE_LABEL, seq_len));
            batch.puzzle_identifiers.push(identifier(info, question).0);
        }
        let mut solutions: Vec<Solution> = asked.iter().map(|question| unsolved(info, question)).collect();
        let started = Instant::now();
        rollout(model, &batch, &protocol, |i, step, reading| {
            let halted = protocol.halting == Halting::Q && reading.q_halt > reading.q_continue;
            solutions[i].take(&asked[i], info.side, step, &reading);
            solutions[i].halted = halted;
            solutions[i].milliseconds = started.elapsed().as_secs_f64() * 1e3;
        })?;
        for (i, solution) in solutions.into_iter().enumerate() {
            if on_solution(number * at_once + i, solution).is_break() {
                return Err(Error::Cancelled);
            }
        }
    }
    Ok(())
}

fn check(info: &CheckpointInfo, question: &Question) -> Result<()> {
    if question.size().fits(&info.kind, info.side) {
        return Ok(());
    }
    Err(Error::WrongSide {
        model: format!("{} of side {}", info.kind, info.side),
        puzzle: format!("{} of side {}", question.kind, question.side()),
    })
}

/// What every answer to an ARC task has to be read with.
const MEANING: &str = "HRM reads a task by its identifier and was not shown the demonstrations";

/// The row of the puzzle embedding that a question is asked under; of an ARC task with what there is to say about it.
fn identifier(info: &CheckpointInfo, question: &Question) -> (u32, Option<TaskIdentifier>) {
    if question.kind != Kind::Arc {
        return (0, None);
    }
    let found = question.task.as_ref().and_then(|task| arc::identifier(info, task, 0).ok());
    let note = match (&question.task, found) {
        (Some(task), Some(_)) => format!("asked under the identifier of {task:?}, which it was trained on; {MEANING}"),
        (Some(task), None) => format!(
            "asked under the blank identifier, because it was not trained on {task:?}; {MEANING}, so that it cannot know \
             what the task is"
        ),
        (None, _) => format!(
            "asked under the blank identifier, because no task was named; {MEANING}, so that it cannot know what the task is"
        ),
    };
    (found.unwrap_or(arc::BLANK), Some(TaskIdentifier { known: found.is_some(), note }))
}

fn unsolved(info: &CheckpointInfo, question: &Question) -> Solution {
    Solution {
        steps: vec![],
        answer: None,
        solved: None,
        violations: vec![],
        path: None,
        identifier: identifier(info, question).1,
        halted: false,
        milliseconds: 0.0,
    }
}

impl Solution {
    /// Adds what was read after a step.
    fn take(&mut self, question: &Question, side: u8, step: u32, reading: &Reading) {
        let answer = encode::decode(question.kind, side, &reading.tokens);
        let judged = judge(question, answer.as_ref());
        let confidence = match &answer {
            // An ARC grid stands in the upper left corner of a larger square.
            Some(board) => {
                let rows = reading.confidence.chunks(usize::from(side)).take(board.rows().into());
                rows.flat_map(|row| &row[..usize::from(board.columns())]).copied().collect()
            }
            None => vec![],
        };
        self.steps.push(SolveStep {
            step,
            grid: answer.as_ref().map(|board| board.text(question.kind)).unwrap_or_default(),
            confidence,
            wrong: judged.wrong,
            q_halt: reading.q_halt,
            q_continue: reading.q_continue,
        });
        (self.answer, self.solved) = (answer, judged.solved);
        (self.violations, self.path) = (judged.violations, judged.path);
    }

    /// The answer as it crosses the wire, as a line and as rows.
    #[must_use]
    pub fn written(&self, kind: Kind) -> (String, Vec<Vec<u8>>) {
        self.answer.as_ref().map_or_else(Default::default, |board| {
            (board.text(kind), board.cells().chunks(board.columns().into()).map(<[u8]>::to_vec).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::model;
    use hrm_types::solve::PuzzleInput;

    fn ask(text: &str) -> Question {
        PuzzleInput::Text(text.into()).question(None, 0).expect(text)
    }

    #[test]
    fn many_are_answered_as_each_alone() {
        let model = model();
        let questions = ["1...............", "12..34..........", "................"].map(ask);
        let mut together = Vec::new();
        let keep = &mut |i, solution: Solution| {
            assert_eq!(i, together.len());
            together.push(solution);
            ControlFlow::Continue(())
        };
        solve_all(&model, &questions, Some(2), keep).expect("answers");
        for (question, together) in questions.iter().zip(&together) {
            let alone = solve(&model, question, Some(2)).expect("an answer");
            assert_eq!(alone.answer, together.answer);
            assert_eq!(alone.steps.len(), 2);
            assert_eq!(alone.steps[1].grid, together.steps[1].grid);
        }
        let stop = &mut |_, _| ControlFlow::Break(());
        assert!(matches!(solve_all(&model, &questions, None, stop), Err(Error::Cancelled)));
        let maze = ask("S # ##  G");
        assert!(matches!(solve(&model, &maze, None), Err(Error::WrongSide { .. })));
    }
}
