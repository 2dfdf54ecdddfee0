//! Jobs: whatever workers take from the queue. A training is a run, too; the others are evaluations, the generation of
//! datasets, and batches of puzzles.

use crate::{
    dataset::Split,
    evaluation::{Evaluation, Protocol},
    experiment::GenerateSpec,
    ids::{CheckpointId, DatasetId, EvaluationId, JobId, SweepId, WorkerId},
    object::optional_object,
    run::RunState,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Whose a job is while nobody says otherwise: there are no accounts.
pub const LOCAL: &str = "local";

/// The lowest and the highest priority; 0 is the ordinary one.
pub const PRIORITIES: std::ops::RangeInclusive<i16> = -100..=100;

pub(crate) fn local() -> String {
    LOCAL.into()
}

/// Checks a priority.
///
/// # Errors
/// What was expected and what was found.
pub fn check_priority(priority: i16) -> Result<(), String> {
    if PRIORITIES.contains(&priority) {
        return Ok(());
    }
    Err(format!("expected {} to {}, found {priority}", PRIORITIES.start(), PRIORITIES.end()))
}

/// What kind of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A run: training, then evaluation.
    Training,
    /// A stored checkpoint on a stored dataset.
    Evaluation,
    /// Puzzles made and stored.
    Generation,
    /// Many puzzles for one model.
    Batch,
}

impl JobKind {
    /// The name used in requests and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Evaluation => "evaluation",
            Self::Generation => "generation",
            Self::Batch => "batch",
        }
    }
}

/// Anything in the queue, or that was in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    /// Its id; a training's is its run's, too.
    pub id: JobId,
    /// What kind of work it is.
    pub kind: JobKind,
    /// The experiment's, the model's or the dataset's name.
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
    /// What the worker does now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Attempts begun.
    pub attempt: u32,
    /// Steps trained, or puzzles evaluated, generated or solved.
    pub done: u64,
    /// How many there will be, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether it was asked to end and has not yet.
    pub cancel_requested: bool,
    /// Whether it was asked to pause and has not yet.
    pub pause_requested: bool,
    /// Jobs that will be claimed before this one; only while queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u32>,
    /// What it waits for, in words; only while queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// The worker that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<WorkerId>,
    /// The seed of a training: what tells runs of one name apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The sweep that a training was queued with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_id: Option<SweepId>,
    /// The model that an evaluation measures, or that a batch is solved with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<CheckpointId>,
    /// The dataset that a generation has stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_id: Option<DatasetId>,
    /// The score that an evaluation has stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_id: Option<EvaluationId>,
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

/// What an evaluation measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EvaluationSpec {
    /// The stored checkpoint.
    pub checkpoint_id: CheckpointId,
    /// The stored dataset.
    pub dataset_id: DatasetId,
    /// Its part.
    pub split: Split,
    /// How it is measured.
    pub protocol: Protocol,
}

/// What a generation makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GenerationSpec {
    /// The dataset's name.
    pub name: String,
    /// Its puzzles.
    pub generate: GenerateSpec,
}

/// A request to evaluate a stored model on a stored dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateEvaluation {
    /// The model's id, or its name for the newest of that name.
    pub model: String,
    /// The dataset's name or id.
    pub dataset: String,
    /// Its part; `test` by default.
    #[serde(default = "test_split")]
    pub split: Split,
    /// How it is measured; by default halting by Q after at most the model's `halt_max_steps`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub protocol: Option<Protocol>,
    /// Whose it is; 1 to 64 letters, digits, `-`, `_`, `.` and `@`.
    #[serde(default = "local")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._@-]+$"))]
    pub owner: String,
    /// -100 to 100; higher goes first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = -100, maximum = 100))]
    pub priority: i16,
}

fn test_split() -> Split {
    Split::Test
}

/// A queued evaluation and, once it is measured, its score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EvaluationJob {
    /// Where it stands.
    pub job: Job,
    /// What it measures.
    pub spec: EvaluationSpec,
    /// The score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
}

/// Where a queued job is moved to among those of its owner and its priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// Before all others.
    Front,
    /// Behind all others.
    Back,
    /// Before another job.
    Before,
    /// Behind another job.
    After,
}

impl Spot {
    /// The name used in requests and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Back => "back",
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A request to move a queued job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MoveJob {
    /// Where to.
    pub to: Spot,
    /// The other job, for `before` and `after`: a queued one of the same owner and priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
}

/// How grave a line of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What goes on.
    Info,
    /// What went wrong and is tried again.
    Warn,
    /// What ended it.
    Error,
}

impl LogLevel {
    /// The name used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A line that a job's worker has said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// Its place among the lines of all jobs; it only grows.
    pub id: u64,
    /// The attempt that said it.
    pub attempt: u32,
    /// How grave it is.
    pub level: LogLevel,
    /// What was said.
    pub message: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}
