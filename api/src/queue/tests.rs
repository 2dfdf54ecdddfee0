//! Stop signals and heartbeats.

use super::{Heartbeat, Stop, StopSignal};
use crate::{
    config::WorkerConfig,
    store::{
        PgPool,
        bell::{self, Bell},
        leases::{self, Lease},
        testing::database,
        tests::{claim, queue},
        wishes,
    },
};
use sqlx::postgres::PgConnectOptions;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const CONFIG: WorkerConfig = WorkerConfig { lease_seconds: 1, ..WorkerConfig::DEFAULT };
const DEADLINE: Duration = Duration::from_secs(20);

fn start(pool: &PgPool, lease: Lease, config: WorkerConfig, stop: &StopSignal, bell: &Bell) -> Heartbeat {
    Heartbeat::start(pool, lease, config, stop.clone(), bell).expect("a thread")
}

async fn raised(stop: &StopSignal) -> Stop {
    timeout(DEADLINE, stop.wait()).await.expect("a reason to stop, in time")
}

#[tokio::test]
async fn the_first_reason_stays_but_a_graver_one_overrides_it() {
    let stop = StopSignal::default();
    assert!(stop.flow().is_continue());
    stop.raise(Stop::Paused);
    stop.raise(Stop::Preempted);
    assert_eq!((stop.raised(), stop.flow().is_break()), (Some(Stop::Paused), true));
    // What ends the work for good need not be saved.
    stop.raise(Stop::Cancelled);
    stop.raise(Stop::ShuttingDown);
    assert_eq!(stop.raised(), Some(Stop::Cancelled));
    stop.raise(Stop::LeaseLost);
    stop.raise(Stop::Cancelled);
    assert_eq!(raised(&stop).await, Stop::LeaseLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_keeps_the_lease_and_hears_of_a_cancellation() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, CONFIG.lease()).await.lease;
    let stop = StopSignal::default();
    let _heartbeat = start(&db.pool, lease, CONFIG, &stop, &Bell::new(0));
    // For three times the lease's length nothing may be swept.
    let mut sweeps = tokio::time::interval(CONFIG.heartbeat());
    for _ in 0..18 {
        sweeps.tick().await;
        assert_eq!(leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep"), []);
    }
    assert_eq!(stop.raised(), None);
    wishes::request_cancel(&db.pool, run.id.into()).await.expect("a running run");
    assert_eq!(raised(&stop).await, Stop::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_notices_that_the_run_was_taken() {
    let db = database().await;
    queue(&db.pool, "run").await;
    let lease = claim(&db.pool, CONFIG.lease()).await.lease;
    let stop = StopSignal::default();
    let _heartbeat = start(&db.pool, lease, CONFIG, &stop, &Bell::new(0));
    leases::give_back(&db.pool, &lease, "taken away").await.expect("the lease is held");
    assert_eq!(raised(&stop).await, Stop::LeaseLost);
}

/// Options with which nobody can be reached.
fn nowhere() -> PgConnectOptions {
    PgConnectOptions::new().host("127.0.0.1").port(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_work_goes_on_until_it_is_to_end() {
    let db = database().await;
    queue(&db.pool, "run").await;
    let lease = claim(&db.pool, CONFIG.lease()).await.lease;
    db.pool.set_connect_options(nowhere());
    let stop = StopSignal::default();
    let _heartbeat = start(&db.pool, lease, CONFIG, &stop, &Bell::new(0));
    let begun = Instant::now();
    while begun.elapsed() < 2 * CONFIG.lease() {
        tokio::task::yield_now().await;
    }
    assert_eq!(stop.raised(), None, "the lease may still be ours");
    stop.raise(Stop::ShuttingDown);
    assert_eq!(timeout(DEADLINE, stop.wait_for(|stop| !stop.saves())).await, Ok(Stop::LeaseLost));
}

#[tokio::test]
async fn a_starved_runtime_does_not_lose_the_lease() {
    let db = database().await;
    queue(&db.pool, "run").await;
    let lease = claim(&db.pool, CONFIG.lease()).await.lease;
    let stop = StopSignal::default();
    let _heartbeat = start(&db.pool, lease, CONFIG, &stop, &Bell::new(0));
    // This runtime has one thread, and nothing else gets a turn on it for three times the lease's length.
    let begun = Instant::now();
    while begun.elapsed() < 3 * CONFIG.lease() {
        std::hint::spin_loop();
    }
    assert_eq!(leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep"), []);
    assert_eq!(stop.raised(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_rings_and_is_heard_long_before_the_next_heartbeat() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let config = WorkerConfig { lease_seconds: 3_600, ..CONFIG };
    let lease = claim(&db.pool, config.lease()).await.lease;
    let (stop, bell) = (StopSignal::default(), Bell::new(0));
    let listening = tokio::spawn(bell::listen(db.pool.clone(), bell.clone()));
    let _heartbeat = start(&db.pool, lease, config, &stop, &bell);
    let mut hints = bell.subscribe();
    // Until it listens, queueing something is how it is found out.
    while hints.has_changed().is_ok_and(|changed| !changed) {
        queue(&db.pool, "hint").await;
    }
    hints.mark_unchanged();
    wishes::request_pause(&db.pool, run.id.into()).await.expect("a running run");
    assert_eq!(raised(&stop).await, Stop::Paused);
    listening.abort();
}
