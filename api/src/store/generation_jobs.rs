//! Queued generations of datasets, and their end.

use super::{
    Error, datasets,
    datasets::NewDataset,
    jobs::{self, Terms},
    leases::{self, Ending, Lease},
};
use hrm_model::data;
use hrm_types::{
    dataset::LeakReport,
    ids::DatasetId,
    job::{GenerationSpec, Job, JobKind},
};
use sqlx::PgPool;

/// Queues the generation of a dataset.
pub async fn create(pool: &PgPool, spec: &GenerationSpec, terms: Terms<'_>) -> Result<Job, Error> {
    let mut tx = pool.begin().await?;
    let id = jobs::create(&mut tx, JobKind::Generation, &spec.name, terms, Some(serde_json::json!(spec))).await?;
    tx.commit().await?;
    jobs::get(pool, id).await
}

/// Stores the dataset, unless exactly its puzzles are stored already, and ends the job as succeeded.
///
/// # Errors
/// [`Error::StaleLease`]; then nothing was stored. [`Error::Conflict`] when the name is taken by other puzzles.
pub async fn succeed(
    pool: &PgPool,
    lease: &Lease,
    spec: &GenerationSpec,
    puzzles: &data::Dataset,
    leaks: Option<LeakReport>,
) -> Result<DatasetId, Error> {
    match store_and_end(pool, lease, spec, puzzles, leaks).await {
        // Somebody has stored the same at this moment; now they are found.
        Err(Error::Conflict { constraint, .. }) if constraint == "datasets_content_hash_key" => {
            store_and_end(pool, lease, spec, puzzles, leaks).await
        }
        ended => ended,
    }
}

async fn store_and_end(
    pool: &PgPool,
    lease: &Lease,
    spec: &GenerationSpec,
    puzzles: &data::Dataset,
    leaks: Option<LeakReport>,
) -> Result<DatasetId, Error> {
    let mut tx = pool.begin().await?;
    // The job's row is free, for heartbeats and wishes, while a million puzzles are written; the end looks at the lease.
    let team = jobs::team(&mut *tx, lease.job_id).await?;
    let new = NewDataset::generated(team, &spec.name, &spec.generate, leaks);
    let id = datasets::find_or_insert(&mut tx, new, puzzles).await?;
    leases::finish(&mut tx, lease, Ending::Succeeded(Some(id.0))).await?;
    tx.commit().await?;
    Ok(id)
}
