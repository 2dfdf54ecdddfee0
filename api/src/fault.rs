//! Places at which a worker can be made to kill itself, so that tests show what survives that.
//!
//! `HRM_FAULT=NAME` kills the process with SIGKILL when it comes by the place of that name, `HRM_FAULT=NAME:COUNT`
//! only when it comes by for that many times. Unset, a place is one look at a constant.

use rustix::process::{Signal, getpid, kill_process};
use std::{
    num::NonZeroU32,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};
use thiserror::Error;

/// The variable.
const VARIABLE: &str = "HRM_FAULT";

/// Every place, on the way of a job through a worker.
pub const POINTS: [&str; 20] = [
    "before-claim",
    "after-claim",
    "data-ready",
    "attempt-begun",
    "before-metrics",
    "after-metrics",
    "before-state-file",
    "after-state-file",
    "mid-upload",
    "state-uncommitted",
    "state-committed",
    "state-collected",
    "trained",
    "evaluated",
    "before-result",
    "result-uncommitted",
    "result-committed",
    "before-giving-back",
    "after-giving-back",
    "before-unregistering",
];

/// A setting that names no place.
#[derive(Debug, Error)]
#[error("expected {VARIABLE}=NAME or NAME:COUNT with a NAME of {}; found {found:?}", POINTS.join(", "))]
pub struct UnknownPoint {
    found: String,
}

struct Fault {
    name: &'static str,
    /// Times that the place is still passed.
    left: AtomicU32,
}

static ARMED: OnceLock<Fault> = OnceLock::new();

/// Looks at the variable; without this call no place does anything.
///
/// # Errors
/// When it names no place.
pub fn arm() -> Result<(), UnknownPoint> {
    let Some(wanted) = std::env::var_os(VARIABLE).filter(|wanted| !wanted.is_empty()) else { return Ok(()) };
    let wanted = wanted.to_string_lossy();
    let fault = parse(&wanted).ok_or_else(|| UnknownPoint { found: wanted.into_owned() })?;
    tracing::warn!(point = fault.name, "this process will kill itself");
    // Set once at most: a process is armed when it begins.
    ARMED.get_or_init(|| fault);
    Ok(())
}

fn parse(wanted: &str) -> Option<Fault> {
    let (name, count) = wanted.split_once(':').unwrap_or((wanted, "1"));
    let name = POINTS.into_iter().find(|point| *point == name)?;
    Some(Fault { name, left: AtomicU32::new(count.parse::<NonZeroU32>().ok()?.get()) })
}

/// Kills this process if it is armed for this place, one of [`POINTS`].
pub fn point(name: &'static str) {
    debug_assert!(POINTS.contains(&name), "{name} is not among the points");
    if let Some(fault) = ARMED.get()
        && fault.name == name
        && fault.left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // As if from outside: nothing is flushed, nothing is closed.
        let _ = kill_process(getpid(), Signal::KILL);
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_a_count_are_read_and_others_refused_with_the_list() {
        let read = |wanted| parse(wanted).map(|fault| (fault.name, fault.left.into_inner()));
        assert_eq!(read("mid-upload"), Some(("mid-upload", 1)));
        assert_eq!(read("mid-upload:3"), Some(("mid-upload", 3)));
        for wanted in ["mid", "mid-upload:0", "mid-upload:", "mid-upload:x", ""] {
            assert_eq!(read(wanted), None, "{wanted:?}");
        }
        let error = UnknownPoint { found: "mid".into() }.to_string();
        assert!(error.contains("before-claim, after-claim") && error.ends_with("found \"mid\""), "{error}");
    }
}
