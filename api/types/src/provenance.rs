//! Where runs and scores come from: which program on which machine, and how a checkpoint was chosen.

use crate::{
    dataset::Split,
    evaluation::Evaluation,
    experiment::{Experiment, ForwardDtype},
    ids::{CheckpointId, DatasetId, EvaluationId, RunId},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Characters of what is said of a program or a machine, at most.
const LONGEST_TEXT: usize = 300;

/// Whether a text can be a SHA-256: 64 hexadecimal digits in lower case.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// The program, as it was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodeVersion {
    /// Its version.
    pub version: String,
    /// The commit it was built from; absent where it was built outside a git checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether tracked files differed from that commit; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// The compiler, as it names itself.
    pub compiler: String,
    /// What it compiled for.
    pub target: String,
}

/// Which code computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Kernels {
    /// Instructions of the fused operations, e.g. `AVX-512`.
    pub operations: String,
    /// What multiplies matrices, e.g. `AVX-512 BF16`.
    pub products: String,
}

/// What computed: a program on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Environment {
    /// The program.
    pub code: CodeVersion,
    /// The host's name.
    pub host: String,
    /// Its operating system, with the kernel's version.
    pub os: String,
    /// The processor's or the GPU's name.
    pub device: String,
    /// Threads that compute.
    pub threads: u32,
    /// Number format of the operands of matrix products.
    pub dtype: ForwardDtype,
    /// Which code computes.
    pub kernels: Kernels,
}

impl Environment {
    /// Checks that its texts are such as programs give machines, for one that comes from elsewhere.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        let CodeVersion { version, commit, compiler, target, .. } = &self.code;
        let Kernels { operations, products } = &self.kernels;
        let texts = [version, compiler, target, &self.host, &self.os, &self.device, operations, products];
        let odd = |text: &&String| text.chars().count() > LONGEST_TEXT || text.chars().any(char::is_control);
        match texts.into_iter().chain(commit).find(odd) {
            Some(text) => {
                let start: String = text.chars().take(40).collect();
                Err(format!("expected at most {LONGEST_TEXT} characters and no control characters, found {start:?}"))
            }
            None => Ok(()),
        }
    }
}

/// How a checkpoint was chosen among the states of its training. The test split has no part in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Choice {
    /// The state after the last step.
    Last,
    /// The state with the most exact puzzles on the validation split, the latest of equals.
    BestOnValidation {
        /// Exact validation puzzles.
        exact: u32,
        /// Validation puzzles it was looked at with.
        n: u32,
        /// States that were looked at.
        candidates: u32,
    },
}

/// One attempt at a run. Every worker that took it made one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// From 1.
    pub attempt: u32,
    /// The step it went on from.
    pub from_step: u64,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub begun_at: OffsetDateTime,
    /// What computed; absent for attempts of before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Seconds for which its worker was at it, as far as it could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<f64>,
    /// Most memory its worker's process held meanwhile, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
}

/// The dataset of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatasetRef {
    /// Where it is stored here, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<DatasetId>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 over every puzzle of all splits.
    pub content_hash: String,
    /// SHA-256 over the questions and answers of its test split, whatever their order; absent where nobody counted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_hash: Option<String>,
}

/// The checkpoint of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckpointRef {
    /// Its id.
    pub id: CheckpointId,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Size of its file, bytes.
    pub size: u64,
    /// Training steps behind it.
    pub step: u64,
    /// How it was chosen; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

/// A score with everything it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Score {
    /// Its id.
    pub id: EvaluationId,
    /// The evaluated checkpoint.
    pub checkpoint_id: CheckpointId,
    /// SHA-256 of the checkpoint's file.
    pub checkpoint_sha256: String,
    /// How the checkpoint was chosen; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// The dataset, which a claimed score may name without it being stored here.
    pub dataset: DatasetRef,
    /// Its part.
    pub split: Split,
    /// The score with its protocol: depth, halting, voting.
    pub evaluation: Evaluation,
    /// What computed it; absent where that was not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Whether it came with an imported run and was not measured here.
    pub claimed: bool,
    /// When it was measured.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Everything that a run's results rest on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunProvenance {
    /// The run.
    pub run_id: RunId,
    /// Its name.
    pub name: String,
    /// Seed of drawn weights, data order, augmentation and exploration.
    pub seed: u64,
    /// Everything else that decides it.
    pub experiment: Experiment,
    /// SHA-256 of the experiment's JSON with sorted keys.
    pub config_hash: String,
    /// What it was trained on, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetRef>,
    /// Its attempts, in order. What was trained in one beyond the next one's `from_step` was trained again.
    pub attempts: Vec<Attempt>,
    /// Seconds from the first attempt's beginning to the run's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// Seconds for which workers were at it, all attempts together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<f64>,
    /// Most memory that a worker's process held meanwhile, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// Its checkpoint, once stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointRef>,
    /// Every score of the checkpoint, oldest first.
    #[serde(default)]
    pub scores: Vec<Score>,
    /// When it was imported, if it was trained elsewhere.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub imported_at: Option<OffsetDateTime>,
}
