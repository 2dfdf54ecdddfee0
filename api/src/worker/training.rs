//! A training run: prepare the data, train, evaluate, store.

use super::{
    counter::Counter,
    data, device, in_training,
    job::{Ended, Job},
    progress::Progress,
    saving::Saving,
    usage::Meter,
};
use crate::{
    environment, fault,
    queue::Stop,
    store::{
        artifacts, leases, provenance,
        results::{self, RunResult},
        runs, train_states,
    },
};
use hrm_model::{
    Model,
    data::{self as puzzles, Corpus},
    eval::{self, Measured},
    memory::{self, Work},
    train::{Origin, Start, Training, train},
};
use hrm_types::{dataset::Split, evaluation::Protocol, experiment::Experiment, ids::DatasetId};
use std::sync::Arc;

/// Works on a run until its result is stored.
pub(super) async fn work(job: &Job<'_>, experiment: &Experiment, dataset: Option<DatasetId>) -> Result<(), Ended> {
    let (pool, lease, meter) = (job.pool, &job.lease, Meter::start());
    job.phase("preparing data").await?;
    let (dataset, puzzles) = data::prepare(job, &experiment.data, dataset).await?;
    experiment.check_splits(&dataset).map_err(|error| Ended::Failed(error.to_string()))?;
    job.insist(|| leases::set_dataset(pool, lease, dataset.id)).await?;
    fault::point("data-ready");
    job.log.info(format!(
        "{}: {} training and {} test puzzles, {} of side {}",
        dataset.name, dataset.train_count, dataset.test_count, dataset.kind, dataset.side
    ));
    let task = puzzles.task(experiment);
    let protocol = Protocol::halting_by_q(experiment.arch.halt_max_steps as u32);
    let needed = [
        (Work::Training, memory::training_bytes(experiment, task)),
        // What comes after hours must have room, too.
        (Work::Evaluating, memory::evaluation_bytes(experiment, task, puzzles.test.len(), &protocol, &job.device)),
    ];
    for (work, bytes) in needed {
        device::check_room(&job.device, work, bytes).map_err(Ended::Failed)?;
    }
    let puzzles = Arc::new(puzzles);

    job.phase(runs::TRAINING).await?;
    let model = Arc::new(trained(job, experiment, &puzzles, &meter).await?);

    fault::point("trained");
    job.phase("evaluating").await?;
    let Measured { mut evaluation, exact, .. } = evaluate(job, &model, &puzzles).await?;
    evaluation.in_training = in_training::count(job, &dataset.content_hash, &dataset).await?;
    job.log.info(format!("{} of {} test puzzles exactly right", evaluation.exact, evaluation.n));

    fault::point("evaluated");
    job.phase("storing").await?;
    let bytes = model.to_bytes().map_err(|error| Ended::from_model(&error, &job.stop))?;
    let result = RunResult {
        name: &experiment.name,
        info: model.info(),
        bytes: &bytes,
        dataset: dataset.id,
        evaluation: &evaluation,
        exact: &exact,
        keep: job.config.retention,
    };
    job.log.info(format!("stores a checkpoint of {} bytes", bytes.len()));
    job.log.write_rest(pool, lease).await;
    meter.note(job).await?;
    fault::point("before-result");
    job.insist(|| results::succeed(pool, lease, result)).await?;
    Ok(())
}

/// Trains from the newest stored state, or from the start: a model's weights, or drawn ones.
async fn trained(
    job: &Job<'_>,
    experiment: &Experiment,
    puzzles: &Arc<puzzles::Dataset>,
    meter: &Meter,
) -> Result<Model, Ended> {
    let (saving, mut writer) = Saving::new(job.config.save_every(), job.config.retention.keep_best)
        .map_err(|error| Ended::Broken(format!("no temporary folder for the training's states: {error}")))?;
    let state = saving.newest(job).await?;
    let from_step = state.as_ref().map_or(0, |state| state.info().step);
    if from_step > 0 {
        job.log.info(format!("goes on after step {from_step}"));
    }
    let start = match (&state, &experiment.start_from) {
        (None, Some(sha256)) => Some(job.insist(|| artifacts::read(job.pool, sha256)).await?),
        _ => None,
    };
    let before = job.insist(|| train_states::begin_attempt(job.pool, &job.lease, from_step)).await?;
    let progress = Progress::after(before);
    let environment = environment::here(experiment.arch.forward_dtype, &job.device);
    job.insist(|| provenance::note_environment(job.pool, &job.lease, &environment)).await?;
    fault::point("attempt-begun");

    let training = {
        let (experiment, puzzles) = (experiment.clone(), Arc::clone(puzzles));
        let (progress, stop, log) = (progress.clone(), job.stop.clone(), job.log.clone());
        let device = job.device.clone();
        job.compute(move || {
            let mut training = {
                let start = start.map(|bytes| Start::from_bytes(&bytes)).transpose()?;
                let begin = start.as_ref().map_or(Origin::Drawn, Origin::Model);
                let origin = state.as_ref().map_or(begin, Origin::State);
                // Neither is needed any more once its weights have been taken.
                Training::open(&experiment, Corpus::of_dataset(&puzzles, &experiment), origin, &device)?
            };
            drop(state);
            progress.plan(&training);
            train(&mut training, &mut |training, point| {
                let flow = progress.note(training.step(), point, &stop);
                writer.after_step(training, stop.raised().is_some_and(Stop::saves), |problem| log.warn(problem));
                flow
            })?;
            training.finish()
        })
    };
    // On the heap: what computes, stores and reports is nested three deep.
    let training = progress.write_during(saving.store_during(training, job, &progress), job);
    let trained = Box::pin(meter.note_during(training, job)).await????;
    Ok(trained.model.trained_by(environment))
}

async fn evaluate(job: &Job<'_>, model: &Arc<Model>, puzzles: &Arc<puzzles::Dataset>) -> Result<Measured, Ended> {
    let max_steps = model.info().experiment.arch.halt_max_steps as u32;
    let protocol = Protocol::halting_by_q(max_steps);
    let (model, puzzles) = (Arc::clone(model), Arc::clone(puzzles));
    let (counter, stop) = (Counter::default(), job.stop.clone());
    let evaluating = {
        let counter = counter.clone();
        let mut note = move |done, total| counter.note(done, total, &stop);
        job.compute(move || eval::measure(&model, &puzzles, Split::Test, &protocol, &mut note))
    };
    counter.say_during(evaluating, job, "evaluating", "test puzzles").await?
}
