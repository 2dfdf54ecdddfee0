//! Watching the queue: no change is missed, whatever order transactions end in.

use super::queue;
use crate::store::{
    access::Viewer,
    jobs::{self, Place},
    testing::database,
    wishes,
};
use hrm_types::{ids::JobId, run::RunState};
use uuid::Uuid;

const BEGINNING: Place = Place { transaction: -1, job: JobId(Uuid::nil()) };

#[tokio::test]
async fn a_change_is_told_once_nothing_can_come_before_it() {
    let db = database().await;
    let pool = &db.pool;
    let (first, second) = (queue(pool, "first").await.id.into(), queue(pool, "second").await.id.into());
    let told = async |after: Place, since: i64| -> Vec<(Place, JobId, RunState)> {
        let changes = jobs::changes(pool, &Viewer::Everything, after, since, 100).await.expect("changes");
        changes.into_iter().map(|(place, job)| (place, job.id, job.state)).collect()
    };
    // What is told waits for every transaction that is going on in the cluster, those of other tests, too.
    let once = async |after: Place, since: i64, count: usize| loop {
        let changes = told(after, since).await;
        if changes.len() >= count {
            return changes;
        }
        tokio::task::yield_now().await;
    };
    let names = |told: &[(Place, JobId, RunState)]| told.iter().map(|(_, id, _)| *id).collect::<Vec<_>>();
    let begun = once(BEGINNING, 0, 2).await;
    assert_eq!(names(&begun), [first, second]);
    let read = begun[1].0;
    assert_eq!(told(read, 0).await, []);

    // A transaction that changes the first job goes on while another changes the second and ends.
    let mut slow = pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE jobs SET priority = 1 WHERE id = $1")
        .bind(first.0)
        .execute(&mut *slow)
        .await
        .expect("a change");
    wishes::request_cancel(pool, second).await.expect("a change");
    assert_eq!(told(read, 0).await, [], "who read the second now would never read the first");
    slow.commit().await.expect("the commit");
    let after = once(read, 0, 2).await;
    assert_eq!(names(&after), [first, second]);
    assert_eq!((after[0].2, after[1].2), (RunState::Queued, RunState::Cancelled));
    assert_eq!(names(&told(after[0].0, 0).await), [second], "a place is enough to go on");
    // Who begins now is told what has not ended.
    let horizon = jobs::horizon(pool).await.expect("a number");
    assert_eq!(names(&told(BEGINNING, horizon).await), [first]);
    let seen = jobs::changes(pool, &Viewer::Teams(vec![]), BEGINNING, 0, 100).await.expect("changes");
    assert!(seen.is_empty(), "{seen:?}");
    let limited = jobs::changes(pool, &Viewer::Everything, BEGINNING, 0, 1).await.expect("changes");
    assert_eq!(limited.len(), 1);
}
