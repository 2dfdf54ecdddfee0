//! Stored checkpoints: what they are called, who may read them, and how good they are.

use super::{
    Answer,
    transport::{change, get, patch, post},
};
use crate::browser::query_value;
use hrm_types::{
    Page,
    board::Kind,
    ids::{CheckpointId, JobId},
    job::{CreateEvaluation, EvaluationJob, Job},
    model::{Alias, ChangeModel, Model},
};

/// Where a checkpoint of this name is uploaded, below the API's root.
pub(crate) fn upload_path(name: &str) -> String {
    format!("/models?name={}", query_value(name))
}

/// Models, newest first, from `cursor` on.
pub(crate) async fn list(cursor: Option<String>) -> Answer<Page<Model>> {
    match cursor {
        Some(cursor) => get(&format!("/models?cursor={}", query_value(&cursor))).await,
        None => get("/models").await,
    }
}

/// The newest models for puzzles of a kind and side.
pub(crate) async fn for_puzzles(kind: Kind, side: u8) -> Answer<Page<Model>> {
    get(&format!("/models?limit=100&kind={}&side={side}", kind.as_str())).await
}

/// The newest model with this file.
pub(crate) async fn with_file(sha256: &str) -> Answer<Page<Model>> {
    get(&format!("/models?limit=1&sha256={}", query_value(sha256))).await
}

pub(crate) async fn get_model(id: CheckpointId) -> Answer<Model> {
    get(&format!("/models/{id}")).await
}

pub(crate) async fn change_model(id: CheckpointId, wanted: &ChangeModel) -> Answer<Model> {
    patch(&format!("/models/{id}"), wanted).await
}

pub(crate) async fn delete_model(id: CheckpointId) -> Answer<()> {
    change("DELETE", &format!("/models/{id}")).await
}

pub(crate) async fn list_aliases() -> Answer<Page<Alias>> {
    get("/aliases").await
}

/// Gives a model an alias, and takes it from the one that had it.
pub(crate) async fn set_alias(id: CheckpointId, alias: &str) -> Answer<()> {
    change("PUT", &format!("/models/{id}/aliases/{}", query_value(alias))).await
}

pub(crate) async fn remove_alias(id: CheckpointId, alias: &str) -> Answer<()> {
    change("DELETE", &format!("/models/{id}/aliases/{}", query_value(alias))).await
}

/// Evaluations that were asked for of a model, newest first, from `cursor` on.
pub(crate) async fn list_evaluations(id: CheckpointId, cursor: Option<String>) -> Answer<Page<EvaluationJob>> {
    let cursor = cursor.map(|cursor| format!("&cursor={}", query_value(&cursor))).unwrap_or_default();
    get(&format!("/evaluations?limit=20&model_id={id}{cursor}")).await
}

pub(crate) async fn create_evaluation(request: &CreateEvaluation) -> Answer<EvaluationJob> {
    post("/evaluations", request).await
}

pub(crate) async fn cancel_job(id: JobId) -> Answer<Job> {
    post(&format!("/jobs/{id}/cancel"), &serde_json::json!({})).await
}
