//! The order of the queue: priorities, turns, caps, devices, places, preemption.

use super::{LONG, claim, experiment, point, try_claim};
use crate::store::access::Viewer;
use crate::store::{
    PgPool, jobs,
    jobs::Terms,
    leases::{self, Claimer, Ending, Wish},
    order, runs, teams,
    testing::database,
    wishes,
    workers::{self, NewWorker},
};
use hrm_types::{
    ids::{JobId, WorkerId},
    run::RunState,
    worker::Device,
};
use sqlx::postgres::PgPoolOptions;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

async fn queue(pool: &PgPool, name: &str, owner: &str, priority: i16) -> JobId {
    let run = runs::create(pool, &Viewer::Everything, &experiment(name), Terms { owner, priority, ..Terms::default() })
        .await
        .expect("a run");
    run.id.into()
}

/// A live worker on that device.
async fn worker(pool: &PgPool, id: &str) -> WorkerId {
    capped_worker(pool, id, None).await
}

async fn capped_worker(pool: &PgPool, id: &str, owner_cap: Option<u32>) -> WorkerId {
    let worker = WorkerId(Uuid::new_v4());
    let device = Device { id: id.into(), name: "cpu".into(), threads: Some(1), memory_bytes: 1 };
    let new = NewWorker { id: worker, host: "host".into(), pid: 1, device, devices: vec![], owner_cap };
    workers::register(pool, &new).await.expect("a worker");
    worker
}

async fn names_in_order(pool: &PgPool) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(claim) = try_claim(pool, LONG).await {
        names.push(claim.name);
    }
    names
}

#[tokio::test]
async fn priority_goes_first_and_owners_take_turns_within_it() {
    let db = database().await;
    for (name, owner, priority) in [
        ("a1", "ann", 0),
        ("a2", "ann", 0),
        ("a3", "ann", 0),
        ("b1", "bob", 0),
        ("b2", "bob", 0),
        ("c1", "cid", -5),
        ("a9", "ann", 9),
    ] {
        queue(&db.pool, name, owner, priority).await;
    }
    // Ann was served last when bob's turn comes, although hers are older.
    assert_eq!(names_in_order(&db.pool).await, ["a9", "b1", "a1", "b2", "a2", "a3", "c1"]);
}

#[tokio::test]
async fn places_tell_the_order_of_claims() {
    let db = database().await;
    let mut ids = Vec::new();
    for (name, owner, priority) in
        [("a1", "ann", 0), ("a2", "ann", 0), ("a3", "ann", 0), ("b1", "bob", 0), ("b2", "bob", 0), ("c1", "cid", 4)]
    {
        ids.push(queue(&db.pool, name, owner, priority).await);
    }
    let places = order::places(&db.pool, &ids).await.expect("places");
    let mut told: Vec<(u32, JobId)> = places.iter().map(|(&id, place)| (place.ahead, id)).collect();
    told.sort();
    let mut claimed = Vec::new();
    while let Some(claim) = try_claim(&db.pool, LONG).await {
        claimed.push(claim.lease.job_id);
    }
    assert_eq!(told.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), claimed);
}

