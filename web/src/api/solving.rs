//! Solving, and the models one can solve with.

use super::{
    Answer, address,
    transport::{get, post},
};
use hrm_types::{
    Page,
    board::Kind,
    ids::{CheckpointId, DatasetId},
    solve::SolveResponse,
};
use serde::Deserialize;

/// What solving looks at of a stored model. All that is known of it, its whole experiment among that, would be in the first
/// load with everything that reads it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Solver {
    pub(crate) id: CheckpointId,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) side: u8,
    pub(crate) dataset_hash: String,
    pub(crate) parameters: u64,
    pub(crate) experiment: Seeded,
    pub(crate) evaluation: Option<Score>,
    /// Whether that score came with an import and was not measured here; absent where it did not.
    #[serde(default)]
    pub(crate) claimed: bool,
    /// The score that it ships with.
    #[serde(default)]
    pub(crate) stated: Option<Score>,
    pub(crate) default: bool,
}

/// What solving looks at of the experiment that trained a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Seeded {
    pub(crate) seed: u64,
}

/// A model's newest score, or the one that it ships with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Score {
    pub(crate) exact_accuracy: f64,
}

/// What solving looks at of a stored dataset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct PuzzleSet {
    pub(crate) id: DatasetId,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) side: u8,
    pub(crate) content_hash: String,
    pub(crate) train_count: u32,
    pub(crate) validation_count: u32,
    pub(crate) test_count: u32,
}

/// Where a checkpoint's file is downloaded.
pub(crate) fn checkpoint_address(id: CheckpointId) -> String {
    address(&format!("/models/{id}/file"))
}

pub(crate) async fn solve(request: &serde_json::Value) -> Answer<SolveResponse> {
    post("/solve", request).await
}

/// Queues puzzles for a worker; the id of the batch.
pub(crate) async fn queue_batch(request: &serde_json::Value) -> Answer<String> {
    let batch: serde_json::Value = post("/batches", request).await?;
    Ok(batch["job"]["id"].as_str().unwrap_or_default().to_owned())
}

pub(crate) async fn list_models() -> Answer<Page<Solver>> {
    get("/models?limit=100").await
}

pub(crate) async fn list_puzzle_sets() -> Answer<Page<PuzzleSet>> {
    get("/datasets?limit=100").await
}
