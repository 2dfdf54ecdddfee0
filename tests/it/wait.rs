//! Waiting for something that only shows by looking.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Time between two looks: what is waited for needs the processors, too.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The time until the next look.
pub(crate) fn a_moment() {
    thread::park_timeout(LOOK_EVERY);
}

/// Returns once `fact` is one.
#[track_caller]
pub(crate) fn wait_until(fact: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !fact() {
        assert!(Instant::now() < deadline, "waited two minutes in vain");
        a_moment();
    }
}
