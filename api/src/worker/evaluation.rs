//! An evaluation: load the checkpoint and the puzzles, measure, store the score.

use super::{
    counter::Counter,
    device, in_training,
    job::{Ended, Job},
};
use crate::{
    environment,
    store::{access::Viewer, artifacts, datasets, evaluation_jobs, models, puzzles},
};
use hrm_model::{
    Model, eval,
    memory::{self, Work},
};
use hrm_types::{dataset::Split, job::EvaluationSpec};

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
    if spec.split == Split::Test {
        measured.evaluation.in_training = in_training::count(job, &stored.dataset_hash, &dataset).await?;
    }
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
