//! What is asked of jobs, in every state.

use super::{LONG, claim, dataset, expire, extend, info, queue, result, score, spec, sweep};
use crate::{
    environment,
    store::{
        Error, PgPool,
        access::{self, Viewer},
        checkpoints, datasets, evaluation_jobs, evaluations, generation_jobs,
        jobs::{self, JobFilter, Terms},
        leases::{self, Ending, Wish, Work},
        models, results, runs,
        slices::Slice,
        sweeps,
        testing::database,
        wishes,
    },
};
use hrm_model::eval::Measured;
use hrm_types::{
    dataset::Split,
    experiment::{Experiment, ForwardDtype},
    ids::{JobId, TeamId},
    job::{EvaluationSpec, GenerationSpec, JobKind},
    run::{
        ChangeRun,
        RunState::{self, Cancelled, Failed, Paused, Queued, Running, Succeeded},
    },
};
use std::time::Duration;

/// A run in that state.
async fn in_state(pool: &PgPool, state: RunState) -> JobId {
    // Whatever else is queued would be claimed first.
    sqlx::query("DELETE FROM jobs").execute(pool).await.expect("an answer");
    let id: JobId = queue(pool, "run").await.id.into();
    match state {
        Queued => {}
        Running => drop(claim(pool, LONG).await),
        Paused => wishes::request_pause(pool, id).await.expect("a queued run"),
        Cancelled => wishes::request_cancel(pool, id).await.expect("a queued run"),
        Failed | Succeeded => {
            let lease = claim(pool, LONG).await.lease;
            let ending = if state == Failed { Ending::Failed("why") } else { Ending::Succeeded(None) };
            let mut connection = pool.acquire().await.expect("a connection");
            leases::finish(&mut connection, &lease, ending).await.expect("the lease is held");
        }
    }
    id
}

#[derive(Debug, Clone, Copy)]
enum Ask {
    Cancel,
    Pause,
    Resume,
    Retry,
}

async fn ask(pool: &PgPool, id: JobId, wish: Ask) -> Result<(), Error> {
    match wish {
        Ask::Cancel => wishes::request_cancel(pool, id).await,
        Ask::Pause => wishes::request_pause(pool, id).await,
        Ask::Resume => wishes::resume(pool, id).await,
        Ask::Retry => wishes::retry(pool, id).await,
    }
}

#[tokio::test]
async fn every_wish_in_every_state_is_granted_or_names_the_state() {
    let db = database().await;
    let pool = &db.pool;
    for (state, wish, next) in [
        (Queued, Ask::Cancel, Some(Cancelled)),
        (Queued, Ask::Pause, Some(Paused)),
        (Queued, Ask::Resume, None),
        (Queued, Ask::Retry, None),
        (Running, Ask::Cancel, Some(Running)),
        (Running, Ask::Pause, Some(Running)),
        (Running, Ask::Resume, None),
        (Running, Ask::Retry, None),
        (Paused, Ask::Cancel, Some(Cancelled)),
        (Paused, Ask::Pause, Some(Paused)),
        (Paused, Ask::Resume, Some(Queued)),
        (Paused, Ask::Retry, None),
        (Succeeded, Ask::Cancel, None),
        (Succeeded, Ask::Pause, None),
        (Succeeded, Ask::Resume, None),
        (Succeeded, Ask::Retry, None),
        (Failed, Ask::Cancel, None),
        (Failed, Ask::Pause, None),
        (Failed, Ask::Resume, None),
        (Failed, Ask::Retry, Some(Queued)),
        (Cancelled, Ask::Cancel, None),
        (Cancelled, Ask::Pause, None),
        (Cancelled, Ask::Resume, None),
        (Cancelled, Ask::Retry, Some(Queued)),
    ] {
        let id = in_state(pool, state).await;
        let answer = ask(pool, id, wish).await;
        let after = jobs::get(pool, id).await.expect("the job");
        assert_eq!(after.state, next.unwrap_or(state), "{wish:?} while {state:?}");
        match next {
            Some(_) => assert!(answer.is_ok(), "{wish:?} while {state:?}: {answer:?}"),
            None => assert!(
                matches!(&answer, Err(Error::WrongState { found, .. }) if *found == state),
                "{wish:?} while {state:?}: {answer:?}"
            ),
        }
    }
}

