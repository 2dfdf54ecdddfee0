//! What somebody has to do now and then, and every server and worker does: collecting garbage.

use crate::store::{PgPool, garbage};
use std::{pin::pin, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// Time between collections; what a save leaves behind is collected right after it.
const EVERY: Duration = Duration::from_hours(1);

/// Collects garbage at once and then every hour, until `ended` resolves. Any number of processes may do so.
pub async fn until(pool: PgPool, ended: impl Future<Output = ()>) {
    let mut ended = pin!(ended);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut ended => return,
            _ = ticks.tick() => collect(&pool).await,
        }
    }
}

async fn collect(pool: &PgPool) {
    match garbage::collect(pool).await {
        Ok(collected) if collected.chunks > 0 => {
            tracing::info!(chunks = collected.chunks, bytes = collected.bytes, "garbage was collected");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "garbage could not be collected"),
    }
}
