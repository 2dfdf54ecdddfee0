//! Measuring a model on puzzles by a stated protocol.

use crate::{
    Error, Result,
    act::Batch,
    checkpoint::Model,
    data::{Puzzle, encode::encode},
    rollout::rollout,
};
use hrm_types::evaluation::{Evaluation, Protocol};
use std::{ops::ControlFlow, time::Instant};

/// Puzzles in one batch; it bounds the memory and never changes a score.
const BATCH: usize = 64;

/// Evaluates every puzzle; `on_progress(done, all)` may stop it with `Break`, which ends in [`Error::Cancelled`].
pub fn evaluate(
    model: &Model,
    puzzles: &[Puzzle],
    protocol: &Protocol,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Evaluation> {
    if !(1..=1024).contains(&protocol.max_steps) {
        return Err(Error::Steps(protocol.max_steps));
    }
    let side = model.info().side;
    if let Some(other) = puzzles.iter().find(|puzzle| puzzle.question.side() != side) {
        return Err(Error::WrongSide { model: format!("sudoku of side {side}"), puzzle: other.question.side() });
    }
    let started = Instant::now();
    let mut sums = Sums { exact_by_step: vec![0; protocol.max_steps as usize], ..Sums::default() };
    for (i, chunk) in puzzles.chunks(BATCH).enumerate() {
        sums.add_chunk(model, chunk, protocol)?;
        if on_progress(i * BATCH + chunk.len(), puzzles.len()).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(sums.finish(puzzles, protocol, started.elapsed().as_secs_f64()))
}

#[derive(Default)]
struct Sums {
    exact: u32,
    right_tokens: usize,
    q_halt_right: u32,
    steps: u64,
    /// Puzzles whose grid was exact after step 1, 2, …
    exact_by_step: Vec<u32>,
}

impl Sums {
    fn add_chunk(&mut self, model: &Model, puzzles: &[Puzzle], protocol: &Protocol) -> Result<()> {
        let answers: Vec<Vec<u32>> = puzzles.iter().map(|puzzle| encode(&puzzle.answer)).collect();
        let batch = Batch {
            seq_len: answers.first().map_or(0, Vec::len),
            inputs: puzzles.iter().flat_map(|puzzle| encode(&puzzle.question)).collect(),
            labels: answers.iter().flatten().map(|&token| i64::from(token)).collect(),
            puzzle_identifiers: vec![0; puzzles.len()],
        };
        rollout(model, &batch, protocol, |i, step, reading| {
            let right = reading.tokens.iter().zip(&answers[i]).filter(|(token, label)| token == label).count();
            let exact = right == batch.seq_len;
            // A halted puzzle keeps its grid for all the steps it does not take.
            let held = if reading.last { protocol.max_steps } else { step };
            for count in &mut self.exact_by_step[step as usize - 1..held as usize] {
                *count += u32::from(exact);
            }
            if reading.last {
                self.exact += u32::from(exact);
                self.right_tokens += right;
                self.q_halt_right += u32::from((reading.q_halt >= 0.0) == exact);
                self.steps += u64::from(step);
            }
        })
    }

    fn finish(self, puzzles: &[Puzzle], protocol: &Protocol, seconds: f64) -> Evaluation {
        let n = puzzles.len() as u32;
        let share = |count: u32| f64::from(count) / f64::from(n.max(1));
        let tokens: usize = puzzles.iter().map(|puzzle| puzzle.answer.cells().len()).sum();
        Evaluation {
            protocol: protocol.clone(),
            n,
            exact: self.exact,
            exact_accuracy: share(self.exact),
            exact_interval: wilson(self.exact, n),
            accuracy: self.right_tokens as f64 / tokens.max(1) as f64,
            q_halt_accuracy: share(self.q_halt_right),
            mean_steps: self.steps as f64 / f64::from(n.max(1)),
            exact_by_step: self.exact_by_step.into_iter().map(share).collect(),
            seconds,
        }
    }
}

/// The normal distribution's 97.5th percentile: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % interval of a share of `successes` in `n`.
pub fn wilson(successes: u32, n: u32) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (n, p) = (f64::from(n), f64::from(successes) / f64::from(n));
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::wilson;

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611.
        for (successes, n, expected) in [(81, 263, [0.2553, 0.3662]), (0, 20, [0.0, 0.1611])] {
            let found = wilson(successes, n);
            assert!((found[0] - expected[0]).abs() < 5e-5 && (found[1] - expected[1]).abs() < 5e-5, "{found:?}");
        }
    }
}
