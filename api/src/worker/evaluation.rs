//! An evaluation: load the checkpoint and the puzzles, measure, store the score.

use super::{
    counter::Counter,
    device,
    job::{Ended, Job},
};
use crate::{
    environment,
    store::{access::Viewer, artifacts, datasets, evaluation_jobs, models, puzzles},
};
use hrm_model::{
    Model,
    data::tested_in_training,
    eval,
    memory::{self, Work},
};
use hrm_types::{
    dataset::{Dataset, Split},
    job::EvaluationSpec,
};

/// Works on an evaluation until its score is stored.
pub(super) async fn work(job: &Job<'_>, spec: &EvaluationSpec) -> Result<(), Ended> {
    let pool = job.pool;
    job.phase("preparing data").await?;
    let stored = job.insist(|| models::get(pool, &Viewer::Everything, spec.checkpoint_id)).await?;
    let dataset = job.insist(|| datasets::get(pool, spec.dataset_id)).await?;
    let puzzles = job.insist(|| puzzles::load_dataset(pool, &dataset)).await?;
    let (n, task) = (puzzles.split(spec.split).len(), puzzles.task(&stored.experiment));
    let needed = memory::evaluation_bytes(&stored.experiment, task, n, &spec.protocol, &job.device);
    device::check_room(&job.device, Work::Evaluating, needed).map_err(Ended::Failed)?;
    let bytes = job.insist(|| artifacts::read(pool, &stored.sha256)).await?;
    job.log.info(format!("{} on {n} puzzles of {}", stored.name, dataset.name));

    job.phase("evaluating").await?;
    let counter = Counter::default();
    let evaluating = {
        let (protocol, split) = (spec.protocol.clone(), spec.split);
        let (counter, stop, device) = (counter.clone(), job.stop.clone(), job.device.clone());
        job.compute(move || {
            let model = Model::from_bytes(&bytes)?.to_device(&device)?;
            drop(bytes);
            eval::measure(&model, &puzzles, split, &protocol, &mut |done, total| counter.note(done, total, &stop))
        })
    };
    let mut measured = counter.write_during(evaluating, job).await??;
    measured.evaluation.in_training = in_training(job, spec.split, &stored.dataset_hash, &dataset).await?;
    let evaluation = &measured.evaluation;
    job.log.info(format!("{} of {} exactly right", evaluation.exact, evaluation.n));
    if let Some(attempts) = &evaluation.attempts {
        job.log.info(format!("solved within 1, 2, 3, … attempts: {:?}", attempts.solved_within));
    }

    job.phase("storing").await?;
    job.log.write_rest(pool, &job.lease).await;
    let environment = environment::here(stored.experiment.arch.forward_dtype, &job.device);
    job.insist(|| evaluation_jobs::succeed(pool, &job.lease, spec, &measured, &environment)).await?;
    Ok(())
}

/// How many of the dataset's test puzzles are trained on by a model that names `trained_on` as the content of its training set;
/// none where that is not stored here.
async fn in_training(job: &Job<'_>, split: Split, trained_on: &str, tested: &Dataset) -> Result<Option<u32>, Ended> {
    let pool = job.pool;
    if split != Split::Test {
        return Ok(None);
    }
    if let (Some(leaks), true) = (tested.leaks, trained_on == tested.content_hash) {
        return Ok(Some(leaks.test_in_train));
    }
    let Some(trained) = job.insist(|| datasets::with_puzzles(pool, trained_on)).await? else { return Ok(None) };
    if (trained.kind, trained.side) != (tested.kind, tested.side) {
        return Ok(Some(0));
    }
    let train = job.insist(|| puzzles::load_split(pool, trained.id, trained.kind, Split::Train)).await?;
    let tested = job.insist(|| puzzles::load_dataset(pool, tested)).await?;
    let counter = Counter::default();
    let looking = {
        let (counter, stop) = (counter.clone(), job.stop.clone());
        job.compute(move || {
            Ok(tested_in_training(&tested, &train, &mut |done, total| counter.note(done, total, &stop))?)
        })
    };
    counter.say_during(looking, job, "looking for what was trained on", "puzzles").await?.map(Some)
}
