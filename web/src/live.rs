//! Server-sent events: a run's, and the queue's. A browser has few connections to a server for all its tabs, so that a
//! stream is open only while more may come on it and somebody looks.

use crate::api;
use hrm_types::{
    ids::RunId,
    job::Job,
    run::{MetricPoint, Run},
};
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use std::time::Duration;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};

/// How long changes are gathered before they are looked at.
const GATHER: Duration = Duration::from_millis(300);

/// Whether the tab is seen, reactive.
pub(crate) fn is_seen() -> ReadSignal<bool> {
    let seen = RwSignal::new(!document().hidden());
    let changes = window_event_listener_untyped("visibilitychange", move |_| seen.set(!document().hidden()));
    on_cleanup(move || changes.remove());
    seen.read_only()
}

/// Follows the queue while `wanted`. `concerns` gets every job that was changed as it is now, first all that have not ended,
/// and says whether that is to be looked at; then `look` is called, once for all changes of a moment.
pub(crate) fn follow_queue(
    wanted: impl Fn() -> bool + 'static,
    concerns: impl Fn(Job) -> bool + Copy + 'static,
    look: impl Fn() + Copy + 'static,
) {
    let due = StoredValue::new(false);
    let changed = move |job: Job| {
        if concerns(job) && due.try_get_value() == Some(false) {
            due.set_value(true);
            let look = move || {
                if due.try_set_value(false).is_none() {
                    look();
                }
            };
            set_timeout(look, GATHER);
        }
    };
    let seen = is_seen();
    let stream = StoredValue::new_local(None);
    Effect::new(move |before: Option<bool>| {
        let open = seen.get() && wanted();
        if before.unwrap_or_default() != open {
            stream.set_value(open.then(|| open_queue(changed)).flatten());
        }
        open
    });
    on_cleanup(move || drop(stream.try_update_value(Option::take)));
}

/// Opens the queue's stream.
fn open_queue(changed: impl Fn(Job) + 'static) -> Option<Live> {
    let mut live = Live::connect("/jobs/events")?;
    live.listen("job", move |event| {
        if let Some(job) = data(&event) {
            changed(job);
        }
    });
    Some(live)
}

/// What arrives on a run's stream.
pub(crate) enum Event {
    /// The stream opened, for the first time or again.
    Opened,
    /// The stream broke; the browser tries again by itself.
    Lost,
    /// The stream was refused, after which the browser does not try again.
    Refused,
    /// The run as it stands now.
    Run(Box<Run>),
    /// A new metric point.
    Metric(Box<MetricPoint>),
}

/// An open stream; closes when dropped.
pub(crate) struct Live {
    source: EventSource,
    /// Called as long as they are kept.
    listeners: Vec<Closure<dyn FnMut(MessageEvent)>>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.source.close();
    }
}

impl Live {
    /// Absent where the browser cannot. When the stream breaks, the browser connects again by itself and misses nothing,
    /// unless what answers is no stream: a proxy whose server is away, or a server that is asked too much.
    fn connect(path: &str) -> Option<Self> {
        let source = EventSource::new(&api::address(path)).ok()?;
        Some(Self { source, listeners: Vec::new() })
    }

    fn listen(&mut self, name: &str, handle: impl Fn(MessageEvent) + 'static) {
        let listener = Closure::<dyn FnMut(MessageEvent)>::new(handle);
        // Fails only for a listener that is none.
        let _ = self.source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        self.listeners.push(listener);
    }
}

/// Opens the stream of a run from the event after `after` (`<attempt>-<step>`).
pub(crate) fn open(run: RunId, after: &str, handle: impl Fn(Event) + Clone + 'static) -> Option<Live> {
    let mut live = Live::connect(&format!("/runs/{run}/events?after={after}"))?;
    let mut listen = |name: &str, read: fn(&MessageEvent) -> Option<Event>| {
        let handle = handle.clone();
        live.listen(name, move |event| {
            if let Some(event) = read(&event) {
                handle(event);
            }
        });
    };
    listen("open", |_| Some(Event::Opened));
    listen("error", |event| Some(if refused(event) { Event::Refused } else { Event::Lost }));
    listen("run", |event| data(event).map(|run| Event::Run(Box::new(run))));
    listen("metric", |event| data(event).map(|point| Event::Metric(Box::new(point))));
    Some(live)
}

/// Whether the stream that tells of this error is closed for good.
fn refused(event: &MessageEvent) -> bool {
    let source = event.target().and_then(|target| target.dyn_into::<EventSource>().ok());
    source.is_some_and(|source| source.ready_state() == EventSource::CLOSED)
}

fn data<T: DeserializeOwned>(event: &MessageEvent) -> Option<T> {
    serde_json::from_str(&event.data().as_string()?).ok()
}
