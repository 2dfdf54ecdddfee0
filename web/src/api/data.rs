//! Datasets and their puzzles.

use super::{
    Answer, Made,
    transport::{change, get, patch, post, post_or_queue},
};
use crate::browser::query_value;
use hrm_types::{
    Page,
    board::Kind,
    dataset::{ChangeDataset, CreateDataset, Dataset, Split, StoredPuzzle},
    ids::DatasetId,
    import::ImportDataset,
    job::Job,
};

/// What the puzzles of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) test_rows: Option<u32>,
    pub(crate) validation_rows: Option<u32>,
    pub(crate) license: String,
}

impl About {
    /// Where the file is uploaded, below the API's root.
    pub(crate) fn upload_path(&self) -> String {
        let text = |name: &str, value: Option<String>| value.map(|value| format!("&{name}={}", query_value(&value)));
        let rows = |rows: Option<u32>| rows.map(|rows| rows.to_string());
        let more = [
            text("test_rows", rows(self.test_rows)),
            text("validation_rows", rows(self.validation_rows)),
            text("license", Some(self.license.clone()).filter(|license| !license.is_empty())),
        ];
        let more: String = more.into_iter().flatten().collect();
        format!("/datasets/upload?name={}&kind={}{more}", query_value(&self.name), self.kind.as_str())
    }
}

/// Has the server fetch a file from the internet and store its puzzles.
pub(crate) async fn import_dataset(about: About, url: String) -> Answer<Dataset> {
    let license = Some(about.license).filter(|license| !license.is_empty());
    let request = ImportDataset {
        url,
        name: about.name,
        kind: Some(about.kind),
        test_rows: about.test_rows,
        validation_rows: about.validation_rows,
        seed: None,
        license,
        sha256: None,
    };
    post("/datasets/import", &request).await
}

pub(crate) async fn list_datasets() -> Answer<Page<Dataset>> {
    get("/datasets?limit=100").await
}

/// Datasets, newest first, from `cursor` on.
pub(crate) async fn list(cursor: Option<String>) -> Answer<Page<Dataset>> {
    match cursor {
        Some(cursor) => get(&format!("/datasets?limit=10&cursor={}", query_value(&cursor))).await,
        None => get("/datasets?limit=10").await,
    }
}

pub(crate) async fn get_dataset(id: DatasetId) -> Answer<Dataset> {
    get(&format!("/datasets/{id}")).await
}

pub(crate) async fn create_dataset(request: &CreateDataset) -> Answer<Made<Dataset>> {
    post_or_queue("/datasets", request).await
}

pub(crate) async fn change_dataset(id: DatasetId, wanted: &ChangeDataset) -> Answer<Dataset> {
    patch(&format!("/datasets/{id}"), wanted).await
}

pub(crate) async fn delete_dataset(id: DatasetId) -> Answer<()> {
    change("DELETE", &format!("/datasets/{id}")).await
}

/// The first `limit` puzzles of a split.
pub(crate) async fn list_puzzles(id: DatasetId, split: Split, limit: u32) -> Answer<Page<StoredPuzzle>> {
    puzzles_after(id, split, None, limit).await
}

/// The next `limit` puzzles of a split, from `cursor` on.
pub(crate) async fn puzzles_after(
    id: DatasetId,
    split: Split,
    cursor: Option<String>,
    limit: u32,
) -> Answer<Page<StoredPuzzle>> {
    let cursor = cursor.map(|cursor| format!("&cursor={}", query_value(&cursor))).unwrap_or_default();
    get(&format!("/datasets/{id}/puzzles?split={}&limit={limit}{cursor}", split.as_str())).await
}

/// The newest generations of datasets by workers.
pub(crate) async fn list_generations() -> Answer<Page<Job>> {
    get("/jobs?kind=generation&limit=10").await
}

/// The puzzle at a position, from 0; none behind the last.
pub(crate) async fn get_puzzle(id: DatasetId, split: Split, position: u32) -> Answer<Option<StoredPuzzle>> {
    let after = position.checked_sub(1).map(|before| format!("&cursor={before}")).unwrap_or_default();
    let page: Page<StoredPuzzle> =
        get(&format!("/datasets/{id}/puzzles?split={}&limit=1{after}", split.as_str())).await?;
    Ok(page.items.into_iter().next())
}
