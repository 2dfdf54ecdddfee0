//! A run watched through server-sent events: what changed since the last look, in order, until its final state.

use super::watch::{Next, Watched, watch, with_json};
use crate::store;
use axum::response::sse::Event;
use futures_util::Stream;
use hrm_types::{ids::RunId, run::Run};
use sqlx::PgPool;
use std::{collections::VecDeque, convert::Infallible, fmt, str::FromStr};

/// Metric points, and lines of the log, read at once.
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
    watch(Told::after(pool, run, from))
}

impl Watched for Told {
    const WHAT: &'static str = "a run";

    /// A new attempt is announced before its metrics, a final state after all of them.
    async fn look(&mut self, told: &mut VecDeque<Event>) -> Result<Next, store::Error> {
        let revision = store::jobs::revision(&self.pool, self.run.into()).await?;
        if self.revision == Some(revision) {
            return Ok(Next::Later);
        }
        let run = store::runs::get(&self.pool, self.run).await?;
        let is_final = run.state.is_final();
        let announced = self.attempt != Some(run.attempt) && !is_final;
        if announced {
            told.push_back(self.run_event(&run));
        }
        self.attempt = Some(run.attempt);
        if self.tell_metrics(run.attempt, told).await? || self.tell_log(told).await? {
            return Ok(Next::AtOnce);
        }
        if !announced {
            told.push_back(self.run_event(&run));
        }
        self.revision = Some(revision);
        Ok(if is_final { Next::Never } else { Next::Later })
    }
}

impl Told {
    fn after(pool: PgPool, run: RunId, from: Option<Position>) -> Self {
        // What had ended goes on if it was tried again.
        let read = from.map(|read| Position { ended: false, ..read });
        let read = read.unwrap_or(Position { attempt: 0, step: 0, line: 0, ended: false });
        Self { pool, run, revision: None, attempt: None, read }
    }

    /// Tells the next points; whether there may be more. Where an attempt has gone on from a step before what was read, the
    /// points after that step.
    async fn tell_metrics(&mut self, attempt: u32, told: &mut VecDeque<Event>) -> Result<bool, store::Error> {
        // A client may name an attempt that has measured nothing yet, and the points that it has are of one before.
        if self.revision.is_none() || self.read.attempt != attempt {
            let (newest, gone_on) =
                store::metrics::newest_attempt(&self.pool, self.run, self.read.attempt, attempt).await?;
            self.read.attempt = newest;
            self.read.step = self.read.step.min(gone_on.unwrap_or(self.read.step));
        }
        // No step has the number 0, so that it stands for none.
        let points = store::metrics::list(&self.pool, self.run, attempt, Some(self.read.step), BATCH).await?;
        for point in &points {
            self.read.step = point.step;
            told.push_back(with_json(Event::default().event("metric").id(self.read.to_string()), point));
        }
        Ok(points.len() == BATCH as usize)
    }

    /// Tells the next lines; whether there may be more.
    async fn tell_log(&mut self, told: &mut VecDeque<Event>) -> Result<bool, store::Error> {
        let lines = store::logs::list(&self.pool, self.run.into(), Some(self.read.line), BATCH).await?;
        for line in &lines {
            self.read.line = line.id;
            told.push_back(with_json(Event::default().event("log").id(self.read.to_string()), line));
        }
        Ok(lines.len() == BATCH as usize)
    }

    /// Only the final state bears an id, since nothing can follow it; before, the last metric's or line's id stands.
    fn run_event(&self, run: &Run) -> Event {
        let event = Event::default().event("run");
        let last = Position { ended: true, attempt: run.attempt, ..self.read };
        let event = if run.state.is_final() { event.id(last.to_string()) } else { event };
        with_json(event, run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        leases::{self, Ending},
        logs::{self, Said},
        testing::database,
        tests::{LONG, claim, queue},
        wishes,
    };
    use hrm_types::job::LogLevel;
    use time::OffsetDateTime;

    #[tokio::test]
    async fn much_is_told_in_parts_and_a_further_try_is_told_to_its_end() {
        let db = database().await;
        let pool = &db.pool;
        let run = queue(pool, "run").await.id;
        let lease = claim(pool, LONG).await.lease;
        let said = |i| Said { level: LogLevel::Info, message: format!("{i}"), at: OffsetDateTime::now_utc() };
        let lines: Vec<Said> = (0..1_500).map(said).collect();
        logs::append(pool, &lease, &lines).await.expect("the lease is held");
        let look = async |told: &mut Told| {
            let mut events = VecDeque::new();
            let next = told.look(&mut events).await.expect("an answer");
            (next, events.len())
        };
        let mut told = Told::after(pool.clone(), run, None);
        assert_eq!(look(&mut told).await, (Next::AtOnce, 1_001), "the attempt, and lines");
        assert_eq!(look(&mut told).await, (Next::Later, 501), "the other lines, and the run");
        assert_eq!(look(&mut told).await, (Next::Later, 0));

        let mut connection = pool.acquire().await.expect("a connection");
        leases::finish(&mut connection, &lease, Ending::Failed("why")).await.expect("the lease is held");
        assert_eq!(look(&mut told).await, (Next::Never, 1));
        let end = Position { ended: true, ..told.read };
        wishes::retry(pool, run.into()).await.expect("a failed run");
        let again = claim(pool, LONG).await.lease;
        let mut told = Told::after(pool.clone(), run, Some(end));
        assert_eq!(look(&mut told).await, (Next::Later, 1));
        logs::append(pool, &again, &[said(1_500)]).await.expect("the lease is held");
        assert_eq!(look(&mut told).await, (Next::Later, 2));
        let read = told.read;
        assert_eq!((read.line > end.line, read.ended), (true, false), "only the end says that it is one");
    }

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
