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

/// The offset from UTC that the browser's clock had, or will have, at that moment.
pub(crate) fn offset_at(moment: OffsetDateTime) -> UtcOffset {
    let milliseconds = moment.unix_timestamp() as f64 * 1e3;
    // JavaScript counts minutes towards UTC.
    let minutes = -js_sys::Date::new(&milliseconds.into()).get_timezone_offset();
    UtcOffset::from_whole_seconds(minutes as i32 * 60).unwrap_or(UtcOffset::UTC)
}
