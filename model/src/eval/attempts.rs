//! Further views of the puzzles that a model got wrong, until the rules accept an answer.

use super::{items::Item, predict};
use crate::{
    Result,
    checkpoint::Model,
    data::{Dataset, encode, tokens::PAD, view::View},
    judge::judge,
    rollout::Reading,
};
use hrm_types::{
    evaluation::{AttemptsScore, Protocol},
    question::Question,
};
use std::{cell::Cell, ops::ControlFlow};

/// Counts which puzzles are solved, attempt after attempt.
pub(super) struct Attempts<'a> {
    dataset: &'a Dataset,
    items: &'a [Item],
    protocol: &'a Protocol,
    solved: Vec<bool>,
    count: usize,
    /// ACT steps of all attempts.
    steps: u64,
}

impl<'a> Attempts<'a> {
    /// Before the first attempt; none where the protocol does not count attempts.
    pub(super) fn new(dataset: &'a Dataset, items: &'a [Item], protocol: &'a Protocol) -> Option<Self> {
        protocol.attempts?;
        Some(Self { dataset, items, protocol, solved: vec![false; items.len()], count: 0, steps: 0 })
    }

    /// Takes what was read after a step of the first attempt at puzzle `i`.
    pub(super) fn take(&mut self, i: usize, step: u32, reading: &Reading) {
        self.note(i, None, step, reading);
    }

    fn note(&mut self, i: usize, view: Option<&View>, step: u32, reading: &Reading) {
        if !reading.last {
            return;
        }
        self.steps += u64::from(step);
        let shown = encode::decode(self.dataset.kind, self.dataset.side, &reading.tokens);
        let answer = View::meant(view, shown);
        let board = self.items[i].question.clone();
        let question = Question { kind: self.dataset.kind, board, expected: None, task: None };
        self.solved[i] = judge(&question, answer.as_ref()).solved == Some(true);
        self.count += usize::from(self.solved[i]);
    }

    /// Puzzles solved so far.
    pub(super) fn solved(&self) -> usize {
        self.count
    }

    /// Makes the attempts after the first; `on_progress(done, all)` hears of puzzles that are solved or given up.
    ///
    /// # Errors
    /// [`crate::Error::Cancelled`] when it stops.
    pub(super) fn go_on(
        mut self,
        model: &Model,
        on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<AttemptsScore> {
        let n = self.items.len();
        let mut made = n as u64;
        let mut solved_within = vec![self.count as u32];
        for number in 1..self.protocol.attempts.unwrap_or(1) {
            let open: Vec<usize> = (0..n).filter(|&i| !self.solved[i]).collect();
            made += open.len() as u64;
            self.round(model, number, &open, on_progress)?;
            solved_within.push(self.count as u32);
        }
        let share = |sum: u64| sum as f64 / n.max(1) as f64;
        Ok(AttemptsScore { solved_within, mean_attempts: share(made), mean_steps: share(self.steps) })
    }

    /// Lets the model see the open puzzles in another way.
    fn round(
        &mut self,
        model: &Model,
        number: u32,
        open: &[usize],
        on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<()> {
        let Some(view) = View::new(self.dataset.kind, self.dataset.side, number) else { return Ok(()) };
        let seen: Vec<Item> = open.iter().map(|&i| self.seen(&view, i)).collect();
        let (n, protocol) = (self.items.len(), self.protocol);
        let last = protocol.attempts == Some(number + 1);
        let (mut tried, solved) = (0, Cell::new(self.count));
        predict(
            model,
            &seen,
            protocol,
            &mut |i, step, reading| {
                self.note(open[i], Some(&view), step, &reading);
                solved.set(self.count);
            },
            &mut |items| {
                tried += items;
                on_progress(if last { n - open.len() + tried } else { solved.get() }, n)
            },
        )
    }

    fn seen(&self, view: &View, i: usize) -> Item {
        let question = view.of(&self.items[i].question);
        let input = encode::encode(self.dataset.kind, self.dataset.side, &question);
        // What is asked for does not matter to what is answered.
        let label = vec![PAD; input.len()];
        Item { question, input, label, identifier: self.items[i].identifier }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data,
        eval::evaluate,
        shipped::CHECKPOINTS,
        solve::{Asking, Heard, solve_all},
    };
    use hrm_types::{dataset::Split, experiment::GenerateSpec};

    #[test]
    fn a_puzzle_counts_from_the_attempt_on_at_which_solving_solves_it() {
        let model = Model::from_bytes(CHECKPOINTS[0].bytes).expect("the model for six");
        let spec = GenerateSpec::sudoku(6, 1, 60, [10, 12], 9);
        let dataset = data::generate(&spec, &mut |_, _| ControlFlow::Continue(())).expect("puzzles");
        let protocol = Protocol { attempts: Some(6), ..Protocol::halting_by_q(8) };
        let mut heard = Vec::new();
        let score = evaluate(&model, &dataset, Split::Test, &protocol, &mut |done, all| {
            heard.push((done, all));
            ControlFlow::Continue(())
        })
        .expect("a score");
        assert!(heard.is_sorted() && heard.iter().all(|(done, all)| done <= all && *all == 60), "{heard:?}");

        let ask = |puzzle: &data::Puzzle| Question {
            kind: dataset.kind,
            board: puzzle.question.clone(),
            expected: None,
            task: None,
        };
        let questions: Vec<Question> = dataset.test.iter().map(ask).collect();
        let mut solutions = Vec::new();
        solve_all(&model, &questions, Asking { steps: None, attempts: 6 }, &mut |heard| {
            if let Heard::Solution(_, solution) = heard {
                solutions.push(solution);
            }
            ControlFlow::Continue(())
        })
        .expect("answers");
        let within = |attempts: u32| {
            solutions.iter().filter(|s| s.solved == Some(true) && s.attempts <= attempts).count() as u32
        };
        let attempts = score.attempts.expect("a count");
        assert_eq!(attempts.solved_within, (1..=6).map(within).collect::<Vec<_>>());
        assert_eq!(attempts.solved_within[0], score.exact, "one answer is right, and the rules accept that alone");
        assert!(attempts.solved_within[5] > attempts.solved_within[0], "{attempts:?}");
        let mean = solutions.iter().map(|s| f64::from(s.attempts)).sum::<f64>() / 60.0;
        assert!((attempts.mean_attempts - mean).abs() < 1e-9, "{attempts:?} {mean}");
        assert!(attempts.mean_steps >= score.mean_steps + mean - 1.0, "{attempts:?}");
        if attempts.solved_within[4] < 60 {
            assert_eq!(heard.last(), Some(&(60, 60)), "what is not solved is given up");
        }
        let refused = Protocol { attempts: Some(0), ..protocol };
        let refused = evaluate(&model, &dataset, Split::Test, &refused, &mut |_, _| ControlFlow::Continue(()));
        assert!(matches!(refused, Err(crate::Error::Attempts { found: 0, .. })));
    }
}
