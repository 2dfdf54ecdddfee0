//! Stop signals and heartbeats.

use super::{Heartbeat, Stop, StopSignal};
use crate::{
    config::WorkerConfig,
    store::{leases, runs, testing::database, tests::experiment},
};
use hrm_types::ids::WorkerId;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

const CONFIG: WorkerConfig = WorkerConfig { lease_seconds: 1 };
const DEADLINE: Duration = Duration::from_secs(20);

async fn raised(stop: &StopSignal) -> Stop {
    timeout(DEADLINE, stop.wait()).await.expect("a reason to stop, in time")
}

#[tokio::test]
async fn the_first_reason_stays_but_a_lost_lease_overrides_it() {
    let stop = StopSignal::default();
    assert!(stop.flow().is_continue());
    stop.raise(Stop::Cancelled);
    stop.raise(Stop::ShuttingDown);
    assert_eq!((stop.raised(), stop.flow().is_break()), (Some(Stop::Cancelled), true));
    stop.raise(Stop::LeaseLost);
    stop.raise(Stop::Cancelled);
    assert_eq!(raised(&stop).await, Stop::LeaseLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_keeps_the_lease_and_hears_of_a_cancellation() {
    let db = database().await;
    let run = runs::create(&db.pool, &experiment("run")).await.expect("a run");
    let claim = leases::claim_next_run(&db.pool, WorkerId(Uuid::new_v4()), CONFIG.lease()).await;
    let lease = claim.expect("an answer").expect("a run").lease;
    let stop = StopSignal::default();
    let _heartbeat = Heartbeat::start(db.pool.clone(), lease, CONFIG, stop.clone());
    // For three times the lease's length nothing may be swept.
    let mut sweeps = tokio::time::interval(CONFIG.heartbeat());
    for _ in 0..18 {
        sweeps.tick().await;
        assert_eq!(leases::sweep_expired(&db.pool).await.expect("a sweep"), []);
    }
    assert_eq!(stop.raised(), None);
    runs::request_cancel(&db.pool, run.id).await.expect("a running run");
    assert_eq!(raised(&stop).await, Stop::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_notices_that_the_run_was_taken() {
    let db = database().await;
    runs::create(&db.pool, &experiment("run")).await.expect("a run");
    let claim = leases::claim_next_run(&db.pool, WorkerId(Uuid::new_v4()), CONFIG.lease()).await;
    let lease = claim.expect("an answer").expect("a run").lease;
    let stop = StopSignal::default();
    let _heartbeat = Heartbeat::start(db.pool.clone(), lease, CONFIG, stop.clone());
    leases::give_back(&db.pool, &lease, "taken away").await.expect("the lease is held");
    assert_eq!(raised(&stop).await, Stop::LeaseLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_lease_is_lost_when_it_runs_out() {
    let db = database().await;
    runs::create(&db.pool, &experiment("run")).await.expect("a run");
    let claim = leases::claim_next_run(&db.pool, WorkerId(Uuid::new_v4()), CONFIG.lease()).await;
    let lease = claim.expect("an answer").expect("a run").lease;
    db.pool.close().await;
    let stop = StopSignal::default();
    let _heartbeat = Heartbeat::start(db.pool.clone(), lease, CONFIG, stop.clone());
    assert_eq!(raised(&stop).await, Stop::LeaseLost);
}
