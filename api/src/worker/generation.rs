//! The generation of a dataset.

use super::{
    counter::Counter,
    job::{Ended, Job},
};
use crate::store::generation_jobs;
use hrm_model::data::{self, leak_report};
use hrm_types::{dataset::LeakReport, experiment::GenerateSpec, job::GenerationSpec};

/// Works on a generation until its dataset is stored.
pub(super) async fn work(job: &Job<'_>, spec: &GenerationSpec) -> Result<(), Ended> {
    let pool = job.pool;
    job.phase("generating").await?;
    let (puzzles, leaks) = generate(job, &spec.generate).await?;
    job.log.info(format!("{} training and {} test puzzles", puzzles.train.len(), puzzles.test.len()));

    job.phase("storing").await?;
    job.log.write_rest(pool, &job.lease).await;
    job.insist(|| generation_jobs::succeed(pool, &job.lease, spec, &puzzles, leaks)).await?;
    Ok(())
}

/// Makes the puzzles, counting them, and looks for leaks.
pub(super) async fn generate(job: &Job<'_>, spec: &GenerateSpec) -> Result<(data::Dataset, Option<LeakReport>), Ended> {
    let counter = Counter::default();
    let generating = {
        let (spec, counter, stop) = (spec.clone(), counter.clone(), job.stop.clone());
        job.compute(move || Ok(data::generate(&spec, &mut |done, total| counter.note(done, total, &stop))?))
    };
    let puzzles = counter.write_during(generating, job).await??;
    job.phase("looking for leaks").await?;
    let counter = Counter::default();
    let looking = {
        let (counter, stop) = (counter.clone(), job.stop.clone());
        job.compute(move || {
            let leaks = leak_report(&puzzles, &mut |done, total| counter.note(done, total, &stop))?;
            Ok((puzzles, Some(leaks)))
        })
    };
    counter.write_during(looking, job).await?
}
