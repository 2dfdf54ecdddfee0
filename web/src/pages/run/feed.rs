//! A run as it changes: what is stored already, then what its stream brings.

use crate::{
    api::{self, Answer},
    live::{self, Event, Live},
    patience::{passes, pause_after},
};
use hrm_types::{
    ids::RunId,
    problem::Problem,
    run::{MetricPoint, Run},
};
use leptos::{prelude::*, task::spawn_local};

/// A run and its metrics, kept up to date.
#[derive(Clone, Copy)]
pub(crate) struct Feed {
    pub(crate) run: RwSignal<Option<Run>>,
    /// The run's curve, steps ascending.
    pub(crate) points: RwSignal<Vec<MetricPoint>>,
    pub(crate) problem: RwSignal<Option<Problem>>,
    /// Whether the stream is broken for now.
    pub(crate) lost: RwSignal<bool>,
    id: RunId,
    /// Refusals since the stream was open.
    failures: StoredValue<u32>,
    /// Whether the tab is seen.
    seen: StoredValue<bool>,
    stream: StoredValue<Option<Live>, LocalStorage>,
}

/// What follows an attempt to fetch what is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// All is known: only what comes is missing.
    Follow,
    /// The same may be answered later.
    TryLater,
    Nothing,
}

impl Feed {
    fn of(id: RunId) -> Self {
        Self {
            run: RwSignal::new(None),
            points: RwSignal::new(Vec::new()),
            problem: RwSignal::new(None),
            lost: RwSignal::new(false),
            id,
            failures: StoredValue::new(0),
            seen: StoredValue::new(true),
            stream: StoredValue::new_local(None),
        }
    }

    /// Fetches the run and its metrics so far, and follows it until it ends or the page is left.
    pub(crate) fn open(id: RunId) -> Self {
        let feed = Self::of(id);
        let seen = live::is_seen();
        Effect::new(move |before: Option<()>| {
            feed.seen.set_value(seen.get());
            match (before.is_some(), seen.get()) {
                (_, false) => feed.close(),
                (true, true) => feed.follow(),
                (false, true) => {}
            }
        });
        spawn_local(feed.catch_up());
        on_cleanup(move || feed.close());
        feed
    }

    /// Shows the run as a wish has changed it: it may have ended by that, or go on after it had.
    pub(crate) fn change(self, run: Run) {
        if self.note(run) {
            self.close();
        } else {
            self.follow();
        }
    }

    /// Fetches what is not known yet and follows the run from there. What refuses now may answer later.
    async fn catch_up(self) {
        let outcome = self.fetch().await;
        match self.judge(outcome) {
            Next::Follow => self.follow(),
            Next::TryLater => self.catch_up_later(),
            Next::Nothing => {}
        }
    }

    /// Fetches the run as it stands, and what was measured.
    async fn fetch(self) -> Answer<()> {
        let run = api::runs::get_run(self.id).await?;
        let attempt = run.attempt;
        let known = self.run.try_with_untracked(|known| known.as_ref().map(|known| known.attempt)).flatten();
        // A further attempt may have gone on from an earlier step: what was known beyond it is superseded.
        if known.is_some_and(|known| known != attempt) {
            self.points.try_set(Vec::new());
        }
        self.note(run);
        self.fetch_metrics().await
    }

    /// Tells what went wrong, as long as it does, and says what follows.
    fn judge(self, outcome: Answer<()>) -> Next {
        match outcome {
            Ok(()) => {
                self.problem.try_set(None);
                Next::Follow
            }
            Err(problem) if passes(&problem) => {
                // What is known stays on the page, which may say already that the connection is lost.
                if self.lost.try_get_untracked() == Some(false) {
                    self.problem.try_set(Some(*problem));
                }
                Next::TryLater
            }
            Err(problem) => {
                self.lost.try_set(false);
                self.problem.try_set(Some(*problem));
                Next::Nothing
            }
        }
    }

