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

    /// Queues what is new behind `told`, as much of it as one may hold in memory for everybody who watches.
    fn look(&mut self, told: &mut VecDeque<Event>) -> impl Future<Output = Result<Next, store::Error>> + Send;
}

/// When it is worth looking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// As soon as all is told: there is more.
    AtOnce,
    /// After a while.
    Later,
    /// Never: nothing can follow.
    Never,
}

/// The events of what is watched, until nothing can follow. A database that is away for a moment is asked again.
pub fn watch<W: Watched>(watched: W) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = VecDeque::from([Event::default().retry(RECONNECT_AFTER)]);
    stream::unfold((watched, ticks, told, Next::Later), async |(mut watched, mut ticks, mut told, mut next)| {
        loop {
            if let Some(event) = told.pop_front() {
                return Some((Ok(event), (watched, ticks, told, next)));
            }
            match next {
                Next::AtOnce => {}
                Next::Later => drop(ticks.tick().await),
                Next::Never => return None,
            }
            next = match watched.look(&mut told).await {
                Ok(next) => next,
                Err(error) if error.is_transient() => {
                    tracing::debug!(%error, "{} could not be read now", W::WHAT);
                    Next::Later
                }
                Err(error) => {
                    tracing::warn!(%error, "watching {} ended", W::WHAT);
                    Next::Never
                }
            };
        }
    })
}

/// An event of that name with a value as its data.
pub(super) fn with_json(event: Event, value: &impl serde::Serialize) -> Event {
    event.json_data(value).expect("what is told has text keys and no failing serializer")
}
