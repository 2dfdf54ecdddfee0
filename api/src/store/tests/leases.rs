//! Claims, stale tokens, sweeps.

use super::{
    LONG, claim, dataset, end_pauses, experiment, expire, extend, info, point, queue, result, score, try_claim,
};
use crate::store::{
    Error, for_work,
    leases::{self, Ending, Work},
    logs, metrics, results, runs,
    testing::database,
    wishes,
};
use hrm_types::run::RunState;
use std::{collections::BTreeSet, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn eight_claimers_claim_every_run_once() {
    let db = database().await;
    for i in 0..40 {
        queue(&db.pool, &format!("run-{i}")).await;
    }
    let claimers: Vec<_> = (0..8)
        .map(|_| {
            let pool = db.pool.clone();
            tokio::spawn(async move {
                let mut claimed = Vec::new();
                while let Some(claim) = try_claim(&pool, LONG).await {
                    claimed.push(claim.lease.run_id());
                }
                claimed
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(claimer.await.expect("no panic"));
    }
    assert_eq!(claimed.len(), 40);
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 40, "some run was claimed twice");
}

#[tokio::test]
async fn runs_are_claimed_in_the_order_they_were_queued() {
    let db = database().await;
    let first = queue(&db.pool, "first").await;
    let second = queue(&db.pool, "second").await;
    assert_eq!((first.queue_position, second.queue_position), (Some(0), Some(1)));
    let claimed = claim(&db.pool, LONG).await;
    assert_eq!((claimed.lease.run_id(), claimed.lease.attempt), (first.id, 1));
    let Work::Training { experiment: wanted, .. } = claimed.work else { panic!("{:?}", claimed.work) };
    assert_eq!(*wanted, experiment("first"));
    let second = runs::get(&db.pool, second.id).await.expect("the run");
    assert_eq!(second.queue_position, Some(0));
    assert_eq!(runs::get(&db.pool, first.id).await.expect("the run").state, RunState::Running);
}

#[tokio::test]
async fn what_a_worker_that_stands_still_has_begun_to_write_keeps_its_job_from_nobody() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let workers = for_work(&db.pool, Duration::from_secs(1)).await.expect("a pool");
    let lease = claim(&db.pool, LONG).await.lease;
    expire(&db.pool, &lease).await;
    let mut begun = workers.begin().await.expect("a transaction");
    leases::hold(&mut begun, &lease).await.expect("the lease is held");
    let swept = async {
        loop {
            let swept = leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep");
            if let Some(swept) = swept.first() {
                return swept.state;
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(30), swept).await, Ok(RunState::Queued));
    let ended = leases::hold(&mut begun, &lease).await.expect_err("it may not go on writing");
    assert!(ended.is_transient(), "its worker tries again: {ended}");
    assert_eq!(runs::get(&db.pool, run.id).await.expect("the run").state, RunState::Queued);
}

#[tokio::test]
async fn a_stale_token_writes_nothing() {
    let db = database().await;
    let pool = &db.pool;
    let set = dataset(pool, "set", 1).await;
    let run = queue(pool, "run").await;
    let stale = claim(pool, LONG).await.lease;
    expire(pool, &stale).await;
    assert_eq!(leases::sweep_expired(pool, Duration::ZERO).await.expect("a sweep").len(), 1);
    end_pauses(pool).await;
    let fresh = claim(pool, LONG).await.lease;
    assert_eq!((fresh.run_id(), fresh.attempt), (run.id, 2));
    let before = runs::get(pool, run.id).await.expect("the run");

    let (info, evaluation) = (info("run"), score(3, 6));
    let stored = result(&info, &evaluation, set.id);
    let mut connection = pool.acquire().await.expect("a connection");
    let answers = [
        ("extend", extend(pool, &stale, LONG).await.err()),
        ("set_phase", leases::set_phase(pool, &stale, "training").await.err()),
        ("set_dataset", leases::set_dataset(pool, &stale, set.id).await.err()),
        ("set_plan", leases::set_plan(pool, &stale, 100, 200).await.err()),
        ("record_progress", leases::record_progress(pool, &stale, 7, &[point(7)]).await.err()),
        ("record_count", leases::record_count(pool, &stale, 7, 8).await.err()),
        ("note_checkpoint", leases::note_checkpoint(&mut connection, &stale, 7).await.err()),
        ("hold", leases::hold(&mut connection, &stale).await.err()),
        ("log", logs::append(pool, &stale, &[]).await.err()),
        ("die", leases::die(pool, &stale, "late").await.err()),
        ("give_back", leases::give_back(pool, &stale, "late").await.err()),
        ("succeed", results::succeed(pool, &stale, stored).await.err()),
        ("finish", leases::finish(&mut connection, &stale, Ending::Failed("late")).await.err()),
    ];
    for (name, error) in answers {
        assert!(matches!(error, Some(Error::StaleLease)), "{name}: {error:?}");
    }
    assert_eq!(runs::get(pool, run.id).await.expect("the run"), before);
    assert_eq!(metrics::list(pool, run.id, 1, None, 10).await.expect("metrics"), []);
    let stored = sqlx::query_scalar::<_, i64>(
        "SELECT (SELECT count(*) FROM checkpoints) + (SELECT count(*) FROM artifacts)
              + (SELECT count(*) FROM artifact_chunks) + (SELECT count(*) FROM evaluations)",
    );
    assert_eq!(stored.fetch_one(pool).await.expect("a count"), 0);
    leases::record_progress(pool, &fresh, 1, &[point(1)]).await.expect("the fresh lease writes");
}

#[tokio::test]
async fn a_run_whose_worker_dies_is_queued_again_and_fails_at_the_third_death() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    for attempt in 1..=3 {
        end_pauses(&db.pool).await;
        let lease = claim(&db.pool, LONG).await.lease;
        assert_eq!(lease.attempt, attempt);
        assert_eq!(
            leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep"),
            [],
            "a living lease is left alone"
        );
        expire(&db.pool, &lease).await;
        let swept = leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep");
        let expected = if attempt < 3 { RunState::Queued } else { RunState::Failed };
        assert_eq!(
            swept.iter().map(|swept| (swept.job_id, swept.state)).collect::<Vec<_>>(),
            [(run.id.into(), expected)]
        );
        let run = runs::get(&db.pool, run.id).await.expect("the run");
        assert_eq!((run.state, run.worker_id, run.phase, run.deaths), (expected, None, None, attempt));
        assert_eq!(run.reason, Some(swept[0].reason.clone()));
    }
    let run = runs::get(&db.pool, run.id).await.expect("the run");
    assert_eq!(run.reason.as_deref(), Some("its worker died 3 times without a new checkpoint between"));
    assert!(run.finished_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_death_is_counted_once_however_many_sweep() {
    let db = database().await;
    queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    expire(&db.pool, &lease).await;
    let sweeps: Vec<_> = (0..8)
        .map(|_| {
            let pool = db.pool.clone();
            tokio::spawn(async move { leases::sweep_expired(&pool, Duration::ZERO).await.expect("a sweep").len() })
        })
        .collect();
    let mut swept = 0;
    for sweep in sweeps {
        swept += sweep.await.expect("no panic");
    }
    assert_eq!(swept, 1);
}

#[tokio::test]
async fn runs_given_back_do_not_count_as_deaths() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    for _ in 0..5 {
        let lease = claim(&db.pool, LONG).await.lease;
        leases::record_progress(&db.pool, &lease, 4, &[point(2), point(4)]).await.expect("progress");
        leases::give_back(&db.pool, &lease, "its worker was stopped").await.expect("the lease is held");
        let run = runs::get(&db.pool, run.id).await.expect("the run");
        assert_eq!((run.state, run.reason.as_deref()), (RunState::Queued, Some("its worker was stopped")));
    }
    let lease = claim(&db.pool, LONG).await.lease;
    expire(&db.pool, &lease).await;
    let swept = leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep");
    assert_eq!(swept[0].state, RunState::Queued);
}

#[tokio::test]
async fn a_run_asked_to_stop_is_cancelled_even_if_its_worker_dies_or_gives_it_back() {
    let db = database().await;
    for dies in [true, false] {
        let run = queue(&db.pool, "run").await;
        let lease = claim(&db.pool, LONG).await.lease;
        wishes::request_cancel(&db.pool, run.id.into()).await.expect("a running run");
        if dies {
            expire(&db.pool, &lease).await;
            leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep");
        } else {
            leases::give_back(&db.pool, &lease, "its worker was stopped").await.expect("the lease is held");
        }
        assert_eq!(runs::get(&db.pool, run.id).await.expect("the run").state, RunState::Cancelled, "dies: {dies}");
    }
}

#[tokio::test]
async fn a_death_pauses_the_run_and_a_checkpoint_makes_deaths_count_anew() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    for round in 1..=4 {
        end_pauses(&db.pool).await;
        let lease = claim(&db.pool, LONG).await.lease;
        leases::record_progress(&db.pool, &lease, 10 * round, &[]).await.expect("the lease is held");
        let mut tx = db.pool.begin().await.expect("a transaction");
        leases::note_checkpoint(&mut tx, &lease, 10 * round).await.expect("the lease is held");
        tx.commit().await.expect("a commit");
        leases::record_progress(&db.pool, &lease, 10 * round + 5, &[]).await.expect("the lease is held");
        expire(&db.pool, &lease).await;
        assert_eq!(leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep")[0].state, RunState::Queued);
        let run = runs::get(&db.pool, run.id).await.expect("the run");
        // What the checkpoint does not hold will be done again.
        assert_eq!((run.deaths, run.step), (1, 10 * round));
        assert!(try_claim(&db.pool, LONG).await.is_none(), "it rests before another attempt");
    }
}

#[tokio::test]
async fn a_worker_that_says_that_it_dies_is_counted_at_once() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    let told = leases::die(&db.pool, &lease, "its worker's device failed").await.expect("the lease is held");
    assert_eq!(told.state, RunState::Queued);
    let run = runs::get(&db.pool, run.id).await.expect("the run");
    assert_eq!(run.reason.as_deref(), Some("queued again: its worker's device failed in attempt 1"));
    assert_eq!(run.deaths, 1);
}

#[tokio::test]
async fn a_database_that_has_just_started_takes_no_job_from_anybody() {
    let db = database().await;
    queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    expire(&db.pool, &lease).await;
    // Longer than any test's database has run.
    assert_eq!(leases::sweep_expired(&db.pool, Duration::from_hours(24)).await.expect("a sweep"), []);
    extend(&db.pool, &lease, LONG).await.expect("its worker has come back");
    assert_eq!(leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep"), []);
}
