//! Server-sent events: a run's, and the queue's.

use crate::api;
use hrm_types::{
    ids::RunId,
    job::Job,
    run::{MetricPoint, Run},
};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};

/// Opens the queue's stream, which tells every job that was changed as it is now, first all that have not ended.
pub(crate) fn open_queue(changed: impl Fn(Job) + 'static) -> Option<Live> {
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
