//! Who is at work.

use super::{LONG, experiment};
use crate::store::{leases, runs, testing::database, workers};
use hrm_types::ids::WorkerId;
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn workers_are_listed_with_the_run_they_hold_until_they_end() {
    let db = database().await;
    let id = WorkerId(Uuid::new_v4());
    workers::register(&db.pool, id, "host", 42, "cpu").await.expect("a worker");
    let run = runs::create(&db.pool, &experiment("run")).await.expect("a run");
    let list = async |within| workers::list(&db.pool, within).await.expect("the list");
    assert_eq!(list(LONG).await[0].run_id, None);
    leases::claim_next_run(&db.pool, id, LONG).await.expect("an answer").expect("a run");
    let listed = list(LONG).await;
    assert_eq!((listed.len(), listed[0].run_id, listed[0].pid), (1, Some(run.id), 42));
    let before = listed[0].last_seen;
    workers::seen(&db.pool, id).await.expect("an answer");
    assert!(list(LONG).await[0].last_seen > before);
    assert_eq!(list(Duration::ZERO).await, [], "silent for longer than asked for");
    workers::remove(&db.pool, id).await.expect("an answer");
    assert_eq!(list(LONG).await, []);
}
