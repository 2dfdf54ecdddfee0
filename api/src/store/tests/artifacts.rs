//! Files in chunks.

use crate::store::{Error, PgPool, artifacts, testing::database};
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use std::io;
use tokio::io::AsyncReadExt;

/// Bytes without a pattern that a mix-up of chunks could keep.
fn content(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

async fn store(pool: &PgPool, bytes: &[u8]) -> artifacts::Artifact {
    let mut tx = pool.begin().await.expect("a transaction");
    let stored = artifacts::store(&mut tx, bytes).await.expect("an artifact");
    tx.commit().await.expect("the commit");
    stored
}

async fn chunks_stored(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM chunks").fetch_one(pool).await.expect("a count")
}

#[tokio::test]
async fn five_mebibytes_come_back_as_they_went() {
    let db = database().await;
    let bytes = content((5 << 20) + 123);
    let artifact = store(&db.pool, &bytes).await;
    assert_eq!(artifact.size, bytes.len() as u64);
    assert_eq!(artifact.sha256, format!("{:x}", Sha256::digest(&bytes)));
    assert_eq!(artifacts::find(&db.pool, &artifact.sha256).await.expect("the artifact"), artifact);
    assert_eq!(artifacts::read(&db.pool, &artifact.sha256).await.expect("the bytes"), bytes);
    let chunks: Vec<Vec<u8>> = artifacts::chunks(&db.pool, &artifact).try_collect().await.expect("the chunks");
    let sizes: Vec<usize> = chunks.iter().map(Vec::len).collect();
    assert_eq!(sizes, [artifacts::CHUNK, artifacts::CHUNK, artifacts::CHUNK, artifacts::CHUNK, artifacts::CHUNK, 123]);
}

#[tokio::test]
async fn a_part_of_a_file_is_these_bytes_and_reads_no_other_chunk() {
    let db = database().await;
    let bytes = content(3 * artifacts::CHUNK + 5);
    let artifact = store(&db.pool, &bytes).await;
    let chunk = artifacts::CHUNK as u64;
    for range in
        [0..1, 3..7, chunk - 1..chunk + 1, chunk..2 * chunk, 1..3 * chunk + 5, 3 * chunk + 4..3 * chunk + 5, 9..9]
    {
        let part: Vec<Vec<u8>> =
            artifacts::part(&db.pool, &artifact, range.clone()).try_collect().await.expect("the bytes");
        assert_eq!(part.concat(), bytes[range.start as usize..range.end as usize], "{range:?}");
    }
    sqlx::query("DELETE FROM artifact_chunks WHERE position = 1").execute(&db.pool).await.expect("damage");
    let part: Vec<Vec<u8>> =
        artifacts::part(&db.pool, &artifact, 2 * chunk + 1..3 * chunk).try_collect().await.expect("the bytes");
    assert_eq!(part.concat(), bytes[2 * artifacts::CHUNK + 1..3 * artifacts::CHUNK]);
}

#[tokio::test]
async fn the_same_content_is_stored_once() {
    let db = database().await;
    let bytes = content(artifacts::CHUNK + 1);
    let (first, second) = (store(&db.pool, &bytes).await, store(&db.pool, &bytes).await);
    assert_eq!(first, second);
    assert_eq!(chunks_stored(&db.pool).await, 2);
    let empty = store(&db.pool, b"").await;
    assert_eq!(artifacts::read(&db.pool, &empty.sha256).await.expect("no bytes"), b"");
}

#[tokio::test]
async fn what_two_files_have_in_common_is_stored_once() {
    let db = database().await;
    let bytes = content(3 * artifacts::CHUNK);
    store(&db.pool, &bytes).await;
    let mut changed = bytes.clone();
    changed[artifacts::CHUNK] ^= 1;
    changed.extend_from_slice(&bytes[..artifacts::CHUNK]);
    let other = store(&db.pool, &changed).await;
    assert_eq!(chunks_stored(&db.pool).await, 4, "three, and the one that differs");
    assert_eq!(artifacts::read(&db.pool, &other.sha256).await.expect("the bytes"), changed);
}

#[tokio::test]
async fn damage_is_noticed() {
    let db = database().await;
    let artifact = store(&db.pool, &content(artifacts::CHUNK + 1)).await;
    let damage = sqlx::query("UPDATE chunks SET bytes = set_byte(bytes, 0, 255 - get_byte(bytes, 0)) WHERE size = 1");
    assert_eq!(damage.execute(&db.pool).await.expect("damage").rows_affected(), 1);
    let read = artifacts::read(&db.pool, &artifact.sha256).await;
    assert!(matches!(read, Err(Error::Corrupt { what: "artifact", .. })), "{:?}", read.map(|bytes| bytes.len()));
    // A list that lost its end is no shorter file.
    sqlx::query("DELETE FROM artifact_chunks WHERE position = 1").execute(&db.pool).await.expect("damage");
    let short: Result<Vec<Vec<u8>>, Error> = artifacts::chunks(&db.pool, &artifact).try_collect().await;
    assert!(matches!(short, Err(Error::Corrupt { what: "artifact", .. })), "{:?}", short.map(|chunks| chunks.len()));
    let unknown = artifacts::read(&db.pool, &"0".repeat(64)).await;
    assert!(matches!(unknown, Err(Error::NotFound { what: "artifact", .. })));
}

#[tokio::test]
async fn a_source_that_breaks_off_leaves_nothing() {
    let db = database().await;
    let bytes = content(2 * artifacts::CHUNK);
    let broken = bytes.as_slice().chain(Broken);
    let mut tx = db.pool.begin().await.expect("a transaction");
    let refused = artifacts::store(&mut tx, broken).await;
    assert!(matches!(refused, Err(Error::Input(_))), "{refused:?}");
    tx.rollback().await.expect("the rollback");
    assert_eq!(chunks_stored(&db.pool).await, 0);
}

/// A reader that fails.
struct Broken;

impl tokio::io::AsyncRead for Broken {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Err(io::Error::other("broken off")))
    }
}
