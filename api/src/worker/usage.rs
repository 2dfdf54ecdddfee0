//! What an attempt costs: time and memory, noted while it goes on, so that they are known of one whose worker dies, too.

use super::{
    beside,
    job::{Ended, Job},
};
use crate::{
    environment,
    store::provenance::{self, Usage},
};
use std::time::{Duration, Instant};

/// Time between notes.
const EVERY: Duration = Duration::from_secs(10);

/// Measures from its start.
pub(super) struct Meter {
    started: Instant,
}

impl Meter {
    pub(super) fn start() -> Self {
        if let Err(error) = environment::forget_peak_memory() {
            tracing::debug!(%error, "the peak memory is that since the worker's start");
        }
        Self { started: Instant::now() }
    }

    /// Notes what it has cost until now.
    pub(super) async fn note(&self, job: &Job<'_>) -> Result<(), Ended> {
        let usage = Usage {
            active_seconds: self.started.elapsed().as_secs_f64(),
            peak_memory_bytes: environment::peak_memory(),
        };
        job.insist(|| provenance::note_usage(job.pool, &job.lease, usage)).await
    }

    /// Notes it now and then while `work` goes on, and when it ends, one way or another.
    pub(super) async fn note_during<T>(&self, work: impl Future<Output = T>, job: &Job<'_>) -> Result<T, Ended> {
        beside::noting(work, EVERY, |_| self.note(job)).await
    }
}
