//! Files, addressed by the SHA-256 of their content and kept in chunks, so that neither side ever holds
//! a whole one in memory. The same content is stored once.

use super::Error;
use futures_util::{Stream, TryStreamExt};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

/// Bytes in every chunk but the last.
pub const CHUNK: usize = 1 << 20;

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Where its chunks are.
    pub id: Uuid,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Its size, bytes.
    pub size: u64,
}

/// Stores what `reader` yields, inside the caller's transaction, unless it is stored already.
///
/// # Errors
/// [`Error::Input`] when reading fails; the caller must roll back.
pub async fn store(connection: &mut PgConnection, mut reader: impl AsyncRead + Unpin) -> Result<Artifact, Error> {
    let id = Uuid::now_v7();
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    for position in 0.. {
        let mut chunk = Vec::with_capacity(CHUNK);
        (&mut reader).take(CHUNK as u64).read_to_end(&mut chunk).await?;
        if chunk.is_empty() {
            break;
        }
        hash.update(&chunk);
        size += chunk.len() as u64;
        insert_chunk(connection, id, position, &chunk).await?;
    }
    publish(connection, Artifact { id, sha256: format!("{:x}", hash.finalize()), size }).await
}

async fn insert_chunk(connection: &mut PgConnection, id: Uuid, position: i64, bytes: &[u8]) -> Result<(), Error> {
    sqlx::query!("INSERT INTO artifact_chunks (artifact_id, position, bytes) VALUES ($1, $2, $3)", id, position, bytes)
        .execute(connection)
        .await?;
    Ok(())
}

/// Gives the chunks their artifact or, where this content is stored already, drops them in its favour.
async fn publish(connection: &mut PgConnection, new: Artifact) -> Result<Artifact, Error> {
    let inserted = sqlx::query!(
        "INSERT INTO artifacts (id, sha256, size) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING",
        new.id,
        new.sha256,
        new.size.cast_signed()
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if inserted == 1 {
        return Ok(new);
    }
    sqlx::query!("DELETE FROM artifact_chunks WHERE artifact_id = $1", new.id).execute(&mut *connection).await?;
    let id =
        sqlx::query_scalar!("SELECT id FROM artifacts WHERE sha256 = $1", new.sha256).fetch_one(connection).await?;
    Ok(Artifact { id, ..new })
}

/// The artifact with this hash.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(pool: &PgPool, sha256: &str) -> Result<Artifact, Error> {
    let row = sqlx::query!("SELECT id, sha256, size FROM artifacts WHERE sha256 = $1", sha256)
        .fetch_optional(pool)
        .await?
        .ok_or_else(|| Error::not_found("artifact", sha256))?;
    Ok(Artifact { id: row.id, sha256: row.sha256, size: row.size.cast_unsigned() })
}

/// The content, chunk by chunk.
pub fn chunks(pool: &PgPool, id: Uuid) -> impl Stream<Item = Result<Vec<u8>, Error>> + Send + use<> {
    let pool = pool.clone();
    futures_util::stream::try_unfold((pool, 0_i64), move |(pool, position)| async move {
        let bytes = sqlx::query_scalar!(
            "SELECT bytes FROM artifact_chunks WHERE artifact_id = $1 AND position = $2",
            id,
            position
        )
        .fetch_optional(&pool)
        .await?;
        Ok(bytes.map(|bytes| (bytes, (pool, position + 1))))
    })
}

/// Writes the content, and checks it against its hash at the end.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when the bytes do not have this hash any more.
pub async fn copy(pool: &PgPool, sha256: &str, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), Error> {
    let artifact = find(pool, sha256).await?;
    let mut hash = Sha256::new();
    let mut chunks = Box::pin(chunks(pool, artifact.id));
    while let Some(chunk) = chunks.try_next().await? {
        hash.update(&chunk);
        writer.write_all(&chunk).await?;
    }
    let found = format!("{:x}", hash.finalize());
    if found == sha256 {
        Ok(())
    } else {
        Err(Error::Corrupt { what: "artifact", detail: format!("the hash {found}, expected {sha256}") })
    }
}

/// The whole content, checked against its hash.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when the bytes do not have this hash any more.
pub async fn read(pool: &PgPool, sha256: &str) -> Result<Vec<u8>, Error> {
    let artifact = find(pool, sha256).await?;
    let mut content = Vec::with_capacity(artifact.size as usize);
    let mut chunks = Box::pin(chunks(pool, artifact.id));
    while let Some(chunk) = chunks.try_next().await? {
        content.extend_from_slice(&chunk);
    }
    let found = format!("{:x}", Sha256::digest(&content));
    if found == sha256 {
        Ok(content)
    } else {
        Err(Error::Corrupt { what: "artifact", detail: format!("the hash {found}, expected {sha256}") })
    }
}
