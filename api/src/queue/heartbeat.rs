//! The heartbeat of a job that is worked on.

use super::{Stop, StopSignal};
use crate::{
    config::WorkerConfig,
    store::{
        self, PgPool,
        bell::Bell,
        leases::{self, Lease, Wish},
    },
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use std::{io, thread, time::Instant};
use tokio::{
    sync::{oneshot, watch},
    time::{MissedTickBehavior, interval, timeout},
};

/// Extends a lease until dropped, on a thread and a connection of its own: however busy everything else of the
/// process is, the lease is kept.
#[derive(Debug)]
pub struct Heartbeat {
    /// Dropping it ends the thread.
    _alive: oneshot::Sender<()>,
}

impl Heartbeat {
    /// Starts extending `lease`, which was just claimed. Raises in `stop` what others want of the job, and the loss
    /// of the lease: when somebody else took the job, or when the work is to end and the database was out of reach
    /// until the lease ran out. Looks at once when `bell` rings.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(pool: &PgPool, lease: Lease, config: WorkerConfig, stop: StopSignal, bell: &Bell) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (alive, ended) = oneshot::channel();
        let options = (*pool.connect_options()).clone();
        let beat = Beat { options, connection: None, lease, config, stop, hints: bell.subscribe() };
        thread::Builder::new().name("heartbeat".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = beat.go_on() => {}
                    // The sender is only ever dropped.
                    _ = ended => {}
                }
            });
        })?;
        Ok(Self { _alive: alive })
    }
}

struct Beat {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    lease: Lease,
    config: WorkerConfig,
    stop: StopSignal,
    hints: watch::Receiver<u64>,
}

impl Beat {
    async fn go_on(mut self) {
        let mut extended = Instant::now();
        let mut ticks = interval(self.config.heartbeat());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hinted = true;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                hint = self.hints.changed(), if hinted => hinted = hint.is_ok(),
            }
            // Counted from before the question: the database may have answered much later than it extended.
            let asked = Instant::now();
            match timeout(self.config.heartbeat(), self.extend()).await {
                Ok(Ok(wish)) => {
                    extended = asked;
                    self.tell(wish);
                }
                Ok(Err(store::Error::StaleLease)) => return self.stop.raise(Stop::LeaseLost),
                Ok(Err(error)) => {
                    tracing::warn!(job = %self.lease.job_id, %error, "heartbeat failed");
                    self.connection = None;
                }
                Err(_) => {
                    tracing::warn!(job = %self.lease.job_id, "heartbeat unanswered");
                    self.connection = None;
                }
            }
            // Work that goes on is worth waiting for: the lease may still be ours when the database is back, and what
            // is written without it is refused. Work that is to end anyway is not.
            if self.stop.raised().is_some() && extended.elapsed() >= self.config.lease() {
                return self.stop.raise(Stop::LeaseLost);
            }
        }
    }

    async fn extend(&mut self) -> Result<Option<Wish>, store::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.options).await?,
        };
        leases::extend(self.connection.insert(connection), &self.lease, self.config.lease()).await
    }

    fn tell(&self, wish: Option<Wish>) {
        match wish {
            Some(Wish::Cancel) => self.stop.raise(Stop::Cancelled),
            Some(Wish::Pause) => self.stop.raise(Stop::Paused),
            Some(Wish::MakeRoom) => self.stop.raise(Stop::Preempted),
            None => {}
        }
    }
}
