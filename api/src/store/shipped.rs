//! The checkpoints that ship with the program: stored at its first start, and known by that from then on.

use super::{Error, access::Viewer, artifacts, checkpoints, models};
use hrm_model::CheckpointInfo;
use hrm_types::{ids::CheckpointId, model::Model};
use sqlx::PgPool;

/// Stores a checkpoint that ships with the program, unless it is there already.
pub async fn import(pool: &PgPool, name: &str, info: &CheckpointInfo, bytes: &[u8]) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let artifact = artifacts::store(&mut tx, bytes).await?;
    match checkpoints::create(&mut tx, name, None, info, &artifact).await {
        Ok(_) => Ok(tx.commit().await?),
        Err(Error::Conflict { constraint, .. }) if constraint == "checkpoints_shipped_key" => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a checkpoint with this content came with the program and is stored.
pub async fn is_stored(pool: &PgPool, sha256: &str) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM checkpoints JOIN artifacts ON artifacts.id = artifact_id
                          WHERE sha256 = $1 AND shipped) AS "found!""#,
        sha256
    )
    .fetch_one(pool)
    .await?;
    Ok(found)
}

/// The newest model of this name that ships with the program.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn newest(pool: &PgPool, name: &str) -> Result<Model, Error> {
    let id =
        sqlx::query_scalar!("SELECT id FROM checkpoints WHERE shipped AND name = $1 ORDER BY id DESC LIMIT 1", name)
            .fetch_optional(pool)
            .await?;
    models::get(pool, &Viewer::Everything, CheckpointId(id.ok_or_else(|| Error::not_found("model", name))?)).await
}
