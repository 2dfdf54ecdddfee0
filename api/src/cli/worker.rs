//! `hrm worker`: trains queued runs until it is told to end.

use super::{interrupt, session};
use clap::Args;
use hrm_api::{
    cluster::Database,
    config::{DatabaseConfig, WorkerConfig},
    worker,
};
use std::{io::Read, process::ExitCode, thread};
use tokio::sync::watch;

/// Train queued runs, one at a time; `hrm serve` starts one of these by itself.
///
/// At SIGTERM or Ctrl-C the run in progress goes back into the queue.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm worker
  DATABASE_URL=postgres://hrm:secret@db/hrm hrm worker")]
pub(crate) struct Worker {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    lease: WorkerConfig,
    /// End when standard input is closed, which the process that started this one holds open
    #[arg(long)]
    supervised: bool,
}

impl Worker {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        session::runtime()?.block_on(self.work())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn work(self) -> anyhow::Result<()> {
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
        let worked = tokio::select! {
            worked = worker::run(database.pool.clone(), self.lease, requested) => worked,
            never = database.keep_running() => match never {},
        };
        let closed = database.close().await;
        worked?;
        Ok(closed?)
    }
}

/// Returns once the other end of standard input is closed; what comes through it is ignored.
fn await_end_of_input() {
    let mut buffer = [0; 64];
    let mut input = std::io::stdin().lock();
    // An error is an end, too.
    while matches!(input.read(&mut buffer), Ok(read) if read > 0) {}
}
