//! A run watched through server-sent events: what changed since the last look, in order, until its final state.

use super::watch::{Watched, watch, with_json};
use crate::store;
use axum::response::sse::Event;
use futures_util::Stream;
use hrm_types::{ids::RunId, run::Run};
use sqlx::PgPool;
use std::{collections::VecDeque, convert::Infallible, fmt, str::FromStr};

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

/// A run, and what its watcher has been told of it.
struct Told {
    pool: PgPool,
    run: RunId,
    /// The revision last looked at.
    revision: Option<i64>,
    /// The attempt last told about.
    attempt: Option<u32>,
    /// The last metric point and log line told or read before; of attempt 0 before any.
    read: Position,
}

/// The events of a run after `from`: `run` whenever it changes, `metric` for each point, `log` for each line. Ends with the final state.
pub fn watch_run(pool: PgPool, run: RunId, from: Option<Position>) -> impl Stream<Item = Result<Event, Infallible>> {
    let read = from.unwrap_or(Position { attempt: 0, step: 0, line: 0, ended: false });
    watch(Told { pool, run, revision: None, attempt: None, read })
}

impl Watched for Told {
    const WHAT: &'static str = "a run";

    /// A new attempt is announced before its metrics, a final state after all of them.
    async fn look(&mut self, told: &mut VecDeque<Event>) -> Result<bool, store::Error> {
        let revision = store::jobs::revision(&self.pool, self.run.into()).await?;
        if self.revision == Some(revision) {
            return Ok(true);
        }
        let run = store::runs::get(&self.pool, self.run).await?;
        let is_final = run.state.is_final();
        let announced = self.attempt != Some(run.attempt) && !is_final;
        if announced {
            told.push_back(self.run_event(&run));
        }
        self.tell_metrics(run.attempt, told).await?;
        self.tell_log(told).await?;
        if !announced {
            told.push_back(self.run_event(&run));
        }
        self.attempt = Some(run.attempt);
        self.revision = Some(revision);
        Ok(!is_final)
    }
}

impl Told {
    async fn tell_metrics(&mut self, attempt: u32, told: &mut VecDeque<Event>) -> Result<(), store::Error> {
        if self.read.attempt != attempt {
            self.read = Position { attempt, step: 0, ..self.read };
        }
        loop {
            // No step has the number 0, so that it stands for none.
            let points = store::metrics::list(&self.pool, self.run, attempt, Some(self.read.step), BATCH).await?;
            for point in &points {
                self.read.step = point.step;
                told.push_back(with_json(Event::default().event("metric").id(self.read.to_string()), point));
            }
            if points.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    async fn tell_log(&mut self, told: &mut VecDeque<Event>) -> Result<(), store::Error> {
        loop {
            let lines = store::logs::list(&self.pool, self.run.into(), Some(self.read.line), BATCH).await?;
            for line in &lines {
                self.read.line = line.id;
                told.push_back(with_json(Event::default().event("log").id(self.read.to_string()), line));
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
