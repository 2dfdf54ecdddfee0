//! The progress of a training on a terminal.
#![expect(clippy::print_stdout, reason = "how large a training is belongs to the command's output")]

use crate::cli::{puzzles, report};
use hrm_model::train::Training;
use hrm_types::run::MetricPoint;
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

/// Time between lines about the progress where no bar can be shown.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A bar on a terminal, else a line now and then.
pub(super) struct Watch {
    pub(super) bar: ProgressBar,
    total_steps: u64,
    line: Instant,
}

impl Watch {
    pub(super) fn new(training: &Training<'_>) -> Self {
        let (total_steps, weights) = (training.total_steps(), training.parameters());
        println!("{} weights, {} steps", report::thousands(weights), report::thousands(total_steps));
        let bar = puzzles::bar("{bar:30} step {pos}/{len}, {eta} left, {msg}");
        bar.set_length(total_steps);
        // What was done before counts for the bar, not for its estimate.
        bar.set_position(training.step());
        bar.reset_eta();
        Self { bar, total_steps, line: Instant::now() }
    }

    pub(super) fn note(&mut self, step: u64, point: Option<&MetricPoint>) {
        self.bar.set_position(step);
        let Some(point) = point else { return };
        self.bar.set_message(words(point));
        let last = step == self.total_steps;
        if self.bar.is_hidden() && (last || point.validation.is_some() || self.line.elapsed() >= LINE_EVERY) {
            self.line = Instant::now();
            eprintln!("step {step}/{}: {}", self.total_steps, words(point));
        }
    }
}

fn words(point: &MetricPoint) -> String {
    let share = |share: Option<f64>| share.map_or_else(|| "-".into(), report::percent);
    format!(
        "loss {:.4}, accuracy {}, exact {}{}, {:.0} seq/s",
        point.loss,
        share(point.accuracy),
        share(point.exact_accuracy),
        point.validation.map(|seen| format!(", validation {} of {} exact", seen.exact, seen.n)).unwrap_or_default(),
        point.sequences_per_second
    )
}
