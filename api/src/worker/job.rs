//! One job from claim to end, whatever kind it is: the lease, what others want of it, its log, and how it ends.

use super::{batch, evaluation, generation, log::Log, thread::Computation, training};
use crate::{
    config::WorkerConfig,
    fault,
    queue::{Heartbeat, Stop, StopSignal},
    store::{
        self, PgPool,
        bell::Bell,
        garbage,
        leases::{self, Claim, Ending, Lease, Work},
    },
};
use hrm_model::{data::DataError, device::Device};
use std::time::Duration;
use tokio::{sync::watch, time::sleep};

/// Pause before a write is tried again while the database is out of reach.
const RETRY: Duration = Duration::from_millis(500);

/// Time that work has to save itself; then it is given back as it was last saved.
const SAVE_GRACE: Duration = Duration::from_secs(25);

/// Time that an answer of the database may be on its way.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Why work on a job ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was told to.
    Stopped(Stop),
    /// It cannot be done; the reason is for the user.
    Failed(String),
    /// The worker can do no work until somebody or a fresh process has mended it: its device, its threads, its disk.
    Broken(String),
}

impl Ended {
    /// What an error of the model crate means here: cancelled computations were stopped by `stop`.
    pub(super) fn from_model(error: &hrm_model::Error, stop: &StopSignal) -> Self {
        use hrm_model::Error::{Cancelled, Data};
        match (error, stop.raised()) {
            (Cancelled | Data(DataError::Cancelled), Some(stop)) => Self::Stopped(stop),
            _ if error.breaks_the_device() => Self::Broken(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<store::Error> for Ended {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::StaleLease => Self::Stopped(Stop::LeaseLost),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// A claimed job and what work on it needs.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) pool: &'a PgPool,
    pub(super) lease: Lease,
    pub(super) stop: StopSignal,
    pub(super) computation: Computation,
    pub(super) log: Log,
    pub(super) config: WorkerConfig,
    /// Where it computes.
    pub(super) device: Device,
}

/// What all jobs of a worker share.
pub(super) struct Place<'a> {
    pub(super) config: WorkerConfig,
    pub(super) device: Device,
    pub(super) bell: &'a Bell,
}

impl Job<'_> {
    /// Asks the store until it answers: while the database, or the object store, is out of reach, again and again, as
    /// long as the job is this worker's.
    pub(super) async fn insist<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, Ended>
    where
        F: Future<Output = Result<T, store::Error>>,
    {
        let mut said = false;
        loop {
            match ask().await {
                Err(error) if error.is_transient() => {
                    if self.stop.raised() == Some(Stop::LeaseLost) {
                        return Err(Ended::Stopped(Stop::LeaseLost));
                    }
                    if !std::mem::replace(&mut said, true) {
                        self.log.warn(format!("{error}; it is tried again until it works"));
                    }
                    sleep(RETRY).await;
                }
                answer => return Ok(answer?),
            }
        }
    }

    /// Says what is done now.
    pub(super) async fn phase(&self, name: &str) -> Result<(), Ended> {
        self.insist(|| leases::set_phase(self.pool, &self.lease, name)).await
    }

    /// Runs a computation of the model crate on its thread.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> hrm_model::Result<T> + Send + 'static,
    ) -> Result<T, Ended> {
        let answer = self.computation.run(work).await.map_err(Ended::Failed)?;
        answer.map_err(|error| Ended::from_model(&error, &self.stop))
    }

    async fn work(&self, claim: &Claim) -> Result<(), Ended> {
        match &claim.work {
            Work::Training { experiment, dataset_id } => training::work(self, experiment, *dataset_id).await,
            Work::Evaluation(spec) => evaluation::work(self, spec).await,
            Work::Generation(spec) => generation::work(self, spec).await,
            Work::Batch(spec) => batch::work(self, spec).await,
        }
    }

    /// Resolves when the work must end now. Work that shall go on later is told by the signal and has a while to
    /// save itself.
    async fn must_end(&self, shutdown: &mut watch::Receiver<bool>) -> Stop {
        let asked = tokio::select! {
            stop = self.stop.wait() => stop,
            () = super::requested(shutdown) => {
                self.stop.raise(Stop::ShuttingDown);
                Stop::ShuttingDown
            }
        };
        if asked == Stop::LeaseLost {
            // A lease also ends with its job's success, the answer to which may still be on its way.
            sleep(LAST_ANSWER).await;
        }
        if !asked.saves() {
            return asked;
        }
        tokio::select! {
            stop = self.stop.wait_for(|stop| !stop.saves()) => stop,
            () = sleep(SAVE_GRACE) => asked,
        }
    }

    /// Tells the store how a job ended that has no result.
    async fn settle(&self, ended: &Ended) -> Result<(), Ended> {
        let lease = &self.lease;
        match ended {
            Ended::Stopped(Stop::LeaseLost) => Ok(()),
            Ended::Stopped(Stop::Cancelled) => self.finish(Ending::Cancelled).await,
            Ended::Stopped(Stop::Paused | Stop::Preempted | Stop::ShuttingDown) => {
                fault::point("before-giving-back");
                self.insist(|| leases::give_back(self.pool, lease, "queued again: its worker was stopped")).await?;
                fault::point("after-giving-back");
                Ok(())
            }
            Ended::Failed(reason) => self.finish(Ending::Failed(reason)).await,
            Ended::Broken(_) => self.insist(|| leases::die(self.pool, lease, "its worker failed")).await.map(drop),
        }
    }

    async fn finish(&self, ending: Ending<'_>) -> Result<(), Ended> {
        let finish = async || leases::finish(&mut *self.pool.acquire().await?, &self.lease, ending).await;
        self.insist(finish).await
    }
}

/// Works on a claimed job until it ends, one way or another.
///
/// # Errors
/// What broke the device, so that this process must end.
pub(super) async fn run(
    pool: &PgPool,
    claim: &Claim,
    place: &Place<'_>,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), String> {
    let (lease, stop, config) = (claim.lease, StopSignal::default(), place.config);
    let log = Log::new(lease.job_id);
    let device = place.device.clone();
    let job = Job { pool, lease, stop, computation: Computation::default(), log, config, device };
    job.log.info(format!("attempt {} begins", lease.attempt));
    let outcome = match Heartbeat::start(pool, lease, config, job.stop.clone(), place.bell) {
        Err(error) => Err((Ended::Broken(format!("no heartbeat could be started: {error}")), None)),
        Ok(heartbeat) => {
            // On the heap, because training alone is long.
            let mut work = Box::pin(job.work(claim));
            tokio::select! {
                biased;
                done = &mut work => done,
                // What is written from now on is written without a lease or thrown away by its guard; the
                // computation notices at its next step.
                stop = job.must_end(&mut shutdown) => Err(Ended::Stopped(stop)),
                never = job.log.keep_writing(pool, &lease) => match never {},
            }
            .map_err(|ended| (ended, Some(heartbeat)))
        }
    };
    let broken = match outcome {
        Ok(()) => {
            tracing::info!(job = %lease.job_id, "succeeded");
            // Not before: what ends its lease is the success, and whoever still worked would be told that it was lost.
            garbage::collect_if_possible(pool).await;
            None
        }
        Err((ended, _heartbeat)) => {
            job.log.ended(&ended);
            job.log.write_rest(pool, &lease).await;
            // Where even that fails the lease runs out, and the sweep decides.
            if let Err(error) = job.settle(&ended).await {
                tracing::warn!(job = %lease.job_id, ?error, "the end could not be noted");
            }
            if let Ended::Broken(cause) = ended { Some(cause) } else { None }
        }
    };
    if let Some(cause) = broken {
        return Err(cause);
    }
    if !*shutdown.borrow() {
        job.stop.raise(Stop::LeaseLost);
        job.computation.finished().await;
    }
    Ok(())
}
