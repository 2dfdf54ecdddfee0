//! Batches: many puzzles that a worker solves.

use super::{
    Answer, address,
    transport::{change, get, post},
};
use crate::browser::query_value;
use hrm_types::{
    Page,
    batch::{Batch, BatchResult, CreateBatch},
    ids::JobId,
};

/// Batches, newest first, from `cursor` on.
pub(crate) async fn list(cursor: Option<String>) -> Answer<Page<Batch>> {
    let cursor = cursor.map(|cursor| format!("&cursor={}", query_value(&cursor))).unwrap_or_default();
    get(&format!("/batches?limit=25{cursor}")).await
}

pub(crate) async fn get_batch(id: JobId) -> Answer<Batch> {
    get(&format!("/batches/{id}")).await
}

pub(crate) async fn create_batch(request: &CreateBatch) -> Answer<Batch> {
    post("/batches", request).await
}

pub(crate) async fn delete_batch(id: JobId) -> Answer<()> {
    change("DELETE", &format!("/batches/{id}")).await
}

/// Up to `limit` puzzles with their answers from `cursor` on: all of them, the right ones, or the wrong ones.
pub(crate) async fn list_results(
    id: JobId,
    solved: Option<bool>,
    cursor: Option<String>,
    limit: u32,
) -> Answer<Page<BatchResult>> {
    let solved = solved.map(|solved| format!("&solved={solved}")).unwrap_or_default();
    let cursor = cursor.map(|cursor| format!("&cursor={}", query_value(&cursor))).unwrap_or_default();
    get(&format!("/batches/{id}/results?limit={limit}{solved}{cursor}")).await
}

/// Where all results are downloaded, as `json` or `csv`.
pub(crate) fn file_address(id: JobId, format: &str) -> String {
    address(&format!("/batches/{id}/file?format={format}"))
}