#[tokio::test]
async fn a_running_job_hears_wishes_and_cancelling_outranks_pausing() {
    let db = database().await;
    let id: JobId = queue(&db.pool, "run").await.id.into();
    let lease = claim(&db.pool, LONG).await.lease;
    let heard = async || extend(&db.pool, &lease, LONG).await.expect("the lease is held");
    assert_eq!(heard().await, None);
    wishes::request_pause(&db.pool, id).await.expect("a running job");
    assert_eq!(heard().await, Some(Wish::Pause));
    wishes::resume(&db.pool, id).await.expect("a job asked to pause");
    assert_eq!(heard().await, None);
    wishes::request_pause(&db.pool, id).await.expect("a running job");
    wishes::request_cancel(&db.pool, id).await.expect("a running job");
    assert_eq!(heard().await, Some(Wish::Cancel));
    let refused = wishes::request_pause(&db.pool, id).await;
    assert!(matches!(refused, Err(Error::WrongState { .. })), "{refused:?}");
    leases::give_back(&db.pool, &lease, "its worker was stopped").await.expect("the lease is held");
    let job = jobs::get(&db.pool, id).await.expect("the job");
    assert_eq!((job.state, job.reason.as_deref()), (Cancelled, Some("cancelled")));
}

#[tokio::test]
async fn a_cancelled_job_says_how_far_it_had_come() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let id = run.id.into();
    let reason = async || jobs::get(&db.pool, id).await.expect("the job").reason;
    wishes::request_cancel(&db.pool, id).await.expect("a queued job");
    assert_eq!(reason().await.as_deref(), Some("cancelled before it started"));
    wishes::retry(&db.pool, id).await.expect("a cancelled job");
    let again = "queued again: another try was asked for after it had been cancelled";
    assert_eq!(reason().await.as_deref(), Some(again));
    let lease = claim(&db.pool, LONG).await.lease;
    leases::give_back(&db.pool, &lease, "its worker was stopped").await.expect("the lease is held");
    wishes::request_cancel(&db.pool, id).await.expect("a queued job");
    assert_eq!(reason().await.as_deref(), Some("cancelled while queued"));
}

#[tokio::test]
async fn a_paused_run_keeps_what_was_saved_and_waits_until_it_is_resumed() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    leases::record_progress(&db.pool, &lease, 9, &[]).await.expect("the lease is held");
    let mut connection = db.pool.acquire().await.expect("a connection");
    leases::note_checkpoint(&mut connection, &lease, 9).await.expect("the lease is held");
    wishes::request_pause(&db.pool, run.id.into()).await.expect("a running run");
    leases::give_back(&db.pool, &lease, "unused").await.expect("the lease is held");
    let paused = runs::get(&db.pool, run.id).await.expect("the run");
    assert_eq!((paused.state, paused.step, paused.pause_requested), (Paused, 9, false));
    assert_eq!(paused.reason.as_deref(), Some("paused"));
    assert!(super::try_claim(&db.pool, LONG).await.is_none());
    wishes::resume(&db.pool, run.id.into()).await.expect("a paused run");
    let lease = claim(&db.pool, LONG).await.lease;
    let resumed = runs::get(&db.pool, run.id).await.expect("the run");
    assert_eq!((resumed.attempt, resumed.step, lease.attempt), (2, 9, 2));
}

#[tokio::test]
async fn a_job_asked_to_pause_whose_worker_dies_is_paused() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    wishes::request_pause(&db.pool, run.id.into()).await.expect("a running run");
    expire(&db.pool, &lease).await;
    let swept = leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep");
    assert_eq!((swept[0].state, swept[0].reason.as_str()), (Paused, "paused; its worker died in attempt 1"));
}

#[tokio::test]
async fn a_job_tried_again_goes_on_counting_its_attempts() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    let mut connection = db.pool.acquire().await.expect("a connection");
    leases::finish(&mut connection, &lease, Ending::Failed("diverged")).await.expect("the lease is held");
    wishes::retry(&db.pool, run.id.into()).await.expect("a failed run");
    let queued = runs::get(&db.pool, run.id).await.expect("the run");
    assert_eq!((queued.state, queued.attempt, queued.finished_at), (Queued, 1, None));
    assert_eq!(claim(&db.pool, LONG).await.lease.attempt, 2);
}

#[tokio::test]
async fn jobs_of_a_sweep_are_told_apart_by_their_seeds() {
    let db = database().await;
    let pool = &db.pool;
    let seeded = |seed| Experiment { seed, ..super::experiment("swept") };
    let (viewer, terms) = (&Viewer::Everything, Terms::default());
    let sweep = sweep(pool, "seeds", &[seeded(3), seeded(i64::MAX as u64)], terms).await;
    let jobs = jobs::list(pool, viewer, JobFilter::default(), &Slice::newest(10)).await.expect("a page").items;
    let told: Vec<_> = jobs.iter().rev().map(|job| (job.seed, job.sweep_id)).collect();
    assert_eq!(told, [(Some(3), Some(sweep.id)), (Some(i64::MAX as u64), Some(sweep.id))]);

    claim(pool, LONG).await;
    let cancelled = sweeps::request_cancel(pool, sweep.id).await.expect("two that have not ended");
    let stand: Vec<_> = cancelled.runs.iter().map(|run| (run.state, run.cancel_requested)).collect();
    assert_eq!(stand, [(Running, true), (Cancelled, false)]);
}

