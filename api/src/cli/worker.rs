//! `hrm worker`: takes queued jobs until it is told to end.

use super::{interrupt, session};
use clap::Args;
use hrm_api::{
    cluster::Database,
    config::{DatabaseConfig, ObjectsConfig, WorkerConfig},
    fault, housekeeping,
    store::{access::Viewer, for_work, order::SILENCE, workers},
    worker::{self, End},
};
use std::{io::Read, process::ExitCode, thread};
use tokio::sync::watch;

/// The exit code that asks the supervisor for a fresh process; `EX_SOFTWARE` of sysexits.h.
const DEVICE_FAILED: u8 = 70;

/// Take queued jobs, one at a time: runs, evaluations, batches of puzzles, datasets. `hrm serve` starts one of these by itself.
///
/// At SIGTERM or Ctrl-C the job in progress is saved and goes back into the queue. Workers on any number of hosts
/// share one queue; on each device runs one job at a time. Ends with code 70 when its device fails, so that whatever
/// supervises it starts a fresh process.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm worker
  DATABASE_URL=postgres://hrm:secret@db/hrm hrm worker
  hrm worker --cpu-slot 1        a second one on this host, beside that of `hrm serve`")]
pub(crate) struct Worker {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    lease: WorkerConfig,
    #[command(flatten)]
    objects: ObjectsConfig,
    /// End when standard input is closed, which the process that started this one holds open
    #[arg(long)]
    supervised: bool,
    /// Take no job, but tell whether a worker of this host has reported within the last minute; code 1 if none has
    #[arg(long)]
    check: bool,
}

impl Worker {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.check {
            return self.check();
        }
        self.lease.device.check_built()?;
        fault::arm()?;
        match session::runtime()?.block_on(self.work())? {
            End::Asked => Ok(ExitCode::SUCCESS),
            End::Broken(cause) => {
                tracing::error!(cause, "the device failed; a fresh process is needed");
                Ok(ExitCode::from(DEVICE_FAILED))
            }
        }
    }

    fn check(&self) -> anyhow::Result<ExitCode> {
        let host = worker::host();
        let workers = session::with_database(&self.database, async |pool| {
            Ok(workers::list(pool, &Viewer::Everything, SILENCE)
                .await?
                .into_iter()
                .filter(|worker| worker.host == host)
                .count())
        })?;
        eprintln!("{workers} at work on {host}");
        Ok(if workers > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn work(self) -> anyhow::Result<End> {
        let (shutdown, requested) = watch::channel(false);
        let interrupted = interrupt::requested()?;
        let by_signal = shutdown.clone();
        tokio::spawn(async move {
            interrupted.await;
            by_signal.send_replace(true);
        });
        if self.supervised {
            thread::Builder::new().name("supervisor".into()).spawn(move || {
                await_end_of_input();
                shutdown.send_replace(true);
            })?;
        }
        let database = Database::open(&self.database).await?;
        // Until the work ends, however it ends.
        let housekeeping =
            tokio::spawn(housekeeping::until(database.pool.clone(), self.objects.object_store, std::future::pending()));
        let worked = tokio::select! {
            worked = worker::run(for_work(&database.pool, self.lease.lease()).await?, self.lease, requested) => worked,
            never = database.keep_running() => match never {},
        };
        housekeeping.abort();
        let closed = database.close().await;
        let end = worked?;
        closed?;
        Ok(end)
    }
}

/// Returns once the other end of standard input is closed; what comes through it is ignored.
fn await_end_of_input() {
    let mut buffer = [0; 64];
    let mut input = std::io::stdin().lock();
    // An error is an end, too.
    while matches!(input.read(&mut buffer), Ok(read) if read > 0) {}
}
