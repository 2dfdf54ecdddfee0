//! Everything that is kept: all SQL of the program, checked when it is compiled, a file per table family.
//!
//! Functions are named after the question they answer and take a pool or, where they are part of a larger
//! transaction, a connection. Ids are UUIDs of version 7, so that ordering by id is ordering by creation.

pub mod access;
pub mod aliases;
pub mod artifacts;
pub mod batches;
pub mod bell;
pub mod bodies;
pub mod checkpoints;
mod chunks;
pub mod comparisons;
mod connect;
pub mod copying;
pub mod credentials;
pub mod curves;
pub mod datasets;
pub mod editions;
pub mod error;
pub mod evaluation_jobs;
pub mod evaluations;
pub mod garbage;
pub mod generation_jobs;
pub mod idempotency;
pub mod imported_runs;
pub mod invitations;
pub mod jobs;
pub mod kept_states;
pub mod leaderboards;
pub mod leases;
pub mod lines;
pub mod logs;
pub mod metrics;
pub mod models;
mod objects;
pub mod order;
mod outcomes;
pub mod provenance;
pub mod puzzles;
pub mod results;
mod retention;
pub mod runs;
pub mod shipped;
pub mod slices;
pub mod snapshots;
pub mod sweeps;
pub mod teams;
pub mod tied;
pub mod train_states;
pub mod users;
pub mod wishes;
pub mod workers;

pub use connect::{connect, for_requests, for_work};
pub use error::Error;
pub use sqlx::PgPool;

use hrm_types::Page;
use serde::de::{DeserializeOwned, IntoDeserializer};
use sqlx::postgres::types::PgInterval;
use std::{fmt::Display, time::Duration};

/// The migrations of `migrations/`, compiled in.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// A length of time as the database knows it.
fn interval(length: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(length.as_micros()).unwrap_or(i64::MAX) }
}

/// The value that is stored under the name it has in requests; `what` it is, for the error.
fn variant<T: DeserializeOwned>(what: &'static str, name: &str) -> Result<T, Error> {
    T::deserialize(name.into_deserializer())
        .map_err(|_: serde::de::value::Error| Error::Corrupt { what, detail: name.to_owned() })
}

/// Makes a page of at most `limit` of `items`, which were asked for with one more than the limit:
/// that one only tells that there is a next page.
fn page<T, Id: Display>(mut items: Vec<T>, limit: u32, id: impl Fn(&T) -> Id) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = if more { items.last().map(|item| id(item).to_string()) } else { None };
    Page { items, next_cursor }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;
