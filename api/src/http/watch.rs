//! Something that changes, watched through server-sent events: looked at twice a second, told in order.

use crate::store;
use axum::response::sse::Event;
use futures_util::{Stream, stream};
use std::{collections::VecDeque, convert::Infallible, time::Duration};
use tokio::time::{MissedTickBehavior, interval};
use utoipa::ToSchema;

/// One event of a stream, as a client of such streams reads it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the OpenAPI document describes it")]
pub struct ServerSentEvent {
    /// What it tells.
    event: String,
    /// Where the stream stands after it: sent as `Last-Event-ID`, it is where another one begins.
    id: Option<String>,
    /// What is told, as JSON.
    data: String,
}

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Time after which a browser connects again.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);

/// What is watched, with how far its watcher has been told of it.
pub trait Watched: Send + 'static {
    /// What it is, for the log.
    const WHAT: &'static str;

    /// Queues what is new behind `told`; false once nothing can follow.
    fn look(&mut self, told: &mut VecDeque<Event>) -> impl Future<Output = Result<bool, store::Error>> + Send;
}

/// The events of what is watched, until nothing can follow. A database that is away for a moment is asked again.
pub fn watch<W: Watched>(watched: W) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = VecDeque::from([Event::default().retry(RECONNECT_AFTER)]);
    stream::unfold((watched, ticks, told, true), async |(mut watched, mut ticks, mut told, mut goes_on)| {
        loop {
            if let Some(event) = told.pop_front() {
                return Some((Ok(event), (watched, ticks, told, goes_on)));
            }
            if !goes_on {
                return None;
            }
            ticks.tick().await;
            match watched.look(&mut told).await {
                Ok(more) => goes_on = more,
                Err(error) if error.is_transient() => tracing::debug!(%error, "{} could not be read now", W::WHAT),
                Err(error) => {
                    tracing::warn!(%error, "watching {} ended", W::WHAT);
                    goes_on = false;
                }
            }
        }
    })
}

/// An event of that name with a value as its data.
pub(super) fn with_json(event: Event, value: &impl serde::Serialize) -> Event {
    event.json_data(value).expect("what is told has text keys and no failing serializer")
}
