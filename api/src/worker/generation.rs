//! The generation of a dataset.

use super::{
    counter::Counter,
    job::{Ended, Job},
};
use crate::store::generation_jobs;
use hrm_model::data::{self, leak_report};
use hrm_types::{dataset::LeakReport, experiment::GenerateSpec, job::GenerationSpec};

/// What the puzzles that are made and looked at count as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// The job's own count.
    Job,
    /// A part of what the job says that it does.
    Phase,
}

/// Works on a generation until its dataset is stored.
pub(super) async fn work(job: &Job<'_>, spec: &GenerationSpec) -> Result<(), Ended> {
    let pool = job.pool;
    let (puzzles, leaks) = generate(job, &spec.generate, Counts::Job).await?;
    job.log.info(format!("{} training and {} test puzzles", puzzles.train.len(), puzzles.test.len()));

    job.phase("storing").await?;
    job.log.write_rest(pool, &job.lease).await;
    job.insist(|| generation_jobs::succeed(pool, &job.lease, spec, &puzzles, leaks)).await?;
    Ok(())
}

/// Makes the puzzles, counting them, and looks for leaks.
pub(super) async fn generate(
    job: &Job<'_>,
    spec: &GenerateSpec,
    counts: Counts,
) -> Result<(data::Dataset, Option<LeakReport>), Ended> {
    let counter = Counter::default();
    let generating = {
        let (spec, counter, stop) = (spec.clone(), counter.clone(), job.stop.clone());
        job.compute(move || Ok(data::generate(&spec, &mut |done, total| counter.note(done, total, &stop))?))
    };
    let puzzles = told(job, &counter, "generating", counts, generating).await??;
    let counter = Counter::default();
    let looking = {
        let (counter, stop) = (counter.clone(), job.stop.clone());
        job.compute(move || {
            let leaks = leak_report(&puzzles, &mut |done, total| counter.note(done, total, &stop))?;
            Ok((puzzles, Some(leaks)))
        })
    };
    told(job, &counter, "looking for leaks", counts, looking).await?
}

/// Says what is done while `work` goes on, and how far it is.
async fn told<T>(
    job: &Job<'_>,
    counter: &Counter,
    doing: &str,
    counts: Counts,
    work: impl Future<Output = T>,
) -> Result<T, Ended> {
    job.phase(doing).await?;
    match counts {
        Counts::Job => counter.write_during(work, job).await,
        Counts::Phase => counter.say_during(work, job, doing, "puzzles").await,
    }
}
