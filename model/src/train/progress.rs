//! Averages the passes between two metric points.

use super::{Halted, Pass};
use hrm_types::run::MetricPoint;
use std::time::Instant;

/// Sums since the last point, and the time since the start.
pub(super) struct Progress {
    batch_size: usize,
    started: Instant,
    /// Seconds of training before `started`.
    before: f64,
    examples: u64,
    window: Window,
}

#[derive(Clone, Copy, Default)]
struct Window {
    sequences: f64,
    began: f64,
    loss: f64,
    lm_loss: f64,
    q_halt_loss: f64,
    q_continue_loss: f64,
    halted: Halted,
}

impl Progress {
    pub(super) fn start(batch_size: usize) -> Self {
        Self { batch_size, started: Instant::now(), before: 0.0, examples: 0, window: Window::default() }
    }

    /// Numbers in [`Self::values`].
    pub(super) const VALUES: usize = 12;

    /// The clock and the sums, to be resumed from.
    pub(super) fn values(&self) -> [f64; Self::VALUES] {
        let Window { sequences, began, loss, lm_loss, q_halt_loss, q_continue_loss, halted } = self.window;
        let Halted { count, accuracy, exact, q_halt_right, steps } = halted;
        let seconds = self.seconds();
        [
            seconds,
            sequences,
            began,
            loss,
            lm_loss,
            q_halt_loss,
            q_continue_loss,
            count,
            accuracy,
            exact,
            q_halt_right,
            steps,
        ]
    }

    /// Goes on from [`Self::values`].
    pub(super) fn resume(batch_size: usize, examples: u64, values: [f64; Self::VALUES]) -> Self {
        let [
            before,
            sequences,
            began,
            loss,
            lm_loss,
            q_halt_loss,
            q_continue_loss,
            count,
            accuracy,
            exact,
            q_halt_right,
            steps,
        ] = values;
        let halted = Halted { count, accuracy, exact, q_halt_right, steps };
        let window = Window { sequences, began, loss, lm_loss, q_halt_loss, q_continue_loss, halted };
        Self { batch_size, started: Instant::now(), before, examples, window }
    }

    /// Sequences seen.
    pub(super) fn examples(&self) -> u64 {
        self.examples
    }

    pub(super) fn seconds(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    pub(super) fn add(&mut self, pass: &Pass) {
        let window = &mut self.window;
        self.examples += self.batch_size as u64;
        window.sequences += self.batch_size as f64;
        window.loss += pass.loss;
        window.lm_loss += pass.lm_loss;
        window.q_halt_loss += pass.q_halt_loss;
        window.q_continue_loss += pass.q_continue_loss;
        window.halted = window.halted + pass.halted;
    }

    /// Leaves seconds in which nothing was trained out of the speed.
    pub(super) fn leave_out(&mut self, seconds: f64) {
        self.window.began += seconds;
    }

    /// The point of everything added since the last one.
    pub(super) fn point(&mut self, step: u64, lr: f64) -> MetricPoint {
        let now = self.seconds();
        let window = std::mem::replace(&mut self.window, Window { began: now, ..Window::default() });
        let halted = window.halted;
        let mean = |sum: f64| (halted.count > 0.0).then(|| sum / halted.count);
        MetricPoint {
            step,
            examples: self.examples,
            elapsed_seconds: now,
            wall_seconds: None,
            lr,
            loss: window.loss / window.sequences,
            lm_loss: window.lm_loss / window.sequences,
            q_halt_loss: window.q_halt_loss / window.sequences,
            q_continue_loss: window.q_continue_loss / window.sequences,
            accuracy: mean(halted.accuracy),
            exact_accuracy: mean(halted.exact),
            q_halt_accuracy: mean(halted.q_halt_right),
            steps: mean(halted.steps),
            sequences_per_second: window.sequences / (now - window.began).max(1e-9),
            validation: None,
        }
    }
}
