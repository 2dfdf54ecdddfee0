//! How many of how many are done, on its way from the computing thread to the database.

use super::{
    beside,
    job::{Ended, Job},
};
use crate::{queue::StopSignal, store::leases};
use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Time between writes.
const EVERY: Duration = Duration::from_millis(500);

/// Counts; clones share the numbers. A reader may see a fresh count beside an old total, never anything else.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    done: Arc<AtomicU64>,
    total: Arc<AtomicU64>,
}

impl Counter {
    /// For the computing thread: notes the count, and tells it to end when it should.
    pub(super) fn note(&self, done: usize, total: usize, stop: &StopSignal) -> ControlFlow<()> {
        self.total.store(total as u64, Ordering::Relaxed);
        self.done.store(done as u64, Ordering::Relaxed);
        stop.flow()
    }

    /// Writes the count as the job's while `work` goes on, and at its end.
    pub(super) async fn write_during<T>(&self, work: impl Future<Output = T>, job: &Job<'_>) -> Result<T, Ended> {
        let write = |done, total| job.insist(move || leases::record_count(job.pool, &job.lease, done, total));
        self.tell_during(work, write).await
    }

    /// Says the count with what is done while `work` goes on, for jobs whose own count is of something else: `evaluating: 30 of
    /// 500 test puzzles`.
    pub(super) async fn say_during<T>(
        &self,
        work: impl Future<Output = T>,
        job: &Job<'_>,
        doing: &str,
        of: &str,
    ) -> Result<T, Ended> {
        let say = |done, total| async move { job.phase(&format!("{doing}: {done} of {total} {of}")).await };
        self.tell_during(work, say).await
    }

    /// Hands the count to `tell` now and then while `work` goes on, and at its end.
    async fn tell_during<T, Told: Future<Output = Result<(), Ended>>>(
        &self,
        work: impl Future<Output = T>,
        tell: impl Fn(u64, u64) -> Told,
    ) -> Result<T, Ended> {
        let mut told = 0;
        let note = |_| {
            let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
            let told = (std::mem::replace(&mut told, done) != done).then(|| tell(done, total));
            async move {
                match told {
                    Some(told) => told.await,
                    None => Ok(()),
                }
            }
        };
        beside::noting(work, EVERY, note).await
    }
}
