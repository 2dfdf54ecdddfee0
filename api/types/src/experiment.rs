//! An experiment: everything that decides a training run. One TOML file in `configs/`, or the JSON of a request.

use crate::{
    board::Kind,
    dataset::{Dataset, Split},
    name,
    object::object,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

mod arch;
mod data;
mod difference;

pub use arch::{ArchConfig, ForwardDtype, Gradient, LossType, PosEncodings};
#[cfg(feature = "files")]
pub use data::{ArcSpec, CsvSpec, FolderSpec};
pub use data::{DataSpec, GenerateSpec, MazeStyle, storable};
pub use difference::Difference;

/// Variants of an ARC task beside itself, at most: those that a model is trained on, and those that vote.
pub const MOST_VARIANTS: u32 = 10_000;

/// Everything that decides a training run, given the code version and the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Short name, e.g. `sudoku-6x6`; 1 to 64 letters, digits, `-`, `_` and `.`, and no UUID.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$"))]
    pub name: String,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub description: String,
    /// Seed of drawn weights, data order, augmentation and exploration.
    #[serde(default)]
    pub seed: u64,
    /// Weights to begin with instead of drawn ones: the SHA-256 of a checkpoint's file. A request may name a stored model by
    /// its name, an alias or its id, which is replaced by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024))]
    pub start_from: Option<String>,
    /// Where the puzzles come from.
    pub data: DataSpec,
    /// The model.
    #[serde(default, deserialize_with = "object")]
    pub arch: ArchConfig,
    /// How it is trained.
    #[serde(default, deserialize_with = "object")]
    pub train: TrainConfig,
}

/// An experiment of `configs/` that comes with the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExperimentFile {
    /// The file's name without `.toml`.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// Its settings, ready to be queued.
    pub experiment: Experiment,
}

/// How a model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Sequences per step.
    pub batch_size: usize,
    /// Visits of every training puzzle; `epochs · puzzles / batch_size` steps.
    pub epochs: f64,
    /// Stop after this many steps even if the epochs are not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// Learning rate of all weights but the puzzle embedding.
    pub lr: f64,
    /// Steps of linear warm-up.
    pub lr_warmup_steps: u64,
    /// The cosine schedule ends at `lr_min_ratio · lr`; 1 keeps the rate constant.
    pub lr_min_ratio: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// `AdamATan2`'s momentum.
    pub beta1: f64,
    /// `AdamATan2`'s second-moment decay.
    pub beta2: f64,
    /// Keep a running average of all weights but the puzzle embedding, average ← rate · average + (1 − rate) · weight after
    /// every step; it is what is evaluated and becomes the checkpoint. Without a rate the weights themselves are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema_rate: Option<f64>,
    /// Learning rate of the puzzle embedding's sign SGD.
    pub puzzle_emb_lr: f64,
    /// Weight decay of the puzzle embedding.
    pub puzzle_emb_weight_decay: f64,
    /// Draw a symmetric variant of a puzzle at every visit; of an ARC pair, a translated one.
    pub augment: bool,
    /// ARC: variants of every task beside the task itself, each with a puzzle identifier of its own.
    #[serde(skip_serializing_if = "is_default")]
    pub task_variants: u32,
    /// Steps averaged into one metric point.
    pub log_every: u64,
    /// Evaluate the validation split after every so many steps and after the last one; never if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<u64>,
    /// With its first so many puzzles; with all of them if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_limit: Option<u32>,
    /// Which state of the training becomes the checkpoint.
    #[serde(skip_serializing_if = "is_default")]
    pub checkpoint: CheckpointRule,
}

/// Which state of a training becomes its checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckpointRule {
    /// The one after the last step.
    #[default]
    Last,
    /// The one with the most exact puzzles on the validation split, the latest of equals.
    Best,
}

impl Default for TrainConfig {
    /// The reference's Sudoku settings on one GPU.
    fn default() -> Self {
        Self {
            batch_size: 384,
            epochs: 20_000.0,
            max_steps: None,
            lr: 7e-5,
            lr_warmup_steps: 2_000,
            lr_min_ratio: 1.0,
            weight_decay: 1.0,
            beta1: 0.9,
            beta2: 0.95,
            ema_rate: None,
            puzzle_emb_lr: 7e-5,
            puzzle_emb_weight_decay: 1.0,
            augment: true,
            task_variants: 0,
            log_every: 10,
            validate_every: None,
            validate_limit: None,
            checkpoint: CheckpointRule::Last,
        }
    }
}

/// Whether a setting is left out when it is written, so that experiments of before it was there keep their hashes.
fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

/// A setting that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {problem}")]
pub struct InvalidExperiment {
    /// Path of the setting, e.g. `arch.num_heads`.
    pub field: &'static str,
    /// What was expected and what was found.
    pub problem: String,
}

fn ensure(ok: bool, field: &'static str, problem: impl FnOnce() -> String) -> Result<(), InvalidExperiment> {
    if ok { Ok(()) } else { Err(InvalidExperiment { field, problem: problem() }) }
}

impl Experiment {
    /// Checks every setting; the first that cannot be run is named.
    ///
    /// # Errors
    /// The field's path with what was expected and what was found.
    pub fn validate(&self) -> Result<(), InvalidExperiment> {
        name::check(&self.name).map_err(|problem| InvalidExperiment { field: "name", problem })?;
        ensure(self.description.len() <= 2_000, "description", || {
            format!("expected at most 2000 bytes, found {}", self.description.len())
        })?;
        ensure(!has_controls(&self.description), "description", || {
            format!("expected no control characters but line breaks and tabs, found {:?}", self.description)
        })?;
        data::storable(self.seed, "seed")?;
        if let Some(start) = &self.start_from {
            ensure((1..=1024).contains(&start.len()), "start_from", || {
                format!("expected 1 to 1024 bytes, found {}", start.len())
            })?;
            ensure(!start.chars().any(char::is_control), "start_from", || {
                format!("expected no control characters, found {start:?}")
            })?;
        }
        self.data.validate()?;
        self.arch.validate()?;
        self.train.validate()?;
        if let Some(spec) = self.data.generated() {
            self.check_puzzles(spec.kind, spec.train)?;
        }
        ensure(self.train.validate_every.is_none() || self.data.may_have_validation(), "train.validate_every", || {
            "expected a validation split in data, found none: hold puzzles out for it, or validate never".into()
        })
    }
}

