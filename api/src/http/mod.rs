//! What every request passes through: errors as problem details, extractors, limits, protection of the browser, events.

pub mod codings;
pub mod editions;
pub mod error;
pub mod extract;
pub mod gate;
pub mod idempotency;
pub mod limits;
pub mod linger;
pub mod page;
pub mod peer;
pub mod problem;
pub mod queue_events;
pub mod ranges;
pub mod run_events;
pub mod security;
pub mod standing;
pub mod telemetry;
pub mod watch;
