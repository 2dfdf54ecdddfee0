//! Leaderboards: scores on one test set by one protocol, a row for each configuration with all its seeds.

use crate::{
    evaluation::Protocol,
    ids::{CheckpointId, DatasetId, EvaluationId, RunId},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The puzzles that a leaderboard is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BoardTask {
    /// SHA-256 over the questions and answers of the test split, whatever their order; of datasets stored before that was
    /// counted, the whole dataset's.
    pub test_hash: String,
    /// The kind of puzzle.
    pub kind: String,
    /// Side of the puzzles.
    pub side: u8,
    /// Test puzzles, where a dataset with them is stored here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_count: Option<u32>,
    /// The oldest stored dataset with these test puzzles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_id: Option<DatasetId>,
    /// Names of the stored datasets with these test puzzles, in alphabetical order.
    pub datasets: Vec<String>,
}

/// A leaderboard in a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Board {
    /// Made of the test set and the protocol, so that it is the same everywhere.
    pub id: String,
    /// The puzzles.
    pub task: BoardTask,
    /// How every score on it was measured.
    pub protocol: Protocol,
    /// Scores on it.
    pub scores: u32,
}

/// Which way a column is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Column {
    /// Its name in exports and in `order`.
    pub key: String,
    /// Its heading.
    pub title: String,
    /// The unit of its numbers, where they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Which way it is better; absent for columns that order nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// Digits after the point.
    pub precision: u8,
}

/// What an interval is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IntervalOver {
    /// The mean over seeds, by Student's t, and at least as wide as that of one seed's puzzles.
    Seeds,
    /// One seed's share of its test puzzles, by Wilson: it says nothing about other seeds.
    Puzzles,
}

/// The figure of a paper that rows are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reference {
    /// Whose figure it is.
    pub system: String,
    /// The figure, 0 to 1.
    pub score: f64,
    /// A difference up to this counts as reproduced, 0 to 1.
    pub tolerance: f64,
    /// Training puzzles behind the figure, where stated; a row trained on another number of them reproduces nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_count: Option<u32>,
    /// Where all of this is stated.
    pub source: String,
}

/// A score behind a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The run, if it was trained or imported here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The checkpoint.
    pub checkpoint_id: CheckpointId,
    /// SHA-256 of the checkpoint's file.
    pub checkpoint_sha256: String,
    /// The score.
    pub evaluation_id: EvaluationId,
    /// SHA-256 of the dataset it was measured on.
    pub dataset_hash: String,
    /// SHA-256 of the experiment's JSON with sorted keys.
    pub config_hash: String,
    /// The run's seed.
    pub seed: u64,
    /// Training steps behind the checkpoint.
    pub step: u64,
    /// The score, 0 to 1.
    pub score: f64,
    /// Whether it counts: of several with one seed the newest does.
    pub counted: bool,
    /// When it was measured.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A row: one configuration with all its seeds, or a published figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BoardRow {
    /// From 1: one more than the number of verified rows that are better with their whole intervals. Rows that are not
    /// verified have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// Whether another row has the same rank: their intervals overlap.
    pub tied: bool,
    /// The name of the newest experiment of the row, or the published system's.
    pub name: String,
    /// Whether it was measured here from stored checkpoints.
    pub verified: bool,
    /// Where it was published, if it is no score of a checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Seeds that count; 0 for a published figure.
    pub n: u32,
    /// Mean over them, 0 to 1.
    pub mean: f64,
    /// 95 % interval of the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// What the interval is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_over: Option<IntervalOver>,
    /// The best seed's, 0 to 1.
    pub best: f64,
    /// Mazes: mean share of answers that mark any shortest path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any_optimal: Option<f64>,
    /// `mean` less the reference's figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<f64>,
    /// Whether the difference is within the reference's tolerance; absent where that says nothing: for claims, for rows that were
    /// not trained here, or on another number of puzzles, on test puzzles, or from another model's weights on, and where the test
    /// puzzles are not known to be the paper's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduced: Option<bool>,
    /// SHA-256 of the checkpoint that its training began with, if it was one: what that cost and saw comes on top of
    /// what the row says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_from: Option<String>,
    /// SHA-256 of the dataset it was trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_hash: Option<String>,
    /// That dataset, where it is stored here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_dataset_id: Option<DatasetId>,
    /// Puzzles it was trained on, where the dataset is stored here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_count: Option<u32>,
    /// The size class of its training set: `1k`, `full`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_set: Option<String>,
    /// Whether that is what the file of a checkpoint says which was not trained here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub train_claimed: bool,
    /// Test puzzles of which an equivalent one is trained on, up to the symmetries of their kind; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_training: Option<u32>,
    /// How it was measured: depth, halting, voting; absent for published figures, whose `remark` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Puzzles it was tested on, of `test_count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<u32>,
    /// Puzzles of the test split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_count: Option<u32>,
    /// How the checkpoints were chosen: `last`, `best on validation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// Trained weights, the puzzle embedding left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// The same with the puzzle embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_with_embedding: Option<u64>,
    /// Floating-point operations for a puzzle, all its attempts and votes together, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<f64>,
    /// ACT steps of an answer, on average; where a puzzle has several attempts, of all of them together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_steps: Option<f64>,
    /// Hours that a worker trained on its device, mean over the seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_hours: Option<f64>,
    /// What trained it.
    pub devices: Vec<String>,
    /// Commits of the programs that trained it; one that ends in `+` had changes.
    pub commits: Vec<String>,
    /// SHA-256 of the experiment without its name, description and seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_hash: Option<String>,
    /// The scores behind it, by seed.
    pub members: Vec<Member>,
    /// How a published figure was measured, in its source's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// A whole leaderboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Leaderboard {
    /// Made of the test set and the protocol, so that it is the same everywhere.
    pub id: String,
    /// The puzzles.
    pub task: BoardTask,
    /// How every score was measured.
    pub protocol: Protocol,
    /// What `mean` and `best` count: `exact`, `solved` within the protocol's attempts, or `pass@2` of ARC tasks by votes.
    pub metric: String,
    /// What the columns of a row are, left to right.
    pub columns: Vec<Column>,
    /// Keys the rows are ordered by, the first one first; `-` before a key puts the highest first. Of rows that are equal
    /// in all of them the one measured first stands first.
    pub order: Vec<String>,
    /// The paper's figure that rows are compared with, where there is one for these puzzles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// In that order.
    pub rows: Vec<BoardRow>,
}

/// How a leaderboard is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeepLeaderboard {
    /// Its order, as `order` of a leaderboard's query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Whether everybody with an account may read it, whosever its rows are.
    #[serde(default)]
    pub public: bool,
}

/// A leaderboard as it stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeaderboardSnapshot {
    /// SHA-256 of the leaderboard's JSON, which is its address: what is found there can never be another.
    pub sha256: String,
    /// The leaderboard.
    pub leaderboard_id: String,
    /// Whether everybody with an account may read it.
    pub public: bool,
    /// When it was first kept.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}
