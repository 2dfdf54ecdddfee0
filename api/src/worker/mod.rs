//! The worker: a process that takes runs from the queue, one at a time, and trains them.

mod data;
mod job;
mod progress;
pub mod supervisor;
mod thread;

use crate::{
    config::WorkerConfig,
    queue,
    store::{self, leases, workers},
};
use hrm_types::ids::WorkerId;
use sqlx::PgPool;
use tokio::{
    sync::watch,
    time::{interval, sleep},
};
use uuid::Uuid;

/// Takes runs until `shutdown` turns true; a run in progress is then given back to the queue.
///
/// # Errors
/// When the worker cannot be registered.
pub async fn run(pool: PgPool, config: WorkerConfig, shutdown: watch::Receiver<bool>) -> Result<(), store::Error> {
    let id = WorkerId(Uuid::new_v4());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    workers::register(&pool, id, &host, std::process::id(), &format!("cpu ({threads} threads)")).await?;
    tracing::info!(worker = %id, "worker is ready");

    let ended = |mut shutdown: watch::Receiver<bool>| async move { requested(&mut shutdown).await };
    let sweep = tokio::spawn(queue::sweep_until(pool.clone(), config.poll(), ended(shutdown.clone())));
    let presence = tokio::spawn(report_presence(pool.clone(), id, config));
    take_runs(&pool, id, config, shutdown).await;
    presence.abort();
    sweep.abort();
    workers::remove(&pool, id).await
}

/// Resolves once shutdown is requested, or whoever could request it is gone.
async fn requested(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which ends the worker as well.
    let _ = shutdown.wait_for(|&requested| requested).await;
}

async fn take_runs(pool: &PgPool, id: WorkerId, config: WorkerConfig, mut shutdown: watch::Receiver<bool>) {
    while !*shutdown.borrow() {
        match leases::claim_next_run(pool, id, config.lease()).await {
            Ok(Some(claim)) => {
                job::run(pool, &claim, config, shutdown.clone()).await;
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the queue could not be read"),
        }
        tokio::select! {
            () = requested(&mut shutdown) => {}
            () = sleep(config.poll()) => {}
        }
    }
}

/// Keeps the worker on the list of those that are at work.
async fn report_presence(pool: PgPool, id: WorkerId, config: WorkerConfig) {
    let mut ticks = interval(config.heartbeat());
    loop {
        ticks.tick().await;
        if let Err(error) = workers::seen(&pool, id).await {
            tracing::warn!(%error, "presence could not be reported");
        }
    }
}

#[cfg(test)]
mod tests;
