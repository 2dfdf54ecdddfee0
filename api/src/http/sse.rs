//! A run watched through server-sent events: what changed since the last look, in order, until its final state.

use crate::store;
use axum::response::sse::Event;
use futures_util::{Stream, stream};
use hrm_types::{ids::RunId, run::Run};
use sqlx::PgPool;
use std::{collections::VecDeque, convert::Infallible, fmt, str::FromStr, time::Duration};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Time between two looks at the run's revision.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Time after which a browser connects again, milliseconds.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);

/// Metric points read at once.
const BATCH: u32 = 1_000;

/// How far a client has read a run's metrics and log: the id of an event, `<attempt>-<step>.<line>`, with `-end` on
/// the last. A client that has read no line may leave the line out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The attempt.
    pub attempt: u32,
    /// Its last step read.
    pub step: u64,
    /// The id of the last line of the log read, 0 for none.
    pub line: u64,
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
        let (attempt, rest) = place.split_once('-').unwrap_or((place, ""));
        let (step, line) = rest.split_once('.').unwrap_or((rest, "0"));
        Ok(Self { attempt: attempt.parse()?, step: step.parse()?, line: line.parse()?, ended })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempt, step, line, ended } = self;
        write!(f, "{attempt}-{step}")?;
        if *line > 0 {
            write!(f, ".{line}")?;
        }
        if *ended { f.write_str("-end") } else { Ok(()) }
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
    /// The last metric point and log line told or read before; of attempt 0 before any.
    read: Position,
    told: VecDeque<Event>,
    ended: bool,
    ticks: Interval,
}

/// The events of a run after `from`: `run` whenever it changes, `metric` for each point, `log` for each line. Ends with the final state.
pub fn watch_run(pool: PgPool, run: RunId, from: Option<Position>) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = VecDeque::from([Event::default().retry(RECONNECT_AFTER)]);
    let read = from.unwrap_or(Position { attempt: 0, step: 0, line: 0, ended: false });
    let watch = Watch { pool, run, revision: None, attempt: None, read, told, ended: false, ticks };
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
        let revision = store::jobs::revision(&self.pool, self.run.into()).await?;
        if self.revision == Some(revision) {
            return Ok(());
        }
        let run = store::runs::get(&self.pool, self.run).await?;
        let is_final = run.state.is_final();
        let announced = self.attempt != Some(run.attempt) && !is_final;
        if announced {
            self.told.push_back(self.run_event(&run));
        }
        self.tell_metrics(run.attempt).await?;
        self.tell_log().await?;
        if !announced {
            self.told.push_back(self.run_event(&run));
        }
        self.attempt = Some(run.attempt);
        self.revision = Some(revision);
        self.ended = is_final;
        Ok(())
    }

    async fn tell_metrics(&mut self, attempt: u32) -> Result<(), store::Error> {
        if self.read.attempt != attempt {
            self.read = Position { attempt, step: 0, ..self.read };
        }
        loop {
            // No step has the number 0, so that it stands for none.
            let points = store::metrics::list(&self.pool, self.run, attempt, Some(self.read.step), BATCH).await?;
            for point in &points {
                self.read.step = point.step;
                self.told.push_back(with_json(Event::default().event("metric").id(self.read.to_string()), point));
            }
            if points.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    async fn tell_log(&mut self) -> Result<(), store::Error> {
        loop {
            let lines = store::logs::list(&self.pool, self.run.into(), Some(self.read.line), BATCH).await?;
            for line in &lines {
                self.read.line = line.id;
                self.told.push_back(with_json(Event::default().event("log").id(self.read.to_string()), line));
            }
            if lines.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    /// Only the final state bears an id, since nothing can follow it; before, the last metric's or line's id stands.
    fn run_event(&self, run: &Run) -> Event {
        let event = Event::default().event("run");
        let last = Position { ended: true, ..self.read };
        let event = if run.state.is_final() { event.id(last.to_string()) } else { event };
        with_json(event, run)
    }
}

fn with_json(event: Event, value: &impl serde::Serialize) -> Event {
    event.json_data(value).expect("runs and metrics have text keys and no failing serializer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_back_from_event_ids() {
        for (text, attempt, step, line, ended) in [
            ("2-340", 2, 340, 0, false),
            ("2-340.17", 2, 340, 17, false),
            ("1-0-end", 1, 0, 0, true),
            ("1-0.3-end", 1, 0, 3, true),
        ] {
            let position = Position { attempt, step, line, ended };
            assert_eq!(text.parse(), Ok(position));
            assert_eq!(position.to_string(), text);
        }
        for wrong in ["", "2", "2-", "-3", "a-b", "1-2-3", "1-2.", "1-2.x"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }
}
