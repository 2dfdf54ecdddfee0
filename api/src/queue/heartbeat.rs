//! The heartbeat of a run that is worked on.

use super::{Stop, StopSignal};
use crate::{
    config::WorkerConfig,
    store::{self, leases, leases::Lease},
};
use sqlx::PgPool;
use std::time::Instant;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

/// Extends a lease until dropped, on the async runtime's threads: the training thread may be busy for minutes.
#[derive(Debug)]
pub struct Heartbeat {
    task: JoinHandle<()>,
}

impl Heartbeat {
    /// Starts extending `lease`, which was just claimed. Raises in `stop` a wish to cancel, and the loss of the
    /// lease: when somebody else took the run, or when the database was out of reach until the lease ran out.
    pub fn start(pool: PgPool, lease: Lease, config: WorkerConfig, stop: StopSignal) -> Self {
        Self { task: tokio::spawn(beat(pool, lease, config, stop)) }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn beat(pool: PgPool, lease: Lease, config: WorkerConfig, stop: StopSignal) {
    let mut extended = Instant::now();
    let mut ticks = interval(config.heartbeat());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Counted from before the question: the database may have answered much later than it extended.
        let asked = Instant::now();
        match timeout(config.heartbeat(), leases::extend(&pool, &lease, config.lease())).await {
            Ok(Ok(cancel_requested)) => {
                extended = asked;
                if cancel_requested {
                    stop.raise(Stop::Cancelled);
                }
            }
            Ok(Err(store::Error::StaleLease)) => return stop.raise(Stop::LeaseLost),
            Ok(Err(error)) => tracing::warn!(run = %lease.run_id, %error, "heartbeat failed"),
            Err(_) => tracing::warn!(run = %lease.run_id, "heartbeat unanswered"),
        }
        if extended.elapsed() >= config.lease() {
            return stop.raise(Stop::LeaseLost);
        }
    }
}
