//! The worker: a process that takes jobs from the queue, one at a time.

mod batch;
mod beside;
mod counter;
mod data;
mod device;
mod evaluation;
mod generation;
mod in_training;
mod job;
mod log;
mod progress;
mod saving;
mod state_folder;
pub mod supervisor;
mod thread;
mod training;
mod usage;

use crate::{
    config::WorkerConfig,
    fault, queue,
    store::{
        self,
        access::Viewer,
        bell::{self, Bell},
        leases::{self, Claimer},
        order::SILENCE,
        workers::{self, NewWorker},
    },
};
use hrm_types::ids::WorkerId;
use sqlx::PgPool;
use std::path::Path;
use tokio::{
    sync::watch,
    time::{interval, sleep},
};
use uuid::Uuid;

/// Why a worker ended in good order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Asked,
    /// Its device is broken until a fresh process takes it; the cause.
    Broken(String),
}

/// Takes jobs until `shutdown` turns true; a job in progress is then saved and given back to the queue.
///
/// # Errors
/// When the worker cannot be registered.
pub async fn run(pool: PgPool, config: WorkerConfig, shutdown: watch::Receiver<bool>) -> Result<End, store::Error> {
    let id = WorkerId(Uuid::new_v4());
    let host = host();
    let devices = device::of_host(&host, config.cpu_slot).await;
    let opened = device::chosen(&devices, config.device)
        .and_then(|device| config.device.open().map(|opened| (device, opened)).map_err(|error| error.to_string()));
    let (device, opened) = match opened {
        Ok((device, opened)) => (device, opened),
        Err(cause) => return Ok(End::Broken(cause)),
    };
    let (pid, owner_cap) = (std::process::id(), config.owner_cap);
    let new = NewWorker { id, host, pid, device: device.clone(), devices: devices.clone(), owner_cap };
    workers::register(&pool, &new).await?;
    tracing::info!(worker = %id, device = device.id, "worker is ready");
    tell_of_others(&pool, &new).await?;

    let bell = Bell::new(0);
    let ended = |mut shutdown: watch::Receiver<bool>| async move { requested(&mut shutdown).await };
    let sweep = queue::sweep_until(pool.clone(), config, ended(shutdown.clone()));
    let besides = [
        tokio::spawn(sweep),
        tokio::spawn(report_presence(pool.clone(), new, config)),
        tokio::spawn(bell::listen(pool.clone(), bell.clone())),
    ];
    let claimer = Claimer { worker: id, device: &device.id, lease: config.lease(), owner_cap: config.owner_cap };
    let place = job::Place { config, device: opened, bell: &bell };
    let end = take_jobs(&pool, claimer, &place, device::Vacancy::new(&device), shutdown).await;
    for task in besides {
        task.abort();
    }
    fault::point("before-unregistering");
    workers::remove(&pool, id).await?;
    Ok(end)
}

/// Resolves once shutdown is requested, or whoever could request it is gone.
async fn requested(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which ends the worker as well.
    let _ = shutdown.wait_for(|&requested| requested).await;
}

async fn take_jobs(
    pool: &PgPool,
    claimer: Claimer<'_>,
    place: &job::Place<'_>,
    mut vacancy: device::Vacancy,
    mut shutdown: watch::Receiver<bool>,
) -> End {
    let mut hints = place.bell.subscribe();
    while !*shutdown.borrow() {
        // Before the look: what changes during it is looked at again.
        hints.mark_unchanged();
        if let Some(problem) = vacancy.problem().await {
            tracing::warn!("no job is taken: {problem}");
        } else {
            fault::point("before-claim");
            match leases::claim_next_job(pool, claimer).await {
                Ok(Some(claim)) => {
                    fault::point("after-claim");
                    tracing::info!(job = %claim.lease.job_id, name = claim.name, "claimed");
                    if let Err(cause) = job::run(pool, &claim, place, shutdown.clone()).await {
                        return End::Broken(cause);
                    }
                    if let Err(error) = hrm_model::device::release_unused(&place.device) {
                        tracing::warn!(%error, "memory that no job needs could not be given back");
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the queue could not be read"),
            }
        }
        tokio::select! {
            () = requested(&mut shutdown) => {}
            _ = hints.changed() => {}
            () = sleep(place.config.poll()) => {}
        }
    }
    End::Asked
}

/// Says who else computes on the worker's device: a second worker there would wait without a word.
async fn tell_of_others(pool: &PgPool, worker: &NewWorker) -> Result<(), store::Error> {
    for other in workers::list(pool, &Viewer::Everything, SILENCE).await? {
        // One that was killed stays on the list for a while.
        let lives = other.host == worker.host && Path::new("/proc").join(other.pid.to_string()).exists();
        if other.device_id == worker.device.id && other.id != worker.id && lives {
            tracing::warn!(
                "process {} on {} computes on {}, too: one job at a time runs there; --cpu-slot or --device makes them differ",
                other.pid,
                other.host,
                other.device_id
            );
        }
    }
    Ok(())
}

/// Keeps the worker on the list of those that are at work.
async fn report_presence(pool: PgPool, worker: NewWorker, config: WorkerConfig) {
    let mut ticks = interval(config.heartbeat());
    loop {
        ticks.tick().await;
        if let Err(error) = workers::register(&pool, &worker).await {
            tracing::warn!(%error, "presence could not be reported");
        }
    }
}

/// This machine's name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
