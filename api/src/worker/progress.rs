//! Progress on its way from the training thread to the database, in batches.

use super::job::{Ended, insist};
use crate::{
    queue::StopSignal,
    store::leases::{self, Lease},
};
use hrm_model::train::Training;
use hrm_types::run::MetricPoint;
use sqlx::PgPool;
use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

/// Time between writes: what a watcher sees is at most this old.
const EVERY: Duration = Duration::from_millis(500);

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
    pub(super) async fn write_during<T>(
        &self,
        training: impl Future<Output = T>,
        pool: &PgPool,
        lease: &Lease,
        stop: &StopSignal,
    ) -> Result<T, Ended> {
        let mut training = std::pin::pin!(training);
        loop {
            let trained = tokio::select! {
                trained = &mut training => Some(trained),
                () = sleep(EVERY) => None,
            };
            self.write(pool, lease, stop).await?;
            if let Some(trained) = trained {
                return Ok(trained);
            }
        }
    }

    async fn write(&self, pool: &PgPool, lease: &Lease, stop: &StopSignal) -> Result<(), Ended> {
        let taken = std::mem::take(&mut *self.pending());
        if let Some((total_steps, parameters)) = taken.plan {
            insist(stop, || leases::set_plan(pool, lease, total_steps, parameters)).await?;
        }
        if let Some(step) = taken.step {
            insist(stop, || leases::record_progress(pool, lease, step, &taken.points)).await?;
        }
        Ok(())
    }
}