#[tokio::test]
async fn who_may_read_a_run_of_a_sweep_reads_the_sweep_with_those_runs() {
    let db = database().await;
    let pool = &db.pool;
    let seeded = |seed| Experiment { seed, ..super::experiment("swept") };
    let sweep = sweep(pool, "seeds", &[seeded(1), seeded(2)], Terms::default()).await;
    let (stranger, newest) = (Viewer::Teams(vec![]), Slice::newest(9));
    let listed = async |viewer: &Viewer| sweeps::list(pool, viewer, None, &newest).await.expect("a page").items;
    assert_eq!(listed(&stranger).await, []);
    assert!(!access::of_sweep(pool, sweep.id.0).await.expect("an answer").expect("a sweep").public);

    let public = ChangeRun { public: Some(true), ..ChangeRun::default() };
    runs::change(pool, sweep.runs[1].id, &public, None).await.expect("a public run");
    assert!(access::of_sweep(pool, sweep.id.0).await.expect("an answer").expect("a sweep").public);
    let seen = sweeps::get(pool, &stranger, sweep.id).await.expect("the sweep");
    assert_eq!(seen.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [sweep.runs[1].id]);
    assert_eq!(listed(&stranger).await, [seen]);
    assert_eq!(listed(&Viewer::Teams(vec![TeamId::LOCAL.0])).await, [sweep]);
}

#[tokio::test]
async fn what_needs_a_deleted_model_or_dataset_is_not_tried_again() {
    let db = database().await;
    let pool = &db.pool;
    let set = dataset(pool, "set", 1).await;
    queue(pool, "run").await;
    let (info, score) = (info("run"), score(3, 6));
    let lease = claim(pool, LONG).await.lease;
    let checkpoint = results::succeed(pool, &lease, result(&info, &score, set.id)).await.expect("the lease is held");
    let wanted =
        EvaluationSpec { checkpoint_id: checkpoint, dataset_id: set.id, split: Split::Test, protocol: score.protocol };
    let job = evaluation_jobs::create(pool, "run", &wanted, Terms::default()).await.expect("a job").job.id;
    wishes::request_cancel(pool, job).await.expect("a queued job");
    wishes::retry(pool, job).await.expect("its model and its dataset are there");
    wishes::request_cancel(pool, job).await.expect("a queued job");
    checkpoints::delete(pool, checkpoint).await.expect("nothing needs it");
    let refused = wishes::retry(pool, job).await;
    assert!(matches!(&refused, Err(Error::Conflict { detail, .. }) if detail.starts_with("the model ")), "{refused:?}");
    assert_eq!(jobs::get(pool, job).await.expect("the job").state, Cancelled);
}

#[tokio::test]
async fn a_sweep_goes_with_its_last_run_also_when_two_are_deleted_at_once() {
    let db = database().await;
    let pool = &db.pool;
    for round in 0..8 {
        let seeded = |seed| Experiment { seed, ..super::experiment("swept") };
        let both = [seeded(2 * round), seeded(2 * round + 1)];
        let sweep = sweep(pool, "two", &both, Terms::default()).await;
        sweeps::request_cancel(pool, sweep.id).await.expect("two that have not ended");
        let [a, b] = [&sweep.runs[0], &sweep.runs[1]].map(|run| wishes::delete(pool, run.id.into()));
        let (a, b) = tokio::join!(a, b);
        a.and(b).expect("both go");
        let gone = sweeps::get(pool, &Viewer::Everything, sweep.id).await;
        assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
    }
}

