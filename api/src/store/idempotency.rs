//! Answers to requests with an `Idempotency-Key`, for a day.

use super::{Error, PgPool};

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Its status.
    pub status: u16,
    /// Its header `location`.
    pub location: Option<String>,
    /// Its body, if it was kept.
    pub body: Option<Vec<u8>>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: the caller begins now, and finishes or forgets it.
    Now,
    /// The same request was answered.
    Before(Done),
    /// The same request is being worked on.
    ByAnother,
    /// It was another request.
    Differently,
}

/// Begins a request under a caller's key, unless there is one. One whose process died is begun anew after ten minutes.
pub async fn begin(pool: &PgPool, caller: &str, key: &str, fingerprint: &[u8]) -> Result<Begun, Error> {
    sqlx::query!(
        "DELETE FROM idempotency
         WHERE begun_at < now() - interval '1 day' OR (status IS NULL AND begun_at < now() - interval '10 minutes')"
    )
    .execute(pool)
    .await?;
    let inserted = sqlx::query!(
        "INSERT INTO idempotency (caller, key, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        caller,
        key,
        fingerprint
    )
    .execute(pool)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Begun::Now);
    }
    let row = sqlx::query!(
        "SELECT fingerprint, status, location, body FROM idempotency WHERE caller = $1 AND key = $2",
        caller,
        key
    )
    .fetch_optional(pool)
    .await?;
    Ok(match row {
        Some(row) if row.fingerprint != fingerprint => Begun::Differently,
        Some(row) => match row.status {
            Some(status) => Begun::Before(Done { status: status as u16, location: row.location, body: row.body }),
            None => Begun::ByAnother,
        },
        // It was refused a moment ago, and may be sent again in another.
        None => Begun::ByAnother,
    })
}

/// Keeps the answer.
pub async fn finish(pool: &PgPool, caller: &str, key: &str, done: &Done) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE idempotency SET status = $3, location = $4, body = $5 WHERE caller = $1 AND key = $2",
        caller,
        key,
        done.status.cast_signed(),
        done.location,
        done.body
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Forgets a request that was refused.
pub async fn forget(pool: &PgPool, caller: &str, key: &str) -> Result<(), Error> {
    sqlx::query!("DELETE FROM idempotency WHERE caller = $1 AND key = $2", caller, key).execute(pool).await?;
    Ok(())
}
