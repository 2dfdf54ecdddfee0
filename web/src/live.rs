//! A run's server-sent events.

use crate::api;
use hrm_types::{
    ids::RunId,
    run::{MetricPoint, Run},
};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};

/// What arrives on a run's stream.
pub(crate) enum Event {
    /// The stream opened, for the first time or again.
    Opened,
    /// The stream broke; the browser tries again by itself.
    Lost,
    /// The run as it stands now.
    Run(Box<Run>),
    /// A new metric point.
    Metric(Box<MetricPoint>),
}

/// An open stream; closes when dropped.
pub(crate) struct Live {
    source: EventSource,
    _listeners: Vec<Closure<dyn FnMut(MessageEvent)>>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.source.close();
    }
}

/// Opens the stream of a run from the event after `after` (`<attempt>-<step>`); absent where the browser cannot.
/// When the stream breaks, the browser connects again by itself and misses nothing.
pub(crate) fn open(run: RunId, after: &str, handle: impl Fn(Event) + Clone + 'static) -> Option<Live> {
    let source = EventSource::new(&api::address(&format!("/runs/{run}/events?after={after}"))).ok()?;
    let mut listeners = Vec::new();
    let mut listen = |name: &str, read: fn(&MessageEvent) -> Option<Event>| {
        let handle = handle.clone();
        let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(event) = read(&event) {
                handle(event);
            }
        });
        // Fails only for a listener that is none.
        let _ = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        listeners.push(listener);
    };
    listen("open", |_| Some(Event::Opened));
    listen("error", |_| Some(Event::Lost));
    listen("run", |event| data(event).map(|run| Event::Run(Box::new(run))));
    listen("metric", |event| data(event).map(|point| Event::Metric(Box::new(point))));
    Some(Live { source, _listeners: listeners })
}

fn data<T: DeserializeOwned>(event: &MessageEvent) -> Option<T> {
    serde_json::from_str(&event.data().as_string()?).ok()
}
