//! What the model answered to one puzzle, and what the rules say of it.

use crate::{
    data::{encode, view::View},
    judge::judge,
    rollout::Reading,
};
use hrm_types::{
    board::{Board, Kind},
    question::Question,
    solve::{MazePath, SolveStep, TaskIdentifier},
};

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
    /// Where the answer is right the attempt that it is of, from 1; else how many were made, and the answer is the first one's.
    pub attempts: u32,
    /// The puzzle as the model saw it when it gave this answer; none where that is the puzzle as it is.
    pub seen: Option<Board>,
    /// Time in the model until this answer, or until the last attempt's where none was right, milliseconds; of questions that
    /// were asked together, that of all of them until then.
    pub milliseconds: f64,
}

impl Solution {
    /// Before the first step of an attempt, counted from 1.
    pub(super) fn of_attempt(attempt: u32, seen: Option<Board>, identifier: Option<TaskIdentifier>) -> Self {
        Self {
            steps: vec![],
            answer: None,
            solved: None,
            violations: vec![],
            path: None,
            identifier,
            halted: false,
            attempts: attempt,
            seen,
            milliseconds: 0.0,
        }
    }

    /// Adds what was read after a step, brought back from what was seen.
    pub(super) fn take(&mut self, question: &Question, view: Option<&View>, side: u8, step: u32, reading: &Reading) {
        let shown = encode::decode(question.kind, side, &reading.tokens);
        let confidence = match &shown {
            // An ARC grid stands in the upper left corner of a larger square.
            Some(board) => {
                let rows = reading.confidence.chunks(usize::from(side)).take(board.rows().into());
                rows.flat_map(|row| &row[..usize::from(board.columns())]).copied().collect()
            }
            None => vec![],
        };
        let confidence = match view {
            None => confidence,
            Some(view) => view.undo_places(&confidence),
        };
        let answer = View::meant(view, shown);
        let judged = judge(question, answer.as_ref());
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

    /// Goes over to the next attempt's answer where the rules accept that; a right answer stays.
    pub(super) fn try_again(&mut self, next: Self) {
        match (self.solved, next.solved) {
            (Some(true), _) => {}
            (_, Some(true)) => *self = next,
            _ => (self.attempts, self.milliseconds) = (next.attempts, next.milliseconds),
        }
    }

    /// The answer as it crosses the wire, as a line and as rows.
    #[must_use]
    pub fn written(&self, kind: Kind) -> (String, Vec<Vec<u8>>) {
        self.answer.as_ref().map_or_else(Default::default, |board| {
            (board.text(kind), board.cells().chunks(board.columns().into()).map(<[u8]>::to_vec).collect())
        })
    }
}
