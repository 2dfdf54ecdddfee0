//! How many of the puzzles that a score counts its model was trained on.

use super::{
    counter::Counter,
    job::{Ended, Job},
};
use crate::store::{datasets, evaluations, jobs, puzzles};
use hrm_model::data::tested_in_training;
use hrm_types::dataset::{Dataset, Split};

/// Counts the dataset's test puzzles that a model was trained on which names `trained_on` as the content of its training set;
/// none where that is not stored here, or only for other teams: they alone may learn what is in it.
pub(super) async fn count(job: &Job<'_>, trained_on: &str, tested: &Dataset) -> Result<Option<u32>, Ended> {
    let pool = job.pool;
    if let (Some(leaks), true) = (tested.leaks, trained_on == tested.content_hash) {
        return Ok(Some(leaks.test_in_train));
    }
    let team = job.insist(|| jobs::team(pool, job.lease.job_id)).await?;
    if let Some(known) = job.insist(|| evaluations::in_training(pool, team, trained_on, &tested.content_hash)).await? {
        return Ok(Some(known));
    }
    let Some(trained) = job.insist(|| datasets::readable_with(pool, team, trained_on)).await? else { return Ok(None) };
    let (kind, side) = (tested.kind, tested.side);
    if (trained.kind, trained.side) != (kind, side) {
        return Ok(Some(0));
    }
    let train = job.insist(|| puzzles::load_split(pool, trained.id, kind, Split::Train)).await?;
    let test = job.insist(|| puzzles::load_split(pool, tested.id, kind, Split::Test)).await?;
    let counter = Counter::default();
    let looking = {
        let (counter, stop) = (counter.clone(), job.stop.clone());
        job.compute(move || {
            let mut note = |done, total| counter.note(done, total, &stop);
            Ok(tested_in_training((kind, side), &test, &train, &mut note)?)
        })
    };
    counter.say_during(looking, job, "looking for what was trained on", "puzzles").await?.map(Some)
}
