//! Datasets and their puzzles.

use super::{
    Answer,
    transport::{get, post},
};
use hrm_types::{
    Page,
    dataset::{CreateDataset, Dataset, Split, StoredPuzzle},
    ids::DatasetId,
};

pub(crate) async fn list_datasets() -> Answer<Page<Dataset>> {
    get("/datasets?limit=100").await
}

pub(crate) async fn get_dataset(id: DatasetId) -> Answer<Dataset> {
    get(&format!("/datasets/{id}")).await
}

pub(crate) async fn create_dataset(request: &CreateDataset) -> Answer<Dataset> {
    post("/datasets", request).await
}

/// The first `limit` puzzles of a split.
pub(crate) async fn list_puzzles(id: DatasetId, split: Split, limit: u32) -> Answer<Page<StoredPuzzle>> {
    get(&format!("/datasets/{id}/puzzles?split={}&limit={limit}", split.as_str())).await
}

/// The puzzle at a position, from 0; none behind the last.
pub(crate) async fn get_puzzle(id: DatasetId, split: Split, position: u32) -> Answer<Option<StoredPuzzle>> {
    let after = position.checked_sub(1).map(|before| format!("&cursor={before}")).unwrap_or_default();
    let page: Page<StoredPuzzle> =
        get(&format!("/datasets/{id}/puzzles?split={}&limit=1{after}", split.as_str())).await?;
    Ok(page.items.into_iter().next())
}
