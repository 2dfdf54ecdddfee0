//! Solving, and the models one can solve with.

use super::{
    Answer, address,
    transport::{get, post},
};
use hrm_types::{Page, ids::CheckpointId, model::Model, solve::SolveResponse};

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

pub(crate) async fn list_models() -> Answer<Page<Model>> {
    get("/models?limit=100").await
}
