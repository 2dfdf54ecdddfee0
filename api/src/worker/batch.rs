//! A batch: load the model, answer some puzzles, store their answers, and so on until none is left.

use super::{
    counter::Counter,
    device,
    job::{Ended, Job},
};
use crate::store::{access::Viewer, artifacts, batches, models};
use hrm_model::{
    Model,
    memory::{self, Work},
    solve::{Asking, Heard, solve_all},
};
use hrm_types::{batch::BatchSpec, evaluation::Protocol};
use std::sync::Arc;

/// Tokens that a model reads between two writes of answers, about: what a worker's death costs.
const TOKENS: usize = 40_000;

/// Works on a batch until every puzzle has an answer. One that was interrupted goes on with those that have none.
pub(super) async fn work(job: &Job<'_>, spec: &BatchSpec) -> Result<(), Ended> {
    let pool = job.pool;
    job.phase("loading the model").await?;
    let stored = job.insist(|| models::get(pool, &Viewer::Everything, spec.checkpoint_id)).await?;
    let bytes = job.insist(|| artifacts::read(pool, &stored.sha256)).await?;
    let on = job.device.clone();
    let model = job.compute(move || Model::from_bytes(&bytes)?.to_device(&on)).await?;
    let task = model.info().task().map_err(|error| Ended::Failed(error.to_string()))?;
    let model = Arc::new(model);
    let asking = Asking { steps: spec.steps, attempts: spec.attempts.unwrap_or(1) };
    let at_once = (TOKENS / task.seq_len / asking.attempts as usize).max(8);
    let protocol = Protocol::fixed(spec.steps.unwrap_or(stored.experiment.arch.halt_max_steps as u32));
    // Attempts fill a batch however few puzzles are left.
    let sequences = if asking.attempts == 1 { at_once } else { usize::MAX };
    let needed = memory::evaluation_bytes(&stored.experiment, task, sequences, &protocol, &job.device);
    device::check_room(&job.device, Work::Evaluating, needed).map_err(Ended::Failed)?;

    job.phase("solving").await?;
    let batch = job.insist(|| batches::get(pool, job.lease.job_id)).await?;
    let (mut done, total) = (batch.answered, batch.puzzles);
    job.log.info(format!("{} on {} puzzles", stored.name, total - done));
    loop {
        let puzzles = job.insist(|| batches::unanswered(pool, job.lease.job_id, spec.kind, at_once as u32)).await?;
        if puzzles.is_empty() {
            break;
        }
        let (positions, questions): (Vec<i64>, Vec<_>) = puzzles.into_iter().unzip();
        let counter = Counter::default();
        let solving = {
            let (model, counter, stop) = (Arc::clone(&model), counter.clone(), job.stop.clone());
            job.compute(move || {
                let mut answers = Vec::with_capacity(questions.len());
                let solved = solve_all(&model, &questions, asking, &mut |heard| {
                    if let Heard::Solution(i, solution) = heard {
                        answers.push((positions[i], solution));
                    }
                    counter.note(done as usize + answers.len(), total as usize, &stop)
                });
                match solved {
                    // What is answered is worth storing.
                    Err(hrm_model::Error::Cancelled) if !answers.is_empty() => Ok(answers),
                    solved => solved.map(|()| answers),
                }
            })
        };
        let answers = counter.write_during(solving, job).await??;
        done += answers.len() as u64;
        job.insist(|| batches::record(pool, &job.lease, spec.kind, &answers, (done, total))).await?;
    }
    job.log.info(format!("all {total} puzzles are answered"));
    job.log.write_rest(pool, &job.lease).await;
    job.insist(|| batches::succeed(pool, &job.lease)).await
}
