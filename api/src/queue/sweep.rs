//! The sweep: runs of workers that vanished go back into the queue or, after too many deaths, fail.

use crate::store::leases;
use sqlx::PgPool;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Sweeps every `every` until `ended` resolves. Any number of processes may sweep at once.
pub async fn sweep_until(pool: PgPool, every: Duration, ended: impl Future<Output = ()>) {
    let mut ended = std::pin::pin!(ended);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut ended => return,
            _ = ticks.tick() => sweep(&pool).await,
        }
    }
}

async fn sweep(pool: &PgPool) {
    match leases::sweep_expired(pool).await {
        Ok(swept) => {
            for run in swept {
                tracing::warn!(run = %run.run_id, state = run.state.as_str(), reason = run.reason, "swept");
            }
        }
        Err(error) => tracing::warn!(%error, "the sweep failed"),
    }
}