    fn catch_up_later(self) {
        let failures = self.failures.try_update_value(|failures| {
            *failures += 1;
            *failures
        });
        // None on a page that was left.
        let Some(failures) = failures else { return };
        let again = move || {
            if self.failures.try_get_value().is_some() {
                self.close();
                spawn_local(self.catch_up());
            }
        };
        set_timeout(again, pause_after(failures));
    }

    /// Opens the stream, where there is none, more will come, and somebody looks.
    fn follow(self) {
        if self.stream.try_with_value(Option::is_none) != Some(true) || self.seen.try_get_value() != Some(true) {
            return;
        }
        if let Some(after) = self.last_read() {
            self.stream.try_set_value(live::open(self.id, &after, move |event| self.take(event)));
        }
    }

    fn close(self) {
        drop(self.stream.try_update_value(Option::take));
    }

    /// The id of the last event that need not be sent; absent when nothing more will come.
    fn last_read(self) -> Option<String> {
        let attempt = self
            .run
            .try_with_untracked(|run| run.as_ref().filter(|run| !run.state.is_final()).map(|run| run.attempt))??;
        let step = self.points.try_with_untracked(|points| points.last().map_or(0, |point| point.step))?;
        Some(format!("{attempt}-{step}"))
    }

    fn take(self, event: Event) {
        match event {
            Event::Opened => {
                self.failures.try_set_value(0);
                self.lost.try_set(false);
            }
            // The stream of a run that has ended is over, however the browser calls that.
            Event::Lost | Event::Refused if self.ended() => {}
            Event::Lost => drop(self.lost.try_set(true)),
            Event::Refused => {
                self.lost.try_set(true);
                self.catch_up_later();
            }
            Event::Metric(point) => drop(self.points.try_update(|points| go_on(points, *point))),
            Event::Run(run) => self.take_run(*run),
        }
    }

    fn ended(self) -> bool {
        self.run.try_with_untracked(|run| run.as_ref().is_none_or(|run| run.state.is_final())).unwrap_or(true)
    }

    fn take_run(self, run: Run) {
        if self.note(run) {
            // Closed later: this very event is still being handled by the stream's listener.
            set_timeout(move || self.close(), std::time::Duration::ZERO);
        }
    }

    /// Shows the run as it is now; whether it has ended.
    fn note(self, run: Run) -> bool {
        let ended = run.state.is_final();
        self.run.try_set(Some(run));
        if ended {
            self.lost.try_set(false);
        }
        ended
    }

    /// Fetches what was measured and is not known: the curve so far, thinned where it is long, and what came since.
    async fn fetch_metrics(self) -> Answer<()> {
        if self.points.try_with_untracked(Vec::is_empty) == Some(true) {
            let page = api::runs::whole_curve(self.id).await?;
            self.points.try_update(|points| page.items.into_iter().for_each(|point| add(points, point)));
        }
        self.fetch_newer_metrics().await
    }

    /// Fetches every metric beyond those known.
    async fn fetch_newer_metrics(self) -> Answer<()> {
        loop {
            let known = self.points.try_with_untracked(|points| points.last().map_or(0, |point| point.step));
            // The page was left.
            let Some(known) = known else { return Ok(()) };
            let page = api::runs::list_metrics(self.id, known).await?;
            let more = page.next_cursor.is_some() && !page.items.is_empty();
            self.points.try_update(|points| page.items.into_iter().for_each(|point| add(points, point)));
            if !more {
                return Ok(());
            }
        }
    }
}

/// Adds the stream's next point. One at a step that is known, or before it, is another attempt's, which went on from there.
fn go_on(points: &mut Vec<MetricPoint>, point: MetricPoint) {
    points.truncate(points.partition_point(|known| known.step < point.step));
    points.push(point);
}

