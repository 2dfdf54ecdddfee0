//! What somebody has to do now and then, and every server and worker does: collecting garbage, and moving chunks into an
//! object store where there is one.

use crate::store::{
    PgPool,
    bodies::{self, Place},
    garbage,
};
use std::{pin::pin, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// Time between collections; what a save leaves behind is collected right after it.
const EVERY: Duration = Duration::from_hours(1);

/// Time between looks for chunks that are to be moved out.
const MOVE_EVERY: Duration = Duration::from_secs(10);

/// Collects garbage at once and then every hour, and moves new chunks to `place`, until `ended` resolves. Any number of
/// processes may do so.
pub async fn until(pool: PgPool, place: Option<Place>, ended: impl Future<Output = ()>) {
    let mut ended = pin!(ended);
    let (mut ticks, mut moves) = (interval(EVERY), interval(MOVE_EVERY));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    moves.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // What is begun is ended early without harm: every step is a transaction.
        let step = async {
            tokio::select! {
                _ = ticks.tick() => collect(&pool).await,
                _ = moves.tick(), if place.is_some() => move_out(&pool, place.as_ref()).await,
            }
        };
        tokio::select! {
            () = &mut ended => return,
            () = step => {}
        }
    }
}

async fn move_out(pool: &PgPool, place: Option<&Place>) {
    let Some(place) = place else { return };
    match bodies::move_out(pool, place).await {
        Ok(0) => {}
        Ok(moved) => tracing::info!(moved, %place, "chunks were moved"),
        Err(error) => tracing::warn!(%error, "chunks could not be moved; they stay in the database"),
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
    if let Err(error) = bodies::delete_dropped(pool, bodies::REST).await {
        tracing::warn!(%error, "objects could not be deleted");
    }
}
