//! Solving one puzzle, with every step on the way. Nothing but the model answers.

use crate::{Error, Result, act::Batch, checkpoint::Model, data::encode, rollout::rollout};
use hrm_types::{
    board::Kind,
    evaluation::{Halting, Protocol},
    solve::SolveStep,
    sudoku::Grid,
};
use std::time::Instant;

/// What the model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The grid after every ACT step; the last one's is the answer.
    pub steps: Vec<SolveStep>,
    /// The answer's cells, 0 where the model's token is no digit.
    pub answer: Grid,
    /// Whether the model chose to stop, with `q_halt > q_continue`.
    pub halted: bool,
    /// Time in the model, milliseconds.
    pub milliseconds: f64,
}

/// Solves a puzzle of the model's side: halting by Q, or after exactly `steps` ACT steps (1 to 1024).
pub fn solve(model: &Model, puzzle: &Grid, steps: Option<u32>) -> Result<Solution> {
    let info = model.info();
    if info.kind != Kind::Sudoku.as_str() || puzzle.side() != info.side {
        return Err(Error::WrongSide {
            model: format!("{} of side {}", info.kind, info.side),
            puzzle: format!("{} of side {}", Kind::Sudoku, puzzle.side()),
        });
    }
    let protocol = match steps {
        Some(steps @ 1..=1024) => Protocol::fixed(steps),
        Some(steps) => return Err(Error::Steps(steps)),
        None => Protocol::halting_by_q(info.experiment.arch.halt_max_steps as u32),
    };
    let batch = Batch {
        seq_len: puzzle.cells().len(),
        inputs: encode::encode(Kind::Sudoku, info.side, &puzzle.into()).into_iter().map(u32::from).collect(),
        labels: vec![crate::loss::IGNORE_LABEL; puzzle.cells().len()],
        puzzle_identifiers: vec![0],
    };
    let started = Instant::now();
    let mut taken = Vec::new();
    let mut answer = puzzle.clone();
    rollout(model, &batch, &protocol, |_, step, reading| {
        // Decoded cells are digits of this side, and as many as the puzzle has.
        let board = encode::decode(Kind::Sudoku, info.side, &reading.tokens);
        if let Some(Ok(grid)) = board.map(|board| Grid::from_cells(board.cells().to_vec())) {
            answer = grid;
        }
        taken.push(SolveStep {
            step,
            grid: answer.to_string(),
            confidence: reading.confidence,
            q_halt: reading.q_halt,
            q_continue: reading.q_continue,
        });
    })?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let halted = protocol.halting == Halting::Q && taken.last().is_some_and(|step| step.q_halt > step.q_continue);
    Ok(Solution { steps: taken, answer, halted, milliseconds })
}
