//! Who is at work.

use super::{LONG, queue};
use crate::store::{
    access::Viewer,
    leases::{self, Claimer},
    testing::database,
    workers::{self, NewWorker},
};
use hrm_types::{ids::WorkerId, worker::Device};
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn workers_are_listed_with_the_job_they_hold_until_they_end() {
    let db = database().await;
    let id = WorkerId(Uuid::new_v4());
    let device = |id: &str| Device { id: id.into(), name: "cpu".into(), threads: Some(2), memory_bytes: 1 << 40 };
    let devices = [device("host/cpu"), device("GPU-1")];
    let new = NewWorker {
        id,
        host: "host".into(),
        pid: 42,
        device: devices[0].clone(),
        devices: devices.to_vec(),
        owner_cap: None,
    };
    workers::register(&db.pool, &new).await.expect("a worker");
    let run = queue(&db.pool, "run").await;
    let list = async |within| workers::list(&db.pool, &Viewer::Everything, within).await.expect("the list");
    assert_eq!((list(LONG).await[0].run_id, list(LONG).await[0].busy), (None, false));
    let claimer = Claimer { worker: id, device: "host/cpu", lease: LONG, owner_cap: None };
    let lease = leases::claim_next_job(&db.pool, claimer).await.expect("an answer").expect("a run").lease;
    let listed = list(LONG).await;
    assert_eq!((listed.len(), listed[0].run_id, listed[0].pid), (1, Some(run.id), 42));
    assert_eq!((listed[0].job_id, &listed[0].devices[..]), (Some(lease.job_id), &devices[..]));
    let stranger = Viewer::Teams(vec![]);
    let told = workers::list(&db.pool, &stranger, LONG).await.expect("the list");
    assert_eq!((told[0].busy, told[0].job_id, told[0].run_id), (true, None, None), "another team's job");
    let mut before = listed[0].last_seen;
    workers::register(&db.pool, &new).await.expect("an answer");
    assert!(list(LONG).await[0].last_seen > before);
    before = list(LONG).await[0].last_seen;
    super::extend(&db.pool, &lease, LONG).await.expect("the lease is held");
    assert!(list(LONG).await[0].last_seen > before, "a heartbeat says that the worker is alive");
    assert_eq!(list(Duration::ZERO).await, [], "silent for longer than asked for");
    workers::remove(&db.pool, id).await.expect("an answer");
    assert_eq!(list(LONG).await, []);
    workers::register(&db.pool, &new).await.expect("an answer");
    assert_eq!(list(LONG).await.len(), 1, "whose row was dropped while its machine slept");
}
