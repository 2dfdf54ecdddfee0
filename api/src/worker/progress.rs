//! Progress on its way from the training thread to the database, in batches.

use super::{
    beside,
    job::{Ended, Job},
};
use crate::{fault, queue::StopSignal, store::leases};
use hrm_model::train::Training;
use hrm_types::run::MetricPoint;
use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

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
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pending: Arc<Mutex<Pending>>,
    /// When the log last told of a point. Held while something is written: who writes next relies on what was noted before.
    told: Arc<tokio::sync::Mutex<Instant>>,
    begun: Instant,
    /// Seconds since the run first began when it begun here.
    before: f64,
}

impl Progress {
    /// Of an attempt that begins now, so many seconds after the run's first.
    pub(super) fn after(before: f64) -> Self {
        let begun = Instant::now();
        Self { pending: Arc::default(), told: Arc::new(begun.into()), begun, before }
    }

    /// For the training thread: notes how long the training will be.
    pub(super) fn plan(&self, training: &Training<'_>) {
        self.pending().plan = Some((training.total_steps(), training.parameters()));
    }

    /// For the training thread: notes a step, and tells it to end when it should. A point is of now, whenever it is written.
    pub(super) fn note(&self, step: u64, point: Option<&MetricPoint>, stop: &StopSignal) -> ControlFlow<()> {
        let wall_seconds = Some(self.before + self.begun.elapsed().as_secs_f64());
        let mut pending = self.pending();
        pending.step = Some(step);
        pending.points.extend(point.map(|point| MetricPoint { wall_seconds, ..point.clone() }));
        stop.flow()
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is noted while `training` goes on, and what is left when it ends.
    pub(super) async fn write_during<T>(&self, training: impl Future<Output = T>, job: &Job<'_>) -> Result<T, Ended> {
        beside::noting(training, EVERY, |last| self.write_and_say(job, last)).await
    }

    /// Writes what is noted, with a line of the log where the one before it is a while ago, or in the end.
    async fn write_and_say(&self, job: &Job<'_>, in_the_end: bool) -> Result<(), Ended> {
        let mut told = self.told.lock().await;
        let Some(point) = self.write_pending(job).await? else { return Ok(()) };
        if in_the_end || told.elapsed() >= LINE_EVERY {
            *told = Instant::now();
            let (step, loss, speed) = (point.step, point.loss, point.sequences_per_second);
            job.log.info(format!("step {step}: loss {loss:.4}, {speed:.0} sequences/s"));
        }
        Ok(())
    }

    /// Writes what is noted.
    pub(super) async fn write(&self, job: &Job<'_>) -> Result<(), Ended> {
        let _told = self.told.lock().await;
        self.write_pending(job).await.map(drop)
    }

    /// Writes what is noted, for who holds the lock; the answer is the newest point of it.
    async fn write_pending(&self, job: &Job<'_>) -> Result<Option<MetricPoint>, Ended> {
        let (pool, lease) = (job.pool, &job.lease);
        let mut taken = std::mem::take(&mut *self.pending());
        if let Some((total_steps, parameters)) = taken.plan {
            job.insist(|| leases::set_plan(pool, lease, total_steps, parameters)).await?;
            job.log.info(format!("{parameters} weights, {total_steps} steps"));
        }
        if let Some(step) = taken.step {
            fault::point("before-metrics");
            job.insist(|| leases::record_progress(pool, lease, step, &taken.points)).await?;
            fault::point("after-metrics");
        }
        Ok(taken.points.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::WorkerConfig,
        store::{
            jobs,
            testing::database,
            tests::{claim, point, queue},
        },
        worker::{log::Log, thread::Computation},
    };

    #[test]
    fn a_point_is_of_when_it_was_noted_and_not_of_when_it_is_written() {
        let (progress, begun) = (Progress::after(5.0), Instant::now());
        let _ = progress.note(1, Some(&point(1)), &StopSignal::default());
        let passed = begun.elapsed().as_secs_f64();
        let noted = progress.pending().points[0].wall_seconds.expect("a time");
        assert!((5.0..=5.1 + passed).contains(&noted), "{noted} after {passed}");
    }

    #[tokio::test]
    async fn a_transaction_of_the_training_and_a_write_do_not_wait_for_each_other() {
        let db = database().await;
        queue(&db.pool, "run").await;
        let lease = claim(&db.pool, Duration::from_hours(1)).await.lease;
        let (stop, computation, config) = (StopSignal::default(), Computation::default(), WorkerConfig::DEFAULT);
        let device = hrm_model::device::Device::Cpu;
        let log = Log::new(lease.job_id);
        let job = Job { pool: &db.pool, lease, stop: stop.clone(), computation, log, config, device };
        let progress = Progress::after(0.0);
        let _ = progress.note(7, None, &stop);
        let training = async {
            // As storing a state does: the job's row is locked until everything is written.
            let mut tx = db.pool.begin().await.expect("a transaction");
            leases::hold(&mut tx, &lease).await.expect("the lease is held");
            while progress.pending().step.is_some() {
                tokio::task::yield_now().await;
            }
            leases::note_checkpoint(&mut tx, &lease, 5).await.expect("the lease is held");
            tx.commit().await.expect("the commit");
        };
        let trained = Box::pin(progress.write_during(training, &job));
        let trained = tokio::time::timeout(Duration::from_secs(30), trained).await;
        assert_eq!(trained, Ok(Ok(())));
        assert_eq!(jobs::get(&db.pool, lease.job_id).await.expect("the job").done, 7);
    }
}
