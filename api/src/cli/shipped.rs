//! The checkpoints that ship with the program: their hashes, and their place in the database.

use hrm_api::store::{self, PgPool};
use hrm_model::{
    Model,
    shipped::{CHECKPOINTS, Shipped},
};
use sha2::{Digest, Sha256};

/// SHA-256 of its file.
pub(super) fn sha256(model: &Shipped) -> String {
    format!("{:x}", Sha256::digest(model.bytes))
}

/// Stores the checkpoints that ship with the program, where they are not stored yet.
pub(super) async fn store_all(pool: &PgPool) -> anyhow::Result<()> {
    for model in CHECKPOINTS {
        let &Shipped { name, bytes, .. } = model;
        if !store::shipped::is_stored(pool, &sha256(model)).await? {
            let model = tokio::task::spawn_blocking(|| Model::from_bytes(bytes)).await??;
            store::shipped::import(pool, name, model.info(), bytes).await?;
            tracing::info!(name, "stored the model that ships with the program");
        }
    }
    Ok(())
}
