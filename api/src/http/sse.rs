//! A run watched through server-sent events: what changed since the last look, in order, until its final state.

use crate::store;
use axum::response::sse::Event;
use futures_util::{Stream, stream};
use hrm_types::{
    ids::RunId,
    run::{MetricPoint, Run},
};
use sqlx::PgPool;
use std::{collections::VecDeque, convert::Infallible, str::FromStr, time::Duration};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Time between two looks at the run's revision.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Time after which a browser connects again, milliseconds.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);

/// Metric points read at once.
const BATCH: u32 = 1_000;

/// How far a client has read a run's metrics: the id of an event, `<attempt>-<step>`, with `-end` on the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The attempt.
    pub attempt: u32,
    /// Its last step read.
    pub step: u64,
    /// Whether the final state was read too, so that nothing can follow.
    pub ended: bool,
}

impl FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (place, ended) = match text.strip_suffix("-end") {
            Some(place) => (place, true),
            None => (text, false),
        };
        let (attempt, step) = place.split_once('-').unwrap_or((place, ""));
        Ok(Self { attempt: attempt.parse()?, step: step.parse()?, ended })
    }
}

/// The state of one watcher.
struct Watch {
    pool: PgPool,
    run: RunId,
    /// The revision last looked at.
    revision: Option<i64>,
    /// The attempt last told about.
    attempt: Option<u32>,
    /// The last metric point told or read before.
    read: Option<Position>,
    told: VecDeque<Event>,
    ended: bool,
    ticks: Interval,
}

/// The events of a run after `from`: `run` whenever it changes, `metric` for each point. Ends with the final state.
pub fn watch_run(pool: PgPool, run: RunId, from: Option<Position>) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = VecDeque::from([Event::default().retry(RECONNECT_AFTER)]);
    let watch = Watch { pool, run, revision: None, attempt: None, read: from, told, ended: false, ticks };
    stream::unfold(watch, async |mut watch| {
        let event = watch.next().await?;
        Some((Ok(event), watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            self.ticks.tick().await;
            match self.look().await {
                Ok(()) => {}
                Err(error) if error.is_transient() => tracing::debug!(%error, "the run could not be read just now"),
                Err(error) => {
                    tracing::warn!(%error, run = %self.run, "watching a run ended");
                    self.ended = true;
                }
            }
        }
    }

    /// Queues what is new. A new attempt is announced before its metrics, a final state after all of them.
    async fn look(&mut self) -> Result<(), store::Error> {
        let revision = store::runs::revision(&self.pool, self.run).await?;
        if self.revision == Some(revision) {
            return Ok(());
        }
        let run = store::runs::get(&self.pool, self.run).await?;
        let is_final = run.state.is_final();
        let announced = self.attempt != Some(run.attempt) && !is_final;
        if announced {
            self.told.push_back(run_event(&run));
        }
        self.tell_metrics(run.attempt).await?;
        if !announced {
            self.told.push_back(run_event(&run));
        }
        self.attempt = Some(run.attempt);
        self.revision = Some(revision);
        self.ended = is_final;
        Ok(())
    }

    async fn tell_metrics(&mut self, attempt: u32) -> Result<(), store::Error> {
        loop {
            let after = self.read.filter(|read| read.attempt == attempt).map(|read| read.step);
            let points = store::metrics::list(&self.pool, self.run, attempt, after, BATCH).await?;
            self.told.extend(points.iter().map(|point| metric_event(attempt, point)));
            if let Some(last) = points.last() {
                self.read = Some(Position { attempt, step: last.step, ended: false });
            }
            if points.len() < BATCH as usize {
                return Ok(());
            }
        }
    }
}

/// Only the final state bears an id, since nothing can follow it; before, the last metric's id stands.
fn run_event(run: &Run) -> Event {
    let event = Event::default().event("run");
    let event = if run.state.is_final() { event.id(format!("{}-{}-end", run.attempt, run.step)) } else { event };
    with_json(event, run)
}

fn metric_event(attempt: u32, point: &MetricPoint) -> Event {
    with_json(Event::default().event("metric").id(format!("{attempt}-{}", point.step)), point)
}

fn with_json(event: Event, value: &impl serde::Serialize) -> Event {
    event.json_data(value).expect("runs and metrics have text keys and no failing serializer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_back_from_event_ids() {
        let position = |attempt, step, ended| Ok(Position { attempt, step, ended });
        assert_eq!("2-340".parse(), position(2, 340, false));
        assert_eq!("1-0-end".parse(), position(1, 0, true));
        for wrong in ["", "2", "2-", "-3", "a-b", "1-2-3"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }
}
