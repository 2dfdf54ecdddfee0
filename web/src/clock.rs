//! The time, for everything on the page that says how long ago something was.

use leptos::prelude::*;
use std::time::Duration;
use time::{OffsetDateTime, UtcOffset};

/// The current time, renewed every few seconds.
#[derive(Clone, Copy)]
struct Clock(RwSignal<OffsetDateTime>);

const TICK: Duration = Duration::from_secs(5);

/// Starts the page's clock; called once, at its root.
pub(crate) fn start() {
    let now = RwSignal::new(read());
    set_interval(move || now.set(read()), TICK);
    provide_context(Clock(now));
}

/// The current time, reactive.
pub(crate) fn now() -> OffsetDateTime {
    expect_context::<Clock>().0.get()
}

fn read() -> OffsetDateTime {
    let milliseconds = js_sys::Date::now();
    OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(milliseconds as i64)
}

/// The browser's offset from UTC.
pub(crate) fn offset() -> UtcOffset {
    // JavaScript counts minutes towards UTC.
    let minutes = -js_sys::Date::new_0().get_timezone_offset();
    UtcOffset::from_whole_seconds(minutes as i32 * 60).unwrap_or(UtcOffset::UTC)
}
