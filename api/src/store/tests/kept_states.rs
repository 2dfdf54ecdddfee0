//! States as a run's user keeps them.

use super::{KEEP, LONG, claim, queue};
use crate::store::{
    Error, kept_states,
    leases::{self, Lease},
    testing::{data_dir, database},
    train_states, wishes,
};
use hrm_types::{ids::RunId, train_state::TrainState};
use sqlx::PgPool;
use std::fs;
use uuid::Uuid;

async fn save(pool: &PgPool, lease: &Lease, step: u64) {
    let folder = data_dir();
    let file = folder.path().join("state");
    fs::write(&file, step.to_string()).expect("a file");
    train_states::save(pool, lease, step, &file, KEEP).await.expect("the lease is held");
}

async fn steps(pool: &PgPool, run: RunId) -> Vec<u64> {
    kept_states::list(pool, run, None, 100).await.expect("states").iter().map(|state| state.step).collect()
}

#[tokio::test]
async fn states_are_listed_pinned_and_let_go() {
    let db = database().await;
    let pool = &db.pool;
    let run = queue(pool, "run").await.id;
    assert_eq!(steps(pool, run).await, [0; 0]);
    let lease = claim(pool, LONG).await.lease;
    for step in [10, 20] {
        save(pool, &lease, step).await;
    }
    let pinned = kept_states::set_pinned(pool, run, 10, true).await.expect("the state");
    assert_eq!((pinned.step, pinned.pinned, pinned.attempt, pinned.size), (10, true, 1, 2));
    for step in [30, 40] {
        save(pool, &lease, step).await;
    }
    assert_eq!(steps(pool, run).await, [40, 30, 10], "the newest two and the pinned one");
    let before: Vec<TrainState> = kept_states::list(pool, run, Some(40), 1).await.expect("states");
    assert_eq!(before.iter().map(|state| (state.step, state.pinned)).collect::<Vec<_>>(), [(30, false)]);
    let freed = kept_states::set_pinned(pool, run, 10, false).await.expect("the state");
    assert!(!freed.pinned);
    save(pool, &lease, 50).await;
    assert_eq!(steps(pool, run).await, [50, 40]);

    let unknown = kept_states::set_pinned(pool, run, 11, true).await;
    assert!(matches!(unknown, Err(Error::NotFound { what: "state", .. })), "{unknown:?}");
    let nobody = kept_states::list(pool, RunId(Uuid::now_v7()), None, 1).await;
    assert!(matches!(nobody, Err(Error::NotFound { what: "run", .. })), "{nobody:?}");
    let beyond = kept_states::get(pool, run, u64::MAX).await;
    assert!(matches!(beyond, Err(Error::NotFound { .. })), "{beyond:?}");
}

#[tokio::test]
async fn a_state_that_is_needed_is_not_removed() {
    let db = database().await;
    let pool = &db.pool;
    let run = queue(pool, "run").await.id;
    let lease = claim(pool, LONG).await.lease;
    for step in [10, 20] {
        save(pool, &lease, step).await;
    }
    let refused = async |step: u64, why: &str| match kept_states::remove(pool, run, step).await {
        Err(Error::Conflict { detail, .. }) => assert!(detail.contains(why), "{detail}"),
        other => panic!("{other:?}"),
    };
    refused(10, "the run is running").await;
    leases::give_back(pool, &lease, "given back").await.expect("the lease is held");
    refused(20, "would go on from this state").await;
    kept_states::set_pinned(pool, run, 10, true).await.expect("the state");
    refused(10, "pinned").await;
    kept_states::set_pinned(pool, run, 10, false).await.expect("the state");
    kept_states::remove(pool, run, 10).await.expect("nothing needs it");
    assert_eq!(steps(pool, run).await, [20]);
    let files = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM chunks").fetch_one(pool).await;
    assert_eq!(files.expect("a count"), 1, "its file is gone with it");
    let gone = kept_states::remove(pool, run, 10).await;
    assert!(matches!(gone, Err(Error::NotFound { what: "state", .. })), "{gone:?}");
    wishes::request_cancel(pool, run.into()).await.expect("a queued run");
    refused(20, "would go on").await;
    sqlx::query("UPDATE train_states SET damaged = true").execute(pool).await.expect("an answer");
    kept_states::remove(pool, run, 20).await.expect("nothing goes on from a damaged one");
}

#[tokio::test]
async fn of_two_attempts_at_one_step_the_later_one_is_meant() {
    let db = database().await;
    let pool = &db.pool;
    let run = queue(pool, "run").await.id;
    for _ in 0..2 {
        let lease = claim(pool, LONG).await.lease;
        save(pool, &lease, 10).await;
        leases::give_back(pool, &lease, "given back").await.expect("the lease is held");
    }
    let listed = kept_states::list(pool, run, None, 100).await.expect("states");
    assert_eq!(listed.iter().map(|state| (state.step, state.attempt)).collect::<Vec<_>>(), [(10, 2)]);
    kept_states::set_pinned(pool, run, 10, true).await.expect("the state");
    let pinned = sqlx::query_scalar::<_, i64>("SELECT attempt FROM train_states WHERE pinned").fetch_all(pool).await;
    assert_eq!(pinned.expect("attempts"), [2]);
}
