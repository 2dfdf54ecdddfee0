//! Chunks' bodies outside of the database, in an object store: for fleets whose files outgrow the database's disk.
//!
//! A chunk is always stored in the database first, in the transaction that uses it; housekeeping moves its body out
//! later. Its row then holds the object's address, which is all that a reader needs: nobody who reads has to be told
//! where bodies are. An object is never written twice and never shared, so that deleting one takes nothing from a chunk
//! that was stored anew meanwhile.

use super::{Error, interval, objects};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use std::{fmt, str::FromStr, time::Duration};
use url::Url;
use uuid::Uuid;

/// Time between the end of an object's use and its deletion: whoever began to read it may end.
pub const REST: Duration = Duration::from_hours(1);

/// Bodies that a store may refuse before it is taken for full.
const MOST_REFUSALS: usize = 16;

/// Held by whoever reads a snapshot, of which no object may go however long it takes; objects are deleted alone.
const OBJECTS_LOCK: i64 = 0x6872_6d05;

/// Keeps every object from now to the end of the caller's transaction.
pub(super) async fn keep_objects(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("SELECT pg_advisory_xact_lock_shared($1)", OBJECTS_LOCK).execute(connection).await?;
    Ok(())
}

/// Where new objects are put: a folder (`file:///srv/hrm/chunks`) or, in a program built with the feature `s3`, a bucket
/// with a prefix (`s3://bucket/chunks`) whose credentials are in the variables `AWS_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Url);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Place {
    type Err = String;

    /// Refuses what this build of the program cannot use.
    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text.trim_end_matches('/')).map_err(|error| format!("expected an address: {error}"))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("expected file:///FOLDER or s3://BUCKET/PREFIX, found {url}"));
        }
        objects::check(&url)?;
        Ok(Self(url))
    }
}

impl Place {
    /// The place that a setting names, which must be there.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn there(text: &str) -> Result<Self, String> {
        let place: Self = text.parse()?;
        objects::check_folder(&place.0).map(|()| place)
    }

    /// An address that no object has had.
    fn fresh(&self, hash: &[u8]) -> String {
        let first = hash.first().copied().unwrap_or_default();
        format!("{}/{first:02x}/{}", self.0, Uuid::now_v7())
    }
}

/// A chunk whose body is in an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// SHA-256 of its content.
    pub hash: Vec<u8>,
    /// Where it is.
    pub address: String,
}

/// Its content, checked against its hash.
///
/// # Errors
/// [`Error::Object`] when the store does not give it; [`Error::Corrupt`] when it is not what was stored, or gone.
pub async fn get(chunk: &Outside) -> Result<Vec<u8>, Error> {
    let address = &chunk.address;
    let bytes = objects::get(address).await?;
    if Sha256::digest(&bytes)[..] == chunk.hash {
        Ok(bytes)
    } else {
        let detail = format!("{} bytes at {address}, which do not have the hash they had", bytes.len());
        Err(Error::Corrupt { what: "artifact", detail })
    }
}

/// Moves the bodies that are in the database to `place`, one at a time; how many. Any number of processes may do so.
///
/// # Errors
/// [`Error::Object`] when the store does not take some: these stay where they are, the others are moved before this is said.
pub async fn move_out(pool: &PgPool, place: &Place) -> Result<u64, Error> {
    let (mut moved, mut after, mut refusals) = (0, vec![], vec![]);
    while let Some((hash, put)) = move_next(pool, place, &after).await? {
        after = hash;
        match put {
            Ok(()) => moved += 1,
            Err(error) => refusals.push(error),
        }
        // Where so many do not fit, there is no room for the others, either.
        if refusals.len() == MOST_REFUSALS {
            break;
        }
    }
    refusals.pop().map_or(Ok(moved), Err)
}

