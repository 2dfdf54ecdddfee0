//! Training runs: their states, progress and metrics.

use crate::{
    evaluation::Evaluation,
    experiment::Experiment,
    ids::{CheckpointId, DatasetId, RunId, SweepId, WorkerId},
    job,
    object::object,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Where a run, or any other job, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waits for a worker.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Set aside on request, until somebody asks for it again.
    Paused,
    /// Done, and what came of it stored.
    Succeeded,
    /// Ended by an error; `reason` says which.
    Failed,
    /// Ended on request.
    Cancelled,
}

impl RunState {
    /// The name used in requests and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will change any more, unless somebody asks for another try.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Paused)
    }
}

/// A request to queue a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateRun {
    /// What to train on what.
    #[serde(deserialize_with = "object")]
    pub experiment: Experiment,
    /// Whose it is; 1 to 64 letters, digits, `-`, `_`, `.` and `@`. Owners take turns within a priority.
    #[serde(default = "job::local")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._@-]+$"))]
    pub owner: String,
    /// -100 to 100; higher goes first, and makes running runs of lower priority give way when no worker is free.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = -100, maximum = 100))]
    pub priority: i16,
}

/// What can be changed about a run; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeRun {
    /// Its name, 1 to 64 characters; that of its experiment stays as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub name: Option<String>,
    /// What people call it, to find it again: at most 20 tags of 1 to 40 characters, instead of those it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What people say about it, at most 10,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 10000))]
    pub notes: Option<String>,
    /// Whether everybody with an account may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// -100 to 100; higher goes first. Only as long as the run has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = -100, maximum = 100))]
    pub priority: Option<i16>,
}

/// How a clone differs from its run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CloneRun {
    /// A JSON merge patch (RFC 7396) of the experiment; empty by default.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub changes: serde_json::Map<String, serde_json::Value>,
    /// Whose the clone is; 1 to 64 letters, digits, `-`, `_`, `.` and `@`.
    #[serde(default = "job::local")]
    pub owner: String,
    /// -100 to 100; that of the run by default, as far as the caller may give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = -100, maximum = 100))]
    pub priority: Option<i16>,
}

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The experiment's name.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// Higher goes first.
    pub priority: i16,
    /// Where it stands.
    pub state: RunState,
    /// Why it stands there, in words, where that is not obvious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the worker does now: `preparing data`, `training`, `evaluating`, `storing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Everything that decides it.
    pub experiment: Experiment,
    /// SHA-256 of the experiment's canonical JSON.
    pub config_hash: String,
    /// The dataset, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_id: Option<DatasetId>,
    /// Jobs that will be claimed before this one; only while queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u32>,
    /// Estimated seconds until it starts, from what is left of the running runs; only while queued and only when
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_in_seconds: Option<f64>,
    /// What it waits for, in words; only while queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Attempts begun, this one included.
    pub attempt: u32,
    /// Attempts in a row that ended because the worker vanished before it stored a checkpoint.
    pub deaths: u32,
    /// Steps done in this attempt.
    pub step: u64,
    /// Steps planned, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_steps: Option<u64>,
    /// Trained weights, the puzzle embedding left out as is the custom, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Estimated seconds until training ends, from the steps so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<f64>,
    /// The newest metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_metrics: Option<MetricPoint>,
    /// The best metrics, once something was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_metrics: Option<BestMetrics>,
    /// The worker that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<WorkerId>,
    /// Whether it was asked to stop and has not yet.
    pub cancel_requested: bool,
    /// Whether it was asked to pause and has not yet.
    pub pause_requested: bool,
    /// Its checkpoint, once stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<CheckpointId>,
    /// Its score on the whole test split, once measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
    /// Whether that score came with an import and was not measured here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
    /// What people call it, to find it again.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What people say about it.
    #[serde(default)]
    pub notes: String,
    /// The team that it belongs to.
    #[serde(default)]
    pub team: String,
    /// Whether everybody with an account may read it.
    #[serde(default)]
    pub public: bool,
    /// The sweep that it was queued with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_id: Option<SweepId>,
    /// When it was queued.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When the current attempt began.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<OffsetDateTime>,
    /// When it reached a final state.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<OffsetDateTime>,
}

/// The best that was measured of a run on its way, whichever step it was at. What an attempt trained beyond the step that
/// the next one went on from counts, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BestMetrics {
    /// Lowest total loss per sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Highest share of training sequences right in every token, of those that halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact_accuracy: Option<f64>,
    /// Highest share of validation puzzles right in every token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
}

/// Training metrics, averaged over the steps since the point before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricPoint {
    /// Steps done.
    pub step: u64,
    /// Sequences trained on so far, one per sequence and ACT step.
    pub examples: u64,
    /// Seconds of training so far.
    pub elapsed_seconds: f64,
    /// Seconds since the run first began, those included in which nobody trained it; only of stored points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// Learning rate of this step.
    pub lr: f64,
    /// Total loss per sequence.
    pub loss: f64,
    /// Token loss per sequence.
    pub lm_loss: f64,
    /// Halting loss per sequence.
    pub q_halt_loss: f64,
    /// Continuation loss per sequence.
    pub q_continue_loss: f64,
    /// Share of right tokens, of sequences that halted; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Share of sequences right in every token, of those that halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact_accuracy: Option<f64>,
    /// Share of halting sequences whose `q_halt ≥ 0` says rightly whether they are right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_halt_accuracy: Option<f64>,
    /// Mean ACT steps of the sequences that halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<f64>,
    /// Sequences trained per second.
    pub sequences_per_second: f64,
    /// The score on the validation split after this step, where one was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// A score on the validation split in the middle of a training: halting by Q, as a whole run is scored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Validation {
    /// Puzzles evaluated.
    pub n: u32,
    /// Puzzles right in every token.
    pub exact: u32,
    /// Share of right tokens.
    pub accuracy: f64,
}

impl Validation {
    /// `exact / n`.
    pub fn exact_accuracy(&self) -> f64 {
        f64::from(self.exact) / f64::from(self.n.max(1))
    }
}
