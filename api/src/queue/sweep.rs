//! The sweep: jobs of workers that vanished go back into the queue or, after too many deaths, fail; and jobs of
//! low priority are asked to make room.

use crate::store::{leases, order};
use sqlx::PgPool;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Sweeps every `every` until `ended` resolves. Any number of processes may sweep at once.
pub async fn sweep_until(pool: PgPool, every: Duration, owner_cap: Option<u32>, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut ended => return,
            _ = ticks.tick() => sweep(&pool, owner_cap).await,
        }
    }
}

async fn sweep(pool: &PgPool, owner_cap: Option<u32>) {
    match leases::sweep_expired(pool).await {
        Ok(swept) => {
            for job in swept {
                tracing::warn!(job = %job.job_id, state = job.state.as_str(), reason = job.reason, "swept");
            }
        }
        Err(error) => tracing::warn!(%error, "the sweep failed"),
    }
    match order::preempt(pool, owner_cap).await {
        Ok(Some(job)) => tracing::info!(%job, "asked to make room for a job of higher priority"),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "priorities could not be compared"),
    }
}
