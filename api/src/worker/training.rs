//! A training run: prepare the data, train, evaluate, store.

use super::{
    data, device,
    job::{Ended, Job},
    progress::Progress,
};
use crate::store::{
    leases,
    results::{self, RunResult},
    runs,
};
use hrm_model::{
    Model, data as puzzles, eval, memory,
    train::{Training, train},
};
use hrm_types::{
    evaluation::{Evaluation, Halting, Protocol},
    experiment::Experiment,
    ids::DatasetId,
};
use std::sync::Arc;

/// Works on a run until its result is stored.
pub(super) async fn work(job: &Job<'_>, experiment: &Experiment, dataset: Option<DatasetId>) -> Result<(), Ended> {
    let (pool, lease) = (job.pool, &job.lease);
    job.phase("preparing data").await?;
    let (dataset, puzzles) = data::prepare(job, &experiment.data, dataset).await?;
    job.insist(|| leases::set_dataset(pool, lease, dataset.id)).await?;
    job.log.info(format!(
        "{}: {} training and {} test puzzles of side {}",
        dataset.name, dataset.train_count, dataset.test_count, dataset.side
    ));
    device::check_room(memory::training_bytes(experiment, dataset.side)).map_err(Ended::Failed)?;
    let puzzles = Arc::new(puzzles);

    job.phase(runs::TRAINING).await?;
    let model = Arc::new(trained(job, experiment, &puzzles).await?);

    job.phase("evaluating").await?;
    let evaluation = evaluate(job, &model, &puzzles).await?;
    job.log.info(format!("{} of {} test puzzles exactly right", evaluation.exact, evaluation.n));

    job.phase("storing").await?;
    let bytes = model.to_bytes().map_err(|error| Ended::from_model(&error, &job.stop))?;
    let result = RunResult {
        name: &experiment.name,
        info: model.info(),
        bytes: &bytes,
        dataset: dataset.id,
        evaluation: &evaluation,
    };
    job.log.info(format!("stores a checkpoint of {} bytes", bytes.len()));
    job.log.write_rest(pool, lease).await;
    job.insist(|| results::succeed(pool, lease, result)).await?;
    Ok(())
}

async fn trained(job: &Job<'_>, experiment: &Experiment, puzzles: &Arc<puzzles::Dataset>) -> Result<Model, Ended> {
    let progress = Progress::default();
    let training = {
        let (experiment, puzzles) = (experiment.clone(), Arc::clone(puzzles));
        let (progress, stop) = (progress.clone(), job.stop.clone());
        job.compute(move || {
            let mut training = Training::begin(&experiment, &puzzles)?;
            progress.plan(&training);
            train(&mut training, &mut |training, point| progress.note(training.step(), point, &stop))?;
            training.finish()
        })
    };
    Ok(progress.write_during(training, job).await??.model)
}

async fn evaluate(job: &Job<'_>, model: &Arc<Model>, puzzles: &Arc<puzzles::Dataset>) -> Result<Evaluation, Ended> {
    let max_steps = model.info().experiment.arch.halt_max_steps as u32;
    let protocol = Protocol { halting: Halting::Q, max_steps };
    let (model, puzzles, signal) = (Arc::clone(model), Arc::clone(puzzles), job.stop.clone());
    job.compute(move || eval::evaluate(&model, &puzzles.test, &protocol, &mut |_, _| signal.flow())).await
}
