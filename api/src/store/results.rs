//! What a run leaves behind: checkpoint, score and the end of the run, all or nothing.

use super::{
    Error, artifacts, checkpoints, evaluations, leases,
    leases::{Ending, Lease},
    outcomes, train_states,
};
use crate::{config::RetentionConfig, fault};
use hrm_model::CheckpointInfo;
use hrm_types::{
    dataset::Split,
    evaluation::Evaluation,
    ids::{CheckpointId, DatasetId},
};
use sqlx::PgPool;

/// A trained and evaluated model.
#[derive(Debug, Clone, Copy)]
pub struct RunResult<'a> {
    /// The checkpoint's name.
    pub name: &'a str,
    /// What the checkpoint is.
    pub info: &'a CheckpointInfo,
    /// The checkpoint's file.
    pub bytes: &'a [u8],
    /// The dataset it was evaluated on.
    pub dataset: DatasetId,
    /// Its score on the whole test split.
    pub evaluation: &'a Evaluation,
    /// Which of these puzzles were right.
    pub exact: &'a [bool],
    /// What is kept of the run's states.
    pub keep: RetentionConfig,
}

/// Stores the result and ends the run as succeeded, in one transaction.
///
/// # Errors
/// [`Error::StaleLease`]; then nothing was stored.
pub async fn succeed(pool: &PgPool, lease: &Lease, result: RunResult<'_>) -> Result<CheckpointId, Error> {
    let mut tx = pool.begin().await?;
    // Before the job's row is locked: a large file takes longer than a heartbeat may wait.
    let artifact = artifacts::store(&mut tx, result.bytes).await?;
    leases::finish(&mut tx, lease, Ending::Succeeded(None)).await?;
    let id = checkpoints::create(&mut tx, result.name, Some(lease.run_id()), result.info, &artifact).await?;
    let environment = result.info.environment.as_ref();
    let score = evaluations::create(&mut tx, id, result.dataset, Split::Test, result.evaluation, environment).await?;
    outcomes::create(&mut tx, score, result.exact).await?;
    // Nothing goes on from them any more.
    train_states::drop_old(&mut tx, lease.run_id(), result.keep.after_the_run()).await?;
    fault::point("result-uncommitted");
    tx.commit().await?;
    fault::point("result-committed");
    Ok(id)
}
