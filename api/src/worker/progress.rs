//! Progress on its way from the training thread to the database, in batches.

use super::job::{Ended, Job};
use crate::{queue::StopSignal, store::leases};
use hrm_model::train::Training;
use hrm_types::run::MetricPoint;
use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Time between writes: what a watcher sees is at most this old.
const EVERY: Duration = Duration::from_millis(500);

/// Time between lines of the log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What training has reported and is not written yet.
#[derive(Debug, Default)]
struct Pending {
    plan: Option<(u64, u64)>,
    step: Option<u64>,
    points: Vec<MetricPoint>,
}

/// Collects what training reports.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pending: Arc<Mutex<Pending>>,
}

impl Progress {
    /// For the training thread: notes how long the training will be.
    pub(super) fn plan(&self, training: &Training<'_>) {
        self.pending().plan = Some((training.total_steps(), training.parameters()));
    }

    /// For the training thread: notes a step, and tells it to end when it should.
    pub(super) fn note(&self, step: u64, point: Option<&MetricPoint>, stop: &StopSignal) -> ControlFlow<()> {
        let mut pending = self.pending();
        pending.step = Some(step);
        pending.points.extend(point.cloned());
        stop.flow()
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is noted while `training` goes on, and what is left when it ends.
    pub(super) async fn write_during<T>(&self, training: impl Future<Output = T>, job: &Job<'_>) -> Result<T, Ended> {
        let mut training = std::pin::pin!(training);
        let mut line = Instant::now();
        loop {
            let trained = tokio::select! {
                trained = &mut training => Some(trained),
                () = sleep(EVERY) => None,
            };
            let last = self.write(job).await?;
            if let Some(point) = last.filter(|_| trained.is_some() || line.elapsed() >= LINE_EVERY) {
                line = Instant::now();
                let (step, loss, speed) = (point.step, point.loss, point.sequences_per_second);
                job.log.info(format!("step {step}: loss {loss:.4}, {speed:.0} sequences/s"));
            }
            if let Some(trained) = trained {
                return Ok(trained);
            }
        }
    }

    /// Writes what is noted; the answer is the newest point of it.
    pub(super) async fn write(&self, job: &Job<'_>) -> Result<Option<MetricPoint>, Ended> {
        let (pool, lease) = (job.pool, &job.lease);
        let mut taken = std::mem::take(&mut *self.pending());
        if let Some((total_steps, parameters)) = taken.plan {
            job.insist(|| leases::set_plan(pool, lease, total_steps, parameters)).await?;
            job.log.info(format!("{parameters} weights, {total_steps} steps"));
        }
        if let Some(step) = taken.step {
            job.insist(|| leases::record_progress(pool, lease, step, &taken.points)).await?;
        }
        Ok(taken.points.pop())
    }
}