/// Adds a point in its place; a step that is known already is not added twice.
fn add(points: &mut Vec<MetricPoint>, point: MetricPoint) {
    let place = points.partition_point(|known| known.step < point.step);
    if points.get(place).is_none_or(|known| known.step != point.step) {
        points.insert(place, point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: u64) -> MetricPoint {
        let json = serde_json::json!({
            "step": step, "examples": 0, "elapsed_seconds": 0.0, "lr": 0.0, "loss": 0.0, "lm_loss": 0.0,
            "q_halt_loss": 0.0, "q_continue_loss": 0.0, "sequences_per_second": 0.0,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn another_attempt_takes_the_place_of_what_it_trains_again() {
        let mut points = Vec::new();
        for step in [10, 20, 30, 40, 30, 40, 50] {
            go_on(&mut points, point(step));
        }
        let steps: Vec<u64> = points.iter().map(|point| point.step).collect();
        assert_eq!(steps, [10, 20, 30, 40, 50]);
        go_on(&mut points, point(20));
        assert_eq!(points.iter().map(|point| point.step).collect::<Vec<_>>(), [10, 20]);
    }

    #[test]
    fn points_stay_in_order_and_single() {
        let mut points = Vec::new();
        for step in [10, 30, 20, 30, 10, 40] {
            add(&mut points, point(step));
        }
        let steps: Vec<u64> = points.iter().map(|point| point.step).collect();
        assert_eq!(steps, [10, 20, 30, 40]);
    }

    fn run(state: &str) -> Run {
        let json = serde_json::json!({
            "id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": "run", "owner": "local", "priority": 0,
            "state": state, "experiment": {"name": "run", "data": {"source": "stored", "dataset": "set"}},
            "config_hash": "", "attempt": 1, "deaths": 0, "step": 0, "cancel_requested": false,
            "pause_requested": false, "created_at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json).unwrap()
    }

    fn refused(status: u16) -> Answer<()> {
        let json =
            serde_json::json!({"type": "about:blank", "title": "", "status": status, "detail": "", "request_id": ""});
        Err(Box::new(serde_json::from_value(json).unwrap()))
    }

    #[test]
    fn a_failure_that_passes_is_told_until_it_has_and_tried_again() {
        Owner::new().with(|| {
            let feed = Feed::of("0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77".parse().unwrap());
            let told = move || feed.problem.with_untracked(|problem| problem.as_ref().map(|problem| problem.status));
            // Of a run that has ended: no stream would bring what is missing.
            feed.note(run("succeeded"));
            assert_eq!((feed.judge(refused(503)), told()), (Next::TryLater, Some(503)));
            assert_eq!((feed.judge(Ok(())), told()), (Next::Follow, None));
            // The page says already that the connection is lost.
            feed.note(run("running"));
            feed.take(Event::Lost);
            assert_eq!((feed.judge(refused(0)), told()), (Next::TryLater, None));
            assert_eq!((feed.judge(refused(404)), told()), (Next::Nothing, Some(404)));
            assert!(!feed.lost.get_untracked(), "nothing is tried again");
        });
    }

    #[test]
    fn a_run_that_is_queued_again_is_followed_again() {
        Owner::new().with(|| {
            let feed = Feed::of("0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77".parse().unwrap());
            feed.note(run("running"));
            feed.take(Event::Metric(Box::new(point(30))));
            assert_eq!(feed.last_read().as_deref(), Some("1-30"));
            assert!(feed.note(run("failed")));
            assert_eq!(feed.last_read(), None, "nothing more will come");
            assert!(!feed.note(run("queued")));
            assert_eq!(feed.last_read().as_deref(), Some("1-30"));
        });
    }

    #[test]
    fn a_stream_that_breaks_is_told_and_one_that_is_over_is_not() {
        Owner::new().with(|| {
            let feed = Feed::of("0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77".parse().unwrap());
            let lost = move || feed.lost.get_untracked();
            assert!(!feed.note(run("running")));
            feed.take(Event::Lost);
            assert!(lost(), "it broke while the run goes on");
            feed.take(Event::Opened);
            assert!(!lost());
            // The end of the stream may be told before or after its last event was handled.
            feed.take(Event::Lost);
            assert!(feed.note(run("succeeded")) && !lost());
            feed.take(Event::Lost);
            assert!(!lost(), "nothing is tried again");
        });
    }
}
