//! The queue watched through server-sent events: every job that was changed, as it is then, without end.

use super::watch::{Next, Watched, watch, with_json};
use crate::store::{
    self,
    access::Viewer,
    jobs::{self, Place},
};
use axum::response::sse::Event;
use futures_util::Stream;
use hrm_types::ids::JobId;
use sqlx::PgPool;
use std::{collections::VecDeque, convert::Infallible};
use uuid::Uuid;

/// Jobs read at once.
const BATCH: u32 = 200;

/// Before every job.
const BEGINNING: Place = Place { transaction: -1, job: JobId(Uuid::nil()) };

/// The place that an event's id names, `<transaction>-<job>`.
pub fn place(id: &str) -> Option<Place> {
    let (transaction, job) = id.split_once('-')?;
    Some(Place { transaction: transaction.parse().ok()?, job: job.parse().ok()? })
}

fn id(place: Place) -> String {
    format!("{}-{}", place.transaction, place.job)
}

struct Queue {
    pool: PgPool,
    viewer: Viewer,
    /// The last change told.
    read: Place,
    /// What has ended is told only if it was changed in this transaction or later.
    since: i64,
}

/// A `job` event for every change after `from`. Without a place, or with one of another database, first the jobs that
/// have not ended.
///
/// # Errors
/// When the database cannot be asked where it stands.
pub async fn watch_queue(
    pool: PgPool,
    viewer: Viewer,
    from: Option<Place>,
) -> Result<impl Stream<Item = Result<Event, Infallible>>, store::Error> {
    let horizon = jobs::horizon(&pool).await?;
    let (read, since) = match from.filter(|place| place.transaction < horizon) {
        Some(place) => (place, 0),
        None => (BEGINNING, horizon),
    };
    Ok(watch(Queue { pool, viewer, read, since }))
}

impl Watched for Queue {
    const WHAT: &'static str = "the queue";

    async fn look(&mut self, told: &mut VecDeque<Event>) -> Result<Next, store::Error> {
        let changes = jobs::changes(&self.pool, &self.viewer, self.read, self.since, BATCH).await?;
        for (place, job) in &changes {
            self.read = *place;
            told.push_back(with_json(Event::default().event("job").id(id(*place)), job));
        }
        Ok(if changes.len() == BATCH as usize { Next::AtOnce } else { Next::Later })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back_from_event_ids() {
        let known = Place { transaction: 812, job: JobId(Uuid::now_v7()) };
        assert_eq!(place(&id(known)), Some(known));
        for wrong in ["", "812", "812-", "-812", "812-7", "x-0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
