//! Files, addressed by the SHA-256 of their content and kept in chunks, so that neither side ever holds
//! a whole one in memory. The same content is stored once, and so is what different files have in common.
//!
//! What nothing refers to is collected by `garbage`.

use super::{Error, chunks};
use crate::fault;
use futures_util::{Stream, TryStreamExt};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use std::ops::Range;
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

/// Stores what `reader` yields, inside the caller's transaction, unless it is stored already. It cannot be collected
/// before that transaction ends.
///
/// # Errors
/// [`Error::Input`] when reading fails; the caller must roll back.
pub async fn store(connection: &mut PgConnection, mut reader: impl AsyncRead + Unpin) -> Result<Artifact, Error> {
    let id = Uuid::now_v7();
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    let mut chunk = Vec::with_capacity(CHUNK);
    for position in 0.. {
        chunk.clear();
        (&mut reader).take(CHUNK as u64).read_to_end(&mut chunk).await?;
        if chunk.is_empty() {
            break;
        }
        hash.update(&chunk);
        size += chunk.len() as u64;
        let stored = chunks::put(connection, &chunk).await?;
        append(connection, id, position, &stored).await?;
        fault::point("mid-upload");
    }
    publish(connection, Artifact { id, sha256: format!("{:x}", hash.finalize()), size }).await
}

async fn append(connection: &mut PgConnection, id: Uuid, position: i64, chunk: &chunks::Hash) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO artifact_chunks (artifact_id, position, chunk) VALUES ($1, $2, $3)",
        id,
        position,
        &chunk[..]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives the list of chunks its artifact or, where this content is stored already, drops the list in its favour.
async fn publish(connection: &mut PgConnection, new: Artifact) -> Result<Artifact, Error> {
    // Once more only where another transaction stores or collects the same content between the two questions.
    loop {
        let known = sqlx::query_scalar!("SELECT id FROM artifacts WHERE sha256 = $1 FOR KEY SHARE", new.sha256)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(id) = known {
            sqlx::query!("DELETE FROM artifact_chunks WHERE artifact_id = $1", new.id).execute(connection).await?;
            return Ok(Artifact { id, ..new });
        }
        let inserted = sqlx::query!(
            "INSERT INTO artifacts (id, sha256, size) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING",
            new.id,
            new.sha256,
            new.size.cast_signed()
        )
        .execute(&mut *connection)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(new);
        }
    }
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

/// The content, chunk by chunk, each checked against its hash. Ends with [`Error::Corrupt`] rather than early.
pub fn chunks(pool: &PgPool, artifact: &Artifact) -> impl Stream<Item = Result<Vec<u8>, Error>> + Send + use<> {
    part(pool, artifact, 0..artifact.size)
}

/// Those bytes of the content, in pieces of chunks, of which only those that hold them are read.
pub fn part(
    pool: &PgPool,
    artifact: &Artifact,
    bytes: Range<u64>,
) -> impl Stream<Item = Result<Vec<u8>, Error>> + Send + use<> {
    let (pool, id, size) = (pool.clone(), artifact.id, artifact.size);
    let end = bytes.end.min(size);
    futures_util::stream::try_unfold((pool, bytes.start), move |(pool, at)| async move {
        if at >= end {
            return Ok(None);
        }
        let position = at / CHUNK as u64;
        let first = position * CHUNK as u64;
        let (expected, skipped) = ((size - first).min(CHUNK as u64), (at - first) as usize);
        let mut chunk = chunks::at(&pool, id, position.cast_signed()).await?.unwrap_or_default();
        if chunk.len() as u64 != expected {
            let detail = format!("chunk {position} of {} bytes, expected {expected}", chunk.len());
            return Err(Error::Corrupt { what: "artifact", detail });
        }
        chunk.truncate((end - first).min(expected) as usize);
        chunk.drain(..skipped);
        let next = at + chunk.len() as u64;
        Ok(Some((chunk, (pool, next))))
    })
}

/// Writes the content, and checks it against its hash at the end.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when the bytes do not have this hash any more; [`Error::Output`] when they
/// cannot be written.
pub async fn copy(pool: &PgPool, sha256: &str, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), Error> {
    let artifact = find(pool, sha256).await?;
    let mut hash = Sha256::new();
    let mut chunks = Box::pin(chunks(pool, &artifact));
    while let Some(chunk) = chunks.try_next().await? {
        hash.update(&chunk);
        writer.write_all(&chunk).await.map_err(Error::Output)?;
    }
    check(&artifact, hash)
}

/// The whole content, checked against its hash.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when the bytes do not have this hash any more.
pub async fn read(pool: &PgPool, sha256: &str) -> Result<Vec<u8>, Error> {
    let artifact = find(pool, sha256).await?;
    let mut content = Vec::with_capacity(artifact.size as usize);
    let mut chunks = Box::pin(chunks(pool, &artifact));
    while let Some(chunk) = chunks.try_next().await? {
        content.extend_from_slice(&chunk);
    }
    check(&artifact, Sha256::new_with_prefix(&content))?;
    Ok(content)
}

fn check(artifact: &Artifact, hash: Sha256) -> Result<(), Error> {
    let (expected, found) = (&artifact.sha256, format!("{:x}", hash.finalize()));
    if found == *expected {
        Ok(())
    } else {
        Err(Error::Corrupt { what: "artifact", detail: format!("the hash {found}, expected {expected}") })
    }
}
