//! Collecting what nothing refers to: artifacts without a checkpoint, a training state or a run that
//! begins with it, chunks without an artifact.
//!
//! A save that is under way holds locks on what it uses, and here those are skipped. What is to be deleted is locked
//! first, so that no reference to it can appear, and looked at again under the lock, because one may have appeared
//! just before. So it may run at any time, anywhere, any number of times at once.

use super::{Error, bodies};
use sqlx::{PgConnection, PgPool};

/// Rows of one transaction at most.
const BATCH: i64 = 256;

/// What was collected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Artifacts.
    pub artifacts: u64,
    /// Chunks.
    pub chunks: u64,
    /// Bytes in these chunks.
    pub bytes: u64,
}

/// Deletes everything that nothing refers to and no save in progress uses.
pub async fn collect(pool: &PgPool) -> Result<Collected, Error> {
    let mut collected = Collected::default();
    loop {
        let mut tx = pool.begin().await?;
        let (found, deleted) = artifacts(&mut tx).await?;
        tx.commit().await?;
        collected.artifacts += deleted;
        if found < BATCH as usize {
            break;
        }
    }
    loop {
        let mut tx = pool.begin().await?;
        let (found, sizes) = chunks(&mut tx).await?;
        tx.commit().await?;
        collected.chunks += sizes.len() as u64;
        collected.bytes += sizes.into_iter().map(|size| u64::from(size.cast_unsigned())).sum::<u64>();
        if found < BATCH as usize {
            return Ok(collected);
        }
    }
}

/// The same after something was dropped; should it fail, whoever comes next collects it.
pub async fn collect_if_possible(pool: &PgPool) {
    if let Err(error) = collect(pool).await {
        tracing::warn!(%error, "garbage could not be collected");
    }
}

/// How many were found, and how many of them were deleted.
async fn artifacts(connection: &mut PgConnection) -> Result<(usize, u64), Error> {
    let locked = sqlx::query_scalar!(
        "SELECT id FROM artifacts
         WHERE NOT EXISTS (SELECT 1 FROM referred_artifacts WHERE artifact_id = artifacts.id)
         LIMIT $1 FOR UPDATE SKIP LOCKED",
        BATCH
    )
    .fetch_all(&mut *connection)
    .await?;
    let deleted = sqlx::query!(
        "DELETE FROM artifacts WHERE id = ANY($1)
           AND NOT EXISTS (SELECT 1 FROM referred_artifacts WHERE artifact_id = artifacts.id)",
        &locked
    )
    .execute(connection)
    .await?;
    Ok((locked.len(), deleted.rows_affected()))
}

/// How many were found, and the sizes of those that were deleted.
async fn chunks(connection: &mut PgConnection) -> Result<(usize, Vec<i32>), Error> {
    let locked = sqlx::query_scalar!(
        "SELECT sha256 FROM chunks
         WHERE NOT EXISTS (SELECT 1 FROM artifact_chunks WHERE chunk = sha256)
         LIMIT $1 FOR UPDATE SKIP LOCKED",
        BATCH
    )
    .fetch_all(&mut *connection)
    .await?;
    let deleted = sqlx::query!(
        "DELETE FROM chunks WHERE sha256 = ANY($1)
           AND NOT EXISTS (SELECT 1 FROM artifact_chunks WHERE chunk = sha256)
         RETURNING size, object",
        &locked
    )
    .fetch_all(&mut *connection)
    .await?;
    let objects: Vec<String> = deleted.iter().filter_map(|chunk| chunk.object.clone()).collect();
    bodies::drop_objects(connection, &objects).await?;
    Ok((locked.len(), deleted.into_iter().map(|chunk| chunk.size).collect()))
}