#[tokio::test]
async fn no_owner_runs_more_than_the_cap() {
    let db = database().await;
    for (name, owner) in [("a1", "ann"), ("a2", "ann"), ("a3", "ann"), ("b1", "bob")] {
        queue(&db.pool, name, owner, 0).await;
    }
    let claimers: Vec<_> = (0..8)
        .map(|i| {
            let pool = db.pool.clone();
            tokio::spawn(async move {
                let device = format!("device-{i}");
                let worker = WorkerId(Uuid::new_v4());
                let claimer = Claimer { worker, device: &device, lease: LONG, owner_cap: Some(2) };
                leases::claim_next_job(&pool, claimer).await.expect("an answer").map(|claim| claim.name)
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(claimer.await.expect("no panic"));
    }
    claimed.sort();
    assert_eq!(claimed, ["a1", "a2", "b1"]);
}

#[tokio::test]
async fn a_device_holds_one_job_at_a_time() {
    let db = database().await;
    queue(&db.pool, "first", "ann", 0).await;
    queue(&db.pool, "second", "ann", 0).await;
    let on = async |device| {
        let claimer = Claimer { worker: WorkerId(Uuid::new_v4()), device, lease: LONG, owner_cap: None };
        leases::claim_next_job(&db.pool, claimer).await.expect("an answer")
    };
    let first = on("GPU-1").await.expect("a job").lease;
    assert!(on("GPU-1").await.is_none());
    leases::give_back(&db.pool, &first, "done with it").await.expect("the lease is held");
    assert!(on("GPU-1").await.is_some());
    assert!(on("GPU-2").await.is_some());
}

#[tokio::test]
async fn two_workers_of_one_device_do_not_both_get_a_job() {
    let db = database().await;
    for i in 0..20 {
        queue(&db.pool, &format!("run-{i}"), "ann", 0).await;
    }
    let claimers: Vec<_> = (0..10)
        .map(|_| {
            let pool = db.pool.clone();
            tokio::spawn(async move {
                let worker = WorkerId(Uuid::new_v4());
                let claimer = Claimer { worker, device: "GPU-1", lease: LONG, owner_cap: None };
                leases::claim_next_job(&pool, claimer).await.expect("an answer").is_some()
            })
        })
        .collect();
    let mut claimed = 0;
    for claimer in claimers {
        claimed += u32::from(claimer.await.expect("no panic"));
    }
    assert_eq!(claimed, 1);
}

#[tokio::test]
async fn the_start_is_estimated_from_what_is_left_of_the_running_runs() {
    let db = database().await;
    let pool = &db.pool;
    let id = worker(pool, "one").await;
    queue(pool, "running", "ann", 0).await;
    let waiting = queue(pool, "waiting", "ann", 0).await;
    let later = queue(pool, "later", "ann", 0).await;
    let starts = async |job: JobId| order::places(pool, &[job]).await.expect("places")[&job].starts_in;
    let claimer = Claimer { worker: id, device: "one", lease: LONG, owner_cap: None };
    let lease = leases::claim_next_job(pool, claimer).await.expect("an answer").expect("a job").lease;
    assert_eq!(starts(waiting).await, None, "nothing is known yet");
    leases::set_phase(pool, &lease, runs::TRAINING).await.expect("the lease is held");
    leases::set_plan(pool, &lease, 100, 1).await.expect("the lease is held");
    leases::record_progress(pool, &lease, 4, &[point(4)]).await.expect("the lease is held");
    // 4 steps took 2 seconds; 96 are left.
    assert_eq!(starts(waiting).await, Some(48.0));
    assert_eq!(starts(later).await, None, "how long the one before it takes is not known");
    worker(pool, "two").await;
    assert_eq!((starts(waiting).await, starts(later).await), (Some(0.0), Some(48.0)));
}

#[tokio::test]
async fn a_queued_job_is_told_what_it_waits_for() {
    let db = database().await;
    let pool = &db.pool;
    let first = queue(pool, "first", "ann", 0).await;
    let second = queue(pool, "second", "ann", 0).await;
    let waits = async |job: JobId| order::places(pool, &[job]).await.expect("places")[&job].waits_for.clone();
    assert_eq!(waits(first).await, "a worker: none is at work");
    let id = capped_worker(pool, "one", Some(1)).await;
    assert_eq!(waits(first).await, "a worker that is free to look");
    assert_eq!(waits(second).await, "jobs of its owner before it to end: no more than 1 may run at once");
    let lease = take(pool, id, "one", Some(1)).await.expect("a job").lease;
    assert_eq!(waits(second).await, "one of its owner's 1 running jobs to end: no more than 1 may run at once");
    worker(pool, "two").await;
    assert_eq!(waits(second).await, "a worker that is free to look", "the second one has no cap");
    leases::die(pool, &lease, "its worker died").await.expect("the lease is held");
    assert_eq!(waits(first).await, "the end of a pause of 2 s more, because its worker died");
    let run = runs::get(pool, first.0.into()).await.expect("the run");
    assert_eq!(run.reason.as_deref(), Some("queued again: its worker died in attempt 1"));
    assert_eq!(run.waits_for, Some(waits(first).await));
}

#[tokio::test]
async fn a_strictly_higher_priority_makes_the_lowest_running_job_give_way() {
    let db = database().await;
    let pool = &db.pool;
    let (one, two) = (worker(pool, "one").await, worker(pool, "two").await);
    queue(pool, "low", "ann", -1).await;
    queue(pool, "middle", "ann", 0).await;
    let mut leases_by_name = std::collections::BTreeMap::new();
    for (worker, device) in [(one, "one"), (two, "two")] {
        let claimer = Claimer { worker, device, lease: LONG, owner_cap: None };
        let claim = leases::claim_next_job(pool, claimer).await.expect("an answer").expect("a job");
        leases_by_name.insert(claim.name, claim.lease);
    }
    let (low, middle) = (leases_by_name["low"], leases_by_name["middle"]);
    let preempt = async || order::preempt(pool).await.expect("an answer");
    assert_eq!(preempt().await, None, "nobody waits");
    let equal = queue(pool, "equal", "bob", -1).await;
    assert_eq!(preempt().await, None, "an equal priority waits");
    wishes::request_cancel(pool, equal).await.expect("a queued job");
    let high = queue(pool, "high", "bob", 5).await;
    let third = worker(pool, "three").await;
    assert_eq!(preempt().await, None, "a worker is free");
    workers::remove(pool, third).await.expect("an answer");
    assert_eq!(preempt().await, Some(low.job_id));
    assert_eq!(preempt().await, None, "one makes room already");
    assert_eq!(super::extend(pool, &low, LONG).await.expect("held"), Some(Wish::MakeRoom));
    assert_eq!(super::extend(pool, &middle, LONG).await.expect("held"), None);
    leases::give_back(pool, &low, "unused").await.expect("the lease is held");
    let job = jobs::get(pool, low.job_id).await.expect("the job");
    assert_eq!(job.reason.as_deref(), Some("preempted by high of bob (priority 5)"));
    assert_eq!(claim(pool, LONG).await.lease.job_id, high);
}

/// The job that a worker with that cap takes on its device.
async fn take(pool: &PgPool, worker: WorkerId, device: &str, owner_cap: Option<u32>) -> Option<leases::Claim> {
    let claimer = Claimer { worker, device, lease: LONG, owner_cap };
    leases::claim_next_job(pool, claimer).await.expect("an answer")
}

#[tokio::test]
async fn nobody_makes_room_for_a_job_that_the_worker_left_behind_may_not_take() {
    let db = database().await;
    let pool = &db.pool;
    let (one, two) = (capped_worker(pool, "one", Some(1)).await, capped_worker(pool, "two", Some(1)).await);
    queue(pool, "important", "ann", 9).await;
    let low = queue(pool, "low", "bob", -1).await;
    take(pool, one, "one", Some(1)).await.expect("ann's");
    let bobs = take(pool, two, "two", Some(1)).await.expect("bob's").lease;
    assert_eq!(bobs.job_id, low);
    // Ann runs as many as she may: if Bob's made room, its worker would take it again.
    queue(pool, "waiting", "ann", 5).await;
    assert_eq!(order::preempt(pool).await.expect("an answer"), None);
    // Somebody else's is not held back by hers, although it is less important.
    let cids = queue(pool, "cids", "cid", 0).await;
    assert_eq!(order::preempt(pool).await.expect("an answer"), Some(low));
    leases::give_back(pool, &bobs, "unused").await.expect("the lease is held");
    assert_eq!(take(pool, two, "two", Some(1)).await.expect("a job").lease.job_id, cids);
    assert_eq!(order::preempt(pool).await.expect("an answer"), None);
}

#[tokio::test]
async fn an_owner_at_his_cap_moves_his_own_less_important_job() {
    let db = database().await;
    let pool = &db.pool;
    let (one, two) = (capped_worker(pool, "one", Some(1)).await, capped_worker(pool, "two", Some(1)).await);
    let low = queue(pool, "low", "ann", 1).await;
    let anns = take(pool, one, "one", Some(1)).await.expect("ann's").lease;
    queue(pool, "lowest", "bob", -1).await;
    take(pool, two, "two", Some(1)).await.expect("bob's");
    let urgent = queue(pool, "urgent", "ann", 5).await;
    assert_eq!(order::preempt(pool).await.expect("an answer"), Some(low), "not Bob's, although it is the lowest");
    leases::give_back(pool, &anns, "unused").await.expect("the lease is held");
    assert_eq!(take(pool, one, "one", Some(1)).await.expect("a job").lease.job_id, urgent);
    assert_eq!(order::preempt(pool).await.expect("an answer"), None, "and stays");

    // A free worker that may not take it is of no use, one that may is.
    queue(pool, "more urgent", "ann", 7).await;
    let free = capped_worker(pool, "three", Some(2)).await;
    assert_eq!(order::preempt(pool).await.expect("an answer"), None);
    workers::remove(pool, free).await.expect("an answer");
    capped_worker(pool, "three", Some(1)).await;
    assert_eq!(order::preempt(pool).await.expect("an answer"), Some(urgent));
    let run = runs::get(pool, urgent.0.into()).await.expect("the run");
    assert_eq!(run.reason.as_deref(), Some("makes room for more urgent of ann (priority 7)"));
}

#[tokio::test]
async fn a_job_does_not_tell_the_name_of_another_teams_that_it_makes_room_for() {
    let db = database().await;
    let pool = &db.pool;
    let one = worker(pool, "one").await;
    let low = queue(pool, "low", "ann", 0).await;
    take(pool, one, "one", None).await.expect("ann's");
    let secret = teams::create(pool, "secret").await.expect("a team").id;
    let terms = Terms { owner: "bob", priority: 5, team: secret };
    runs::create(pool, &Viewer::Everything, &experiment("hidden"), terms).await.expect("a run");
    assert_eq!(order::preempt(pool).await.expect("an answer"), Some(low));
    let reason = jobs::get(pool, low).await.expect("the job").reason;
    assert_eq!(reason.as_deref(), Some("makes room for another team's job (priority 5)"));
}

#[tokio::test]
async fn a_job_that_this_program_cannot_read_does_not_hold_the_others_up() {
    let db = database().await;
    let pool = &db.pool;
    let (newer, next) = (queue(pool, "newer", "ann", 1).await, queue(pool, "next", "ann", 0).await);
    sqlx::query("UPDATE runs SET experiment = jsonb_set(experiment, '{arch,invented_later}', '1') WHERE id = $1")
        .bind(newer.0)
        .execute(pool)
        .await
        .expect("a change");
    assert!(try_claim(pool, LONG).await.is_none());
    assert_eq!(claim(pool, LONG).await.lease.job_id, next);
    let job = jobs::get(pool, newer).await.expect("the job");
    assert_eq!((job.state, job.worker_id), (RunState::Queued, None));
    assert_eq!((job.attempt, job.started_at), (0, None), "nobody was served");
    assert!(job.reason.as_ref().is_some_and(|reason| reason.contains("invented_later")), "{job:?}");
}

#[tokio::test]
async fn jobs_that_a_cap_holds_back_are_before_none_but_their_owners() {
    let db = database().await;
    let pool = &db.pool;
    let one = capped_worker(pool, "one", Some(2)).await;
    let mut ids = Vec::new();
    for (name, owner, priority) in [("a1", "ann", 9), ("a2", "ann", 5), ("a3", "ann", 5), ("a4", "ann", 5)] {
        ids.push(queue(pool, name, owner, priority).await);
    }
    ids.push(queue(pool, "b1", "bob", 0).await);
    let ahead = async || -> Vec<Option<u32>> {
        let places = order::places(pool, &ids).await.expect("places");
        ids.iter().map(|id| places.get(id).map(|place| place.ahead)).collect()
    };
    assert_eq!(ahead().await, [Some(0), Some(1), Some(2), Some(3), Some(2)], "of Ann's two are taken before Bob's");
    take(pool, one, "one", Some(2)).await.expect("ann's");
    assert_eq!(ahead().await, [None, Some(0), Some(1), Some(2), Some(1)]);
    let two = capped_worker(pool, "two", Some(2)).await;
    take(pool, two, "two", Some(2)).await.expect("ann's");
    assert_eq!(ahead().await, [None, None, Some(0), Some(1), Some(0)], "none of hers is");
    worker(pool, "three").await;
    assert_eq!(ahead().await, [None, None, Some(0), Some(1), Some(2)], "one worker takes all");
}

/// Times of what one claimer did, ascending once sorted.
async fn claim_and_finish(pool: PgPool, device: String, left: Arc<AtomicI64>) -> Vec<(JobId, Duration)> {
    let mut claims = Vec::new();
    while left.fetch_sub(1, Ordering::Relaxed) > 0 {
        let worker = WorkerId(Uuid::new_v4());
        let claimer = Claimer { worker, device: &device, lease: LONG, owner_cap: None };
        let begun = Instant::now();
        let claim = leases::claim_next_job(&pool, claimer).await.expect("an answer");
        let took = begun.elapsed();
        // All the heads may be in other claimers' hands for a moment.
        let Some(claim) = claim else {
            left.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        claims.push((claim.lease.job_id, took));
        let mut connection = pool.acquire().await.expect("a connection");
        leases::finish(&mut connection, &claim.lease, Ending::Succeeded(None)).await.expect("the lease is held");
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement that takes a minute; run it with --ignored --nocapture"]
async fn sixteen_claimers_take_ten_thousand_jobs_of_a_hundred_thousand_once_each() {
    const CLAIMERS: u32 = 16;
    const CLAIMS: i64 = 10_000;
    let db = database().await;
    // A queue that has just grown: nobody has analysed it, so that the planner takes it for a short one.
    let unseen = "ALTER TABLE jobs SET (autovacuum_enabled = off)";
    sqlx::query(unseen).execute(&db.pool).await.expect("a setting");
    sqlx::query(
        r#"INSERT INTO jobs (id, kind, name, owner, priority, spec)
         SELECT gen_random_uuid(), 'generation', 'trivial', 'owner-' || i % 10, (i % 3)::smallint,
                '{"name": "trivial",
                  "generate": {"side": 4, "train": 1, "test": 1, "givens": [6, 6], "seed": 0}}'
         FROM generate_series(1, 110000) AS i"#,
    )
    .execute(&db.pool)
    .await
    .expect("jobs");
    let options = (*db.pool.connect_options()).clone();
    let pool = PgPoolOptions::new().max_connections(CLAIMERS).connect_with(options).await.expect("a pool");
    let (left, begun) = (Arc::new(AtomicI64::new(CLAIMS)), Instant::now());
    let claimers = (0..CLAIMERS).map(|i| tokio::spawn(claim_and_finish(pool.clone(), format!("{i}"), left.clone())));
    let mut claims = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        claims.extend(claimer.await.expect("no panic"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let ids: BTreeSet<JobId> = claims.iter().map(|(id, _)| *id).collect();
    assert_eq!((ids.len(), claims.len()), (10_000, 10_000), "some job was claimed twice");
    let mut times: Vec<Duration> = claims.into_iter().map(|(_, took)| took).collect();
    times.sort();
    let [median, p99, longest] = [5_000, 9_900, 9_999].map(|i| times[i]);
    eprintln!("10,000 claims in {seconds:.1} s: median {median:?}, p99 {p99:?}, longest {longest:?}");
    assert!(p99 < Duration::from_millis(20), "{p99:?}");
}