/// Whether a text holds control characters that lines do not consist of: terminals would carry them out.
fn has_controls(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !"\n\r\t".contains(c))
}

impl Experiment {
    /// Checks that a dataset has what a run of this experiment ends with, a score on its test split, and what it asks
    /// for on the way.
    ///
    /// # Errors
    /// The field's path with what was expected and what was found.
    pub fn check_splits(&self, dataset: &Dataset) -> Result<(), InvalidExperiment> {
        let has = |split: Split, field: &'static str, what: &str| {
            let problem = || format!("expected {what} puzzles in {}, found none", dataset.name);
            ensure(dataset.count(split) > 0, field, problem)
        };
        has(Split::Train, "data", "training")?;
        has(Split::Test, "data", "test")?;
        self.check_puzzles(dataset.kind, dataset.train_count)?;
        if self.train.validate_every.is_some() {
            has(Split::Validation, "train.validate_every", "validation")?;
        }
        Ok(())
    }

    /// Checks that training puzzles of a kind fill a batch, and have the variants that are asked for.
    fn check_puzzles(&self, kind: Kind, train: u32) -> Result<(), InvalidExperiment> {
        if kind == Kind::Arc {
            // How many examples there are depends on the tasks.
            return Ok(());
        }
        ensure(self.train.task_variants == 0, "train.task_variants", || {
            format!("expected only for ARC tasks, found {} for {kind}", self.train.task_variants)
        })?;
        ensure(self.train.batch_size <= train as usize, "train.batch_size", || {
            format!("expected at most the {train} training puzzles, found {}", self.train.batch_size)
        })
    }
}

impl TrainConfig {
    /// Steps of a training on that many examples.
    #[must_use]
    pub fn steps(&self, examples: u64) -> u64 {
        let planned = ((self.epochs * examples as f64 / self.batch_size as f64) as u64).max(1);
        planned.min(self.max_steps.unwrap_or(u64::MAX))
    }

    /// Checks that the schedule and the optimisers can run.
    ///
    /// # Errors
    /// The field's path with what was expected and what was found.
    pub fn validate(&self) -> Result<(), InvalidExperiment> {
        let rate = |value: f64, low: f64, high: f64, field: &'static str| {
            ensure((low..=high).contains(&value), field, || format!("expected {low} to {high}, found {value}"))
        };
        ensure((1..=65_536).contains(&self.batch_size), "train.batch_size", || {
            format!("expected 1 to 65536, found {}", self.batch_size)
        })?;
        ensure(self.epochs > 0.0 && self.epochs <= 1e9, "train.epochs", || {
            format!("expected more than 0 and at most 1e9, found {}", self.epochs)
        })?;
        ensure(self.max_steps != Some(0), "train.max_steps", || "expected at least 1, found 0".into())?;
        rate(self.lr, 0.0, 1.0, "train.lr")?;
        rate(self.lr_min_ratio, 0.0, 1.0, "train.lr_min_ratio")?;
        rate(self.weight_decay, 0.0, 100.0, "train.weight_decay")?;
        rate(self.beta1, 0.0, 0.999_999, "train.beta1")?;
        rate(self.beta2, 0.0, 0.999_999, "train.beta2")?;
        if let Some(ema_rate) = self.ema_rate {
            rate(ema_rate, 0.0, 0.999_999, "train.ema_rate")?;
        }
        rate(self.puzzle_emb_lr, 0.0, 1.0, "train.puzzle_emb_lr")?;
        rate(self.puzzle_emb_weight_decay, 0.0, 100.0, "train.puzzle_emb_weight_decay")?;
        ensure(self.task_variants <= MOST_VARIANTS, "train.task_variants", || {
            format!("expected at most {MOST_VARIANTS}, found {}", self.task_variants)
        })?;
        ensure(self.log_every >= 1, "train.log_every", || "expected at least 1, found 0".into())?;
        self.validate_choice()
    }

    /// A setting of the validation that nothing would use is refused.
    fn validate_choice(&self) -> Result<(), InvalidExperiment> {
        let validates = self.validate_every.is_some();
        ensure(self.validate_every != Some(0), "train.validate_every", || "expected at least 1, found 0".into())?;
        ensure(self.validate_limit != Some(0), "train.validate_limit", || "expected at least 1, found 0".into())?;
        ensure(validates || self.validate_limit.is_none(), "train.validate_limit", || {
            "expected only beside train.validate_every, found it alone".into()
        })?;
        ensure(validates || self.checkpoint == CheckpointRule::Last, "train.checkpoint", || {
            "expected \"last\" without train.validate_every, found \"best\": nothing tells which state is best".into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::TrainConfig;

    #[test]
    fn a_training_takes_whole_steps_and_one_at_least() {
        let steps = |epochs, batch_size, max_steps, examples| {
            TrainConfig { batch_size, epochs, max_steps, ..TrainConfig::default() }.steps(examples)
        };
        assert_eq!(steps(1.0, 384, None, 1_000), 2, "what does not fill a step is left out");
        assert_eq!(steps(0.1, 384, None, 1_000), 1);
        assert_eq!(steps(10.0, 100, Some(20), 1_000), 20);
    }
}