#[tokio::test]
async fn an_evaluation_is_stored_once_and_with_the_end_of_its_job() {
    let db = database().await;
    let pool = &db.pool;
    let set = dataset(pool, "set", 1).await;
    queue(pool, "run").await;
    let (info, first) = (info("run"), score(3, 6));
    let stored = result(&info, &first, set.id);
    let checkpoint = results::succeed(pool, &claim(pool, LONG).await.lease, stored).await.expect("the lease is held");

    let (evaluation, environment) =
        (score(5, 6), environment::here(ForwardDtype::Float32, &hrm_model::device::Device::Cpu));
    let protocol = evaluation.protocol.clone();
    let wanted = EvaluationSpec { checkpoint_id: checkpoint, dataset_id: set.id, split: Split::Test, protocol };
    let queued = evaluation_jobs::create(pool, "run", &wanted, Terms::default()).await.expect("a job");
    assert_eq!((&queued.spec, &queued.evaluation, queued.job.state), (&wanted, &None, Queued));
    assert_eq!((queued.job.model_id, queued.job.seed), (Some(checkpoint), None));
    assert_eq!((queued.job.queue_position, queued.job.waits_for.is_some()), (Some(0), true));
    for deleted in [checkpoints::delete(pool, checkpoint).await, datasets::delete(pool, set.id).await] {
        assert!(matches!(&deleted, Err(Error::Conflict { detail, .. }) if detail.contains("cancel it")), "{deleted:?}");
    }
    let run = models::get(pool, &Viewer::Everything, checkpoint).await.expect("the model").run_id.expect("its run");
    let kept = runs::delete(pool, run).await;
    assert!(matches!(&kept, Err(Error::Conflict { detail, .. }) if detail.contains("cancel it")), "{kept:?}");
    let stale = claim(pool, LONG).await;
    assert!(matches!(&stale.work, Work::Evaluation(spec) if *spec == wanted), "{:?}", stale.work);
    expire(pool, &stale.lease).await;
    leases::sweep_expired(pool, Duration::ZERO).await.expect("a sweep");
    super::end_pauses(pool).await;
    let lease = claim(pool, LONG).await.lease;
    let measured = Measured { evaluation: evaluation.clone(), exact: vec![true; 3], votes: None };
    let late = evaluation_jobs::succeed(pool, &stale.lease, &wanted, &measured, &environment).await;
    assert!(matches!(late, Err(Error::StaleLease)), "{late:?}");
    let id = evaluation_jobs::succeed(pool, &lease, &wanted, &measured, &environment).await.expect("the lease is held");
    let done = evaluation_jobs::get(pool, queued.job.id).await.expect("the job");
    assert_eq!((done.job.state, done.job.evaluation_id), (Succeeded, Some(id)));
    assert_eq!((done.job.done, done.job.total), (6, Some(6)));
    assert_eq!(done.evaluation.as_ref(), Some(&evaluation));
    assert_eq!(
        evaluation_jobs::list(pool, &Viewer::Everything, JobFilter::default(), &Slice::newest(10))
            .await
            .expect("a page")
            .items,
        [done]
    );
    let board = evaluations::leaderboard(pool, &Viewer::Everything, set.id, None, 10).await.expect("a page").items;
    assert_eq!(board.iter().map(|row| row.evaluation_id).collect::<Vec<_>>(), [id], "the newest score counts");
    assert_eq!((board[0].environment.as_ref(), board[0].claimed), (Some(&environment), false));
}

#[tokio::test]
async fn a_generation_stores_its_dataset_with_the_end_of_its_job() {
    let db = database().await;
    let wanted = GenerationSpec { name: "made".into(), generate: spec(4) };
    let queued = generation_jobs::create(&db.pool, &wanted, Terms { owner: "ann", priority: 3, ..Terms::default() })
        .await
        .expect("a job");
    assert_eq!((queued.kind, queued.owner.as_str(), queued.priority), (JobKind::Generation, "ann", 3));
    assert_eq!(queued.queue_position, Some(0));
    let claim = claim(&db.pool, LONG).await;
    assert!(matches!(&claim.work, Work::Generation(spec) if *spec == wanted), "{:?}", claim.work);
    let puzzles = super::puzzles(4);
    let id =
        generation_jobs::succeed(&db.pool, &claim.lease, &wanted, &puzzles, None).await.expect("the lease is held");
    assert_eq!(datasets::get(&db.pool, id).await.expect("the dataset").name, "made");
    let filter = JobFilter { kind: Some(JobKind::Generation), state: Some(Succeeded), ..JobFilter::default() };
    let listed = jobs::list(&db.pool, &Viewer::Everything, filter, &Slice::newest(10)).await.expect("a page").items;
    assert_eq!(listed.iter().map(|job| (job.id, job.dataset_id)).collect::<Vec<_>>(), [(queued.id, Some(id))]);
}

#[tokio::test]
async fn a_model_and_a_dataset_stay_while_a_job_that_needs_them_is_being_queued() {
    let db = database().await;
    let pool = &db.pool;
    let protocol = score(0, 1).protocol;
    for round in 0..8 {
        let set = dataset(pool, &format!("set-{round}"), round).await.id;
        let file = round.to_le_bytes();
        let model = checkpoints::upload(pool, "raced", TeamId::LOCAL, &info("raced"), &file).await.expect("a model");
        let spec =
            EvaluationSpec { checkpoint_id: model, dataset_id: set, split: Split::Test, protocol: protocol.clone() };
        let queue = evaluation_jobs::create(pool, "raced", &spec, Terms::default());
        let (queued, deleted) = if round % 2 == 0 {
            tokio::join!(queue, checkpoints::delete(pool, model))
        } else {
            tokio::join!(queue, datasets::delete(pool, set))
        };
        assert!(queued.is_ok() != deleted.is_ok(), "round {round}: {queued:?}, {deleted:?}");
    }
}
