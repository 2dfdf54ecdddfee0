//! Looking at the validation split in the middle of a training, and remembering the best state that was seen.

use crate::data::Dataset;
use candle_core::Tensor;
use hrm_types::{
    evaluation::Protocol,
    experiment::{CheckpointRule, Experiment},
    provenance::Choice,
    run::Validation,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was seen so far. Part of a training's state, so that going on is never having stopped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The newest look: its step and its score.
    newest: Option<(u64, Validation)>,
    /// The best look, the latest of equals.
    best: Option<(u64, Validation)>,
    /// Looks.
    looks: u32,
}

/// When and how a training looks, and what it saw.
pub(super) struct Looks {
    /// The validation puzzles alone.
    pub(super) held_out: Dataset,
    every: Option<u64>,
    rule: CheckpointRule,
    pub(super) protocol: Protocol,
    pub(super) seen: Seen,
    /// The weights of the best look, if they are to become the checkpoint.
    pub(super) best_weights: BTreeMap<String, Tensor>,
}

impl Looks {
    pub(super) fn new(experiment: &Experiment, held_out: Dataset) -> Self {
        Self {
            held_out,
            every: experiment.train.validate_every,
            rule: experiment.train.checkpoint,
            protocol: Protocol::halting_by_q(experiment.arch.halt_max_steps as u32),
            seen: Seen::default(),
            best_weights: BTreeMap::new(),
        }
    }

    /// Whether a step is to be looked at and was not yet.
    pub(super) fn is_due(&self, step: u64, is_last: bool) -> bool {
        let due = self.every.is_some_and(|every| step.is_multiple_of(every) || is_last);
        due && step > 0 && self.seen.newest.is_none_or(|(newest, _)| newest < step)
    }

    /// Notes a look. The answer says whether the weights are the best so far and shall be kept.
    pub(super) fn note(&mut self, step: u64, validation: Validation) -> bool {
        let is_best = self.seen.best.is_none_or(|(_, best)| validation.exact >= best.exact);
        self.seen.looks += 1;
        self.seen.newest = Some((step, validation));
        if is_best {
            self.seen.best = self.seen.newest;
        }
        is_best && self.rule == CheckpointRule::Best
    }

    /// The score of a step, if it was looked at last, and whether none before was better.
    pub(super) fn of(&self, step: u64) -> Option<(Validation, bool)> {
        let (newest, score) = self.seen.newest?;
        (newest == step).then_some((score, self.seen.best.is_some_and(|(best, _)| best == step)))
    }

    /// The step of the best look and how it was chosen, if it becomes the checkpoint.
    pub(super) fn chosen(&self) -> Option<(u64, Choice)> {
        let (step, Validation { exact, n, .. }) = self.seen.best.filter(|_| self.rule == CheckpointRule::Best)?;
        Some((step, Choice::BestOnValidation { exact, n, candidates: self.seen.looks }))
    }
}
