//! Pieces of files, addressed by the SHA-256 of their content: the same piece is stored once, whosever it is.

use super::{
    Error,
    bodies::{self, Outside},
};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// SHA-256 of a chunk's content.
pub(super) type Hash = [u8; 32];

/// Stores a chunk inside the caller's transaction, unless it is stored already. It cannot be collected before that
/// transaction ends.
pub(super) async fn put(connection: &mut PgConnection, bytes: &[u8]) -> Result<Hash, Error> {
    let hash: Hash = Sha256::digest(bytes).into();
    let size = i32::try_from(bytes.len()).map_err(std::io::Error::other)?;
    // Once more only where another transaction stores or collects the same chunk between the two questions.
    loop {
        let known = sqlx::query_scalar!("SELECT size FROM chunks WHERE sha256 = $1 FOR KEY SHARE", &hash[..])
            .fetch_optional(&mut *connection)
            .await?;
        if known.is_some() {
            return Ok(hash);
        }
        let inserted = sqlx::query!(
            "INSERT INTO chunks (sha256, size, bytes) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING",
            &hash[..],
            size,
            bytes
        )
        .execute(&mut *connection)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(hash);
        }
    }
}

/// The chunk at a place of an artifact, if its list is that long.
///
/// # Errors
/// [`Error::Corrupt`] when the bytes do not have their hash any more; [`Error::Object`] when they are in an object store
/// that does not give them.
pub(super) async fn at(pool: &PgPool, artifact: Uuid, position: i64) -> Result<Option<Vec<u8>>, Error> {
    let row = sqlx::query!(
        "SELECT sha256, bytes, object FROM artifact_chunks JOIN chunks ON chunks.sha256 = chunk
         WHERE artifact_id = $1 AND position = $2",
        artifact,
        position
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if let Some(address) = row.object {
        return Ok(Some(bodies::get(&Outside { hash: row.sha256, address }).await?));
    }
    let bytes = row.bytes.unwrap_or_default();
    if Sha256::digest(&bytes)[..] == row.sha256 {
        Ok(Some(bytes))
    } else {
        let detail = format!("chunk {position} of {} bytes, which do not have the hash they had", bytes.len());
        Err(Error::Corrupt { what: "artifact", detail })
    }
}