/// Moves the first body after the hash `after`; that one's hash, and whether the store took it.
///
/// The chunk's row is locked until its body is there, so that nobody else moves or collects it.
async fn move_next(pool: &PgPool, place: &Place, after: &[u8]) -> Result<Option<(Vec<u8>, Result<(), Error>)>, Error> {
    let mut tx = pool.begin().await?;
    // Whoever stands still for longer must not go on: what he noted is deleted with its object after an hour.
    sqlx::query("SET LOCAL idle_in_transaction_session_timeout = '10min'").execute(&mut *tx).await?;
    let row = sqlx::query!(
        r#"SELECT sha256, bytes AS "bytes!" FROM chunks WHERE bytes IS NOT NULL AND sha256 > $1
           ORDER BY sha256 LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"#,
        after
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let address = place.fresh(&row.sha256);
    // Noted outside of this transaction: should this process die, the object is not forgotten.
    sqlx::query!("INSERT INTO dropped_objects (address) VALUES ($1)", address).execute(pool).await?;
    match objects::put(&address, row.bytes).await {
        Ok(()) => {
            sqlx::query!("UPDATE chunks SET bytes = NULL, object = $2 WHERE sha256 = $1", row.sha256, address)
                .execute(&mut *tx)
                .await?;
        }
        Err(refused @ Error::Object { away: false, .. }) => {
            // Whatever it took of it is gone, or stays noted.
            if objects::delete(&address).await.is_ok() {
                sqlx::query!("DELETE FROM dropped_objects WHERE address = $1", address).execute(pool).await?;
            }
            return Ok(Some((row.sha256, Err(refused))));
        }
        Err(error) => return Err(error),
    }
    sqlx::query!("DELETE FROM dropped_objects WHERE address = $1", address).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Some((row.sha256, Ok(()))))
}

/// Notes, inside the caller's transaction, that nothing refers to these objects any more.
pub(super) async fn drop_objects(connection: &mut PgConnection, addresses: &[String]) -> Result<(), Error> {
    sqlx::query!("INSERT INTO dropped_objects (address) SELECT unnest($1::text[])", addresses)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the objects that have been of no use for `rest`, unless a snapshot is being read; how many.
///
/// # Errors
/// [`Error::Object`] when the store does not do so; it is tried again the next time.
pub async fn delete_dropped(pool: &PgPool, rest: Duration) -> Result<u64, Error> {
    let mut alone = pool.begin().await?;
    let is_alone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "alone!""#, OBJECTS_LOCK)
        .fetch_one(&mut *alone)
        .await?;
    if !is_alone {
        return Ok(0);
    }
    let addresses = sqlx::query_scalar!(
        "SELECT address FROM dropped_objects WHERE dropped_at < now() - $1::interval",
        interval(rest)
    )
    .fetch_all(pool)
    .await?;
    let (mut deleted, mut refused) = (0, None);
    for address in addresses {
        // A store that is gone keeps no object of another one.
        match objects::delete(&address).await {
            Ok(()) => {
                sqlx::query!("DELETE FROM dropped_objects WHERE address = $1", address).execute(pool).await?;
                deleted += 1;
            }
            Err(error) => refused = Some(error),
        }
    }
    alone.rollback().await?;
    refused.map_or(Ok(deleted), Err)
}

/// The first chunk after the hash `after` whose body is outside.
pub async fn next_outside(connection: &mut PgConnection, after: &[u8]) -> Result<Option<Outside>, Error> {
    let row = sqlx::query!(
        r#"SELECT sha256, object AS "object!" FROM chunks WHERE object IS NOT NULL AND sha256 > $1
           ORDER BY sha256 LIMIT 1"#,
        after
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Outside { hash: row.sha256, address: row.object }))
}

/// Puts a body into the database, inside the caller's transaction, in place of its address.
pub async fn put_inside(connection: &mut PgConnection, hash: &[u8], bytes: &[u8]) -> Result<(), Error> {
    sqlx::query!("UPDATE chunks SET bytes = $2, object = NULL WHERE sha256 = $1", hash, bytes)
        .execute(connection)
        .await?;
    Ok(())
}
