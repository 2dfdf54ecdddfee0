//! Lines: jobs that are moved among their owner's, and what that leaves as it is.

use super::{LONG, claim, experiment, queue, try_claim};
use crate::store::{
    Error, PgPool,
    access::Viewer,
    jobs::{self, Terms},
    leases, lines, order, runs,
    testing::database,
};
use hrm_types::{
    ids::JobId,
    job::Spot::{self, After, Back, Before, Front},
};

async fn queue_for(pool: &PgPool, name: &str, owner: &str, priority: i16) -> JobId {
    let terms = Terms { owner, priority, ..Terms::default() };
    runs::create(pool, &Viewer::Everything, &experiment(name), terms).await.expect("a run").id.into()
}

/// Everything in the order in which it is claimed, after what `order::places` says has been compared with that.
async fn taken(pool: &PgPool, ids: &[JobId]) -> String {
    let places = order::places(pool, ids).await.expect("places");
    let mut told: Vec<(u32, JobId)> = places.into_iter().map(|(id, place)| (place.ahead, id)).collect();
    told.sort();
    let (mut names, mut claimed) = (String::new(), Vec::new());
    while let Some(claim) = try_claim(pool, LONG).await {
        names.push_str(&claim.name);
        claimed.push(claim.lease.job_id);
    }
    assert_eq!(told.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), claimed);
    names
}

#[tokio::test]
async fn a_job_is_moved_anywhere_in_its_line() {
    for (moves, expected) in [
        (&[(4, Front, None)][..], "eabcd"),
        (&[(0, Back, None)], "bcdea"),
        (&[(0, Front, None)], "abcde"),
        (&[(3, Before, Some(1))], "adbce"),
        (&[(1, After, Some(3))], "acdbe"),
        (&[(1, Before, Some(4))], "acdbe"),
        (&[(4, After, Some(0))], "aebcd"),
        (&[(4, Front, None), (3, Front, None), (2, Before, Some(4))], "dceab"),
        (&[(0, After, Some(1)), (1, After, Some(0))], "abcde"),
    ] {
        let db = database().await;
        let mut ids = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            ids.push(queue_for(&db.pool, name, "ann", 0).await);
        }
        for &(id, spot, other) in moves {
            let other: Option<usize> = other;
            lines::move_job(&db.pool, ids[id], spot, other.map(|at| ids[at])).await.expect("a queued job");
        }
        // What is queued afterwards comes last.
        ids.push(queue_for(&db.pool, "f", "ann", 0).await);
        assert_eq!(taken(&db.pool, &ids).await, format!("{expected}f"), "{moves:?}");
    }
}

#[tokio::test]
async fn other_owners_keep_their_turns() {
    let db = database().await;
    let mut ids = Vec::new();
    for (name, owner) in [("a", "ann"), ("b", "ann"), ("c", "ann"), ("x", "bob"), ("y", "bob")] {
        ids.push(queue_for(&db.pool, name, owner, 0).await);
    }
    lines::move_job(&db.pool, ids[2], Front, None).await.expect("a queued job");
    lines::move_job(&db.pool, ids[4], Front, None).await.expect("a queued job");
    // Bob's first was queued before Ann's third, and neither has been served; from then on they alternate.
    assert_eq!(taken(&db.pool, &ids).await, "cyaxb");
}

#[tokio::test]
async fn only_what_is_queued_moves_and_only_beside_its_like() {
    let db = database().await;
    let pool = &db.pool;
    let running = queue(pool, "running").await.id.into();
    let lease = claim(pool, LONG).await.lease;
    let (mine, his) = (queue_for(pool, "mine", "ann", 0).await, queue_for(pool, "his", "bob", 0).await);
    let urgent = queue_for(pool, "urgent", "ann", 5).await;
    let refused = async |id, spot: Spot, other: Option<JobId>| {
        lines::move_job(pool, id, spot, other).await.expect_err("a refusal").to_string()
    };
    for (id, spot, other, why) in [
        (running, Front, None, "a job that is queued"),
        (mine, Before, Some(running), "is not queued but running"),
        (mine, Before, Some(his), "owners take turns"),
        (mine, After, Some(urgent), "change the priority"),
        (mine, After, Some(mine), "beside itself"),
    ] {
        let error = refused(id, spot, other).await;
        assert!(error.contains(why), "{error}");
    }
    let gone = lines::move_job(pool, JobId(uuid::Uuid::now_v7()), Front, None).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
    // A job that is given back stands where it stood.
    leases::give_back(pool, &lease, "given back").await.expect("the lease is held");
    lines::move_job(pool, mine, Front, None).await.expect("a queued job");
    assert_eq!(
        jobs::get(pool, mine).await.expect("the job").reason.as_deref(),
        Some("moved to the front of its owner's line")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_moved_and_claimed_at_once_are_each_claimed_once() {
    let db = database().await;
    let mut ids = Vec::new();
    for i in 0..30 {
        ids.push(queue_for(&db.pool, &i.to_string(), "ann", 0).await);
    }
    let movers: Vec<_> = (0..4)
        .map(|mover: usize| {
            let (pool, ids) = (db.pool.clone(), ids.clone());
            tokio::spawn(async move {
                for i in 0..30 {
                    let spot = if (i + mover).is_multiple_of(2) { Front } else { Back };
                    match lines::move_job(&pool, ids[(i * 7 + mover) % 30], spot, None).await {
                        Ok(()) | Err(Error::WrongState { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    let mut claimed = Vec::new();
    while claimed.len() < 30 {
        claimed.extend(try_claim(&db.pool, LONG).await.map(|claim| claim.lease.job_id));
    }
    for mover in movers {
        mover.await.expect("no panic");
    }
    claimed.sort();
    ids.sort();
    assert_eq!(claimed, ids);
}
