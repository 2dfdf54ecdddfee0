//! One run from claim to end: prepare the data, train, evaluate, store.

use super::{data, progress::Progress, thread::Computation};
use crate::{
    config::WorkerConfig,
    queue::{Heartbeat, Stop, StopSignal},
    store::{
        self, PgPool,
        leases::{self, Claim, Lease},
        results::{self, RunResult},
        runs,
    },
};
use hrm_model::{
    Model,
    data::{self as puzzles, DataError},
    eval,
    train::{Training, train},
};
use hrm_types::{
    evaluation::{Evaluation, Halting, Protocol},
    run::RunState,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// Pause before a write is tried again while the database is out of reach.
const RETRY: Duration = Duration::from_millis(500);

/// Why work on a run ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was told to.
    Stopped(Stop),
    /// It cannot be done; the reason is for the user.
    Failed(String),
}

impl Ended {
    /// What an error of the model crate means here: cancelled computations were stopped by `stop`.
    pub(super) fn from_model(error: &hrm_model::Error, stop: &StopSignal) -> Self {
        use hrm_model::Error::{Cancelled, Data};
        match (error, stop.raised()) {
            (Cancelled | Data(DataError::Cancelled), Some(stop)) => Self::Stopped(stop),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Asks the store until it answers: while the database is out of reach, again and again, as long as the lease lasts.
pub(super) async fn insist<T, F>(stop: &StopSignal, mut ask: impl FnMut() -> F) -> Result<T, Ended>
where
    F: Future<Output = Result<T, store::Error>>,
{
    loop {
        match ask().await {
            Err(error) if error.is_transient() => {
                if stop.raised() == Some(Stop::LeaseLost) {
                    return Err(Ended::Stopped(Stop::LeaseLost));
                }
                tracing::warn!(%error, "trying again");
                sleep(RETRY).await;
            }
            answer => return Ok(answer?),
        }
    }
}

/// Works on a claimed run until it ends, one way or another.
pub(super) async fn run(pool: &PgPool, claim: &Claim, config: WorkerConfig, mut shutdown: watch::Receiver<bool>) {
    let (lease, stop, computation) = (&claim.lease, StopSignal::default(), Computation::default());
    tracing::info!(run = %lease.run_id, name = claim.experiment.name, attempt = lease.attempt, "run begins");
    let heartbeat = Heartbeat::start(pool.clone(), *lease, config, stop.clone());
    let outcome = tokio::select! {
        biased;
        outcome = work(pool, claim, &stop, &computation) => outcome,
        // The run's state changes at once; the computation notices at its next step.
        ended = stop.wait() => Err(Ended::Stopped(ended)),
        () = super::requested(&mut shutdown) => {
            stop.raise(Stop::ShuttingDown);
            Err(Ended::Stopped(Stop::ShuttingDown))
        }
    };
    match outcome {
        Ok(()) => tracing::info!(run = %lease.run_id, "run succeeded"),
        Err(ended) => settle(pool, lease, ended).await,
    }
    drop(heartbeat);
    if !*shutdown.borrow() {
        stop.raise(Stop::LeaseLost);
        computation.finished().await;
    }
}

/// Tells the store how a run ended that has no result.
async fn settle(pool: &PgPool, lease: &Lease, ended: Ended) {
    tracing::info!(run = %lease.run_id, ?ended, "run ends");
    let told = match &ended {
        Ended::Stopped(Stop::LeaseLost) => Ok(()),
        Ended::Stopped(Stop::ShuttingDown) => {
            leases::give_back(pool, lease, "queued again: its worker was stopped").await
        }
        Ended::Stopped(Stop::Cancelled) => finish(pool, lease, RunState::Cancelled, "cancelled").await,
        Ended::Failed(reason) => finish(pool, lease, RunState::Failed, reason).await,
    };
    // The lease runs out then, and the sweep decides.
    if let Err(error) = told {
        tracing::warn!(run = %lease.run_id, %error, "the end of the run could not be noted");
    }
}

async fn finish(pool: &PgPool, lease: &Lease, state: RunState, reason: &str) -> Result<(), store::Error> {
    leases::finish(&mut *pool.acquire().await?, lease, state, Some(reason)).await
}

async fn work(pool: &PgPool, claim: &Claim, stop: &StopSignal, computation: &Computation) -> Result<(), Ended> {
    let lease = &claim.lease;
    let phase = |name: &'static str| insist(stop, move || leases::set_phase(pool, lease, name));

    phase("preparing data").await?;
    let (dataset, puzzles) = data::prepare(pool, claim, stop, computation).await?;
    insist(stop, || leases::set_dataset(pool, lease, dataset.id)).await?;
    let puzzles = Arc::new(puzzles);

    phase(runs::TRAINING).await?;
    let model = Arc::new(trained(pool, claim, &puzzles, stop, computation).await?);

    phase("evaluating").await?;
    let evaluation = evaluate(&model, &puzzles, stop, computation).await?;

    phase("storing").await?;
    let bytes = model.to_bytes().map_err(|error| Ended::from_model(&error, stop))?;
    let (name, info) = (claim.experiment.name.as_str(), model.info());
    let result = RunResult { name, info, bytes: &bytes, dataset: dataset.id, evaluation: &evaluation };
    insist(stop, || results::succeed(pool, lease, result)).await?;
    Ok(())
}

async fn trained(
    pool: &PgPool,
    claim: &Claim,
    puzzles: &Arc<puzzles::Dataset>,
    stop: &StopSignal,
    computation: &Computation,
) -> Result<Model, Ended> {
    let progress = Progress::default();
    let training = {
        let (experiment, puzzles) = (claim.experiment.clone(), Arc::clone(puzzles));
        let (progress, stop) = (progress.clone(), stop.clone());
        computation.run(move || {
            let mut training = Training::begin(&experiment, &puzzles)?;
            progress.plan(&training);
            train(&mut training, &mut |training, point| progress.note(training.step(), point, &stop))?;
            training.finish()
        })
    };
    let trained = progress.write_during(training, pool, &claim.lease, stop).await?;
    let trained = trained.map_err(Ended::Failed)?.map_err(|error| Ended::from_model(&error, stop))?;
    Ok(trained.model)
}

async fn evaluate(
    model: &Arc<Model>,
    puzzles: &Arc<puzzles::Dataset>,
    stop: &StopSignal,
    computation: &Computation,
) -> Result<Evaluation, Ended> {
    let max_steps = model.info().experiment.arch.halt_max_steps as u32;
    let protocol = Protocol { halting: Halting::Q, max_steps };
    let (model, puzzles, signal) = (Arc::clone(model), Arc::clone(puzzles), stop.clone());
    let work = move || eval::evaluate(&model, &puzzles.test, &protocol, &mut |_, _| signal.flow());
    let evaluation = computation.run(work).await;
    evaluation.map_err(Ended::Failed)?.map_err(|error| Ended::from_model(&error, stop))
}
