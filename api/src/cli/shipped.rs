//! The checkpoints that ship with the program, in the database.

use hrm_api::store::{self, PgPool};
use hrm_model::{Model, shipped};
use sha2::{Digest, Sha256};

/// Stores the checkpoints that ship with the program, where they are not stored yet.
pub(super) async fn store_all(pool: &PgPool) -> anyhow::Result<()> {
    for &shipped::Shipped { name, bytes, .. } in shipped::CHECKPOINTS {
        let sha256 = format!("{:x}", Sha256::digest(bytes));
        if !store::shipped::is_stored(pool, &sha256).await? {
            let model = tokio::task::spawn_blocking(|| Model::from_bytes(bytes)).await??;
            store::shipped::import(pool, name, model.info(), bytes).await?;
            tracing::info!(name, "stored the model that ships with the program");
        }
    }
    Ok(())
}
