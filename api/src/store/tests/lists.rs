//! Lists: every order that they declare, page by page, also while rows change.

use super::{LONG, claim, dataset, experiment, info, queue, result, score};
use crate::store::{
    PgPool,
    access::Viewer,
    credentials, datasets,
    datasets::DatasetFilter,
    evaluation_jobs, invitations,
    jobs::{self, JobFilter, Terms},
    models::{self, ModelFilter},
    results,
    runs::{self, RunFilter},
    slices::{CREATED, Slice},
    sweeps, teams,
    testing::database,
    users::{self, UserFilter},
    wishes,
};
use hrm_types::{
    Page,
    account::Role,
    ids::{RunId, TeamId},
    run::ChangeRun,
};

const EVERYTHING: Viewer = Viewer::Everything;

async fn queue_for(pool: &PgPool, name: &str, owner: &str, priority: i16) -> RunId {
    let terms = Terms { owner, priority, ..Terms::default() };
    runs::create(pool, &EVERYTHING, &experiment(name), terms).await.expect("a run").id
}

/// The names of all pages of two rows each.
async fn walked(pool: &PgPool, by: &'static str, descending: bool) -> Vec<String> {
    let (mut names, mut slice) = (Vec::new(), Slice::ordered(by, descending, 2));
    loop {
        let page = runs::list(pool, &EVERYTHING, RunFilter::default(), &slice).await.expect("a page");
        names.extend(page.items.into_iter().map(|run| run.name));
        match page.next_cursor {
            Some(next) => slice = slice.behind(&next).expect("a cursor of this order"),
            None => return names,
        }
    }
}

#[tokio::test]
async fn runs_stand_in_every_order_that_is_declared() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    for (name, exact) in [("Zoe", 2), ("amy", 5)] {
        queue(&db.pool, name).await;
        let (info, evaluation) = (info(name), score(exact, 6));
        let lease = claim(&db.pool, LONG).await.lease;
        let stored = results::RunResult { bytes: name.as_bytes(), ..result(&info, &evaluation, set.id) };
        results::succeed(&db.pool, &lease, stored).await.expect("the lease is held");
    }
    for (name, owner, priority) in [("mia", "cid", -7), ("~", "ann", 100), ("mia", "bob", 0)] {
        queue_for(&db.pool, name, owner, priority).await;
    }
    for (by, expected) in [
        (CREATED, ["Zoe", "amy", "mia", "~", "mia"]),
        ("name", ["amy", "mia", "mia", "Zoe", "~"]),
        ("owner", ["~", "mia", "mia", "Zoe", "amy"]),
        ("state", ["mia", "~", "mia", "Zoe", "amy"]),
        ("priority", ["mia", "Zoe", "amy", "mia", "~"]),
        ("finished", ["mia", "~", "mia", "Zoe", "amy"]),
        ("exact_accuracy", ["mia", "~", "mia", "Zoe", "amy"]),
    ] {
        assert!(by == CREATED || runs::ORDERS.contains(&by));
        let rising = walked(&db.pool, by, false).await;
        assert_eq!(rising, expected, "{by}");
        let falling: Vec<String> = rising.into_iter().rev().collect();
        assert_eq!(walked(&db.pool, by, true).await, falling, "-{by}");
    }
    let filter = RunFilter { name: Some("MI"), ..RunFilter::default() };
    let found = runs::list(&db.pool, &EVERYTHING, filter, &Slice::newest(9)).await.expect("a page").items;
    assert_eq!(found.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["mia", "mia"]);
}

#[tokio::test]
async fn a_page_begins_where_the_one_before_ended_whatever_became_of_its_rows() {
    let db = database().await;
    let mut ids = Vec::new();
    for name in ["b", "d", "f", "h"] {
        ids.push(queue_for(&db.pool, name, "ann", 0).await);
    }
    let slice = Slice::ordered("name", false, 2);
    let first = runs::list(&db.pool, &EVERYTHING, RunFilter::default(), &slice).await.expect("a page");
    assert_eq!(first.items.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["b", "d"]);
    // The last row of the page goes behind everything, another is deleted, and two come, one before and one behind the place.
    let away = ChangeRun { name: Some("z".into()), ..ChangeRun::default() };
    runs::change(&db.pool, ids[1], &away, None).await.expect("the run");
    wishes::request_cancel(&db.pool, ids[0].into()).await.expect("a queued run");
    runs::delete(&db.pool, ids[0]).await.expect("one that has ended");
    queue_for(&db.pool, "c", "ann", 0).await;
    queue_for(&db.pool, "e", "ann", 0).await;
    let next = slice.behind(&first.next_cursor.expect("more")).expect("a cursor");
    let second = runs::list(&db.pool, &EVERYTHING, RunFilter::default(), &next).await.expect("a page");
    assert_eq!(second.items.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["e", "f"]);
    let last = next.behind(&second.next_cursor.expect("more")).expect("a cursor");
    let third = runs::list(&db.pool, &EVERYTHING, RunFilter::default(), &last).await.expect("a page");
    assert_eq!(
        third.items.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(),
        ["h", "z"],
        "once, where it is now"
    );
}

#[tokio::test]
async fn every_list_takes_every_order_that_it_declares() {
    fn ends<T>(page: &Page<T>) -> usize {
        assert_eq!(page.next_cursor, None);
        page.items.len()
    }
    let db = database().await;
    let pool = &db.pool;
    let user = users::add(pool, "ann", Role::Admin, TeamId::LOCAL, "hash").await.expect("a user");
    let set = dataset(pool, "set", 1).await;
    super::models::trained(pool, "model").await;
    let lists: [&[&'static str]; 10] = [
        &jobs::ORDERS,
        &evaluation_jobs::ORDERS,
        &datasets::ORDERS,
        &models::ORDERS,
        &sweeps::ORDERS,
        &users::ORDERS,
        &teams::ORDERS,
        &credentials::TOKEN_ORDERS,
        &invitations::ORDERS,
        &teams::MEMBER_ORDERS,
    ];
    for (list, orders) in lists.into_iter().enumerate() {
        for (by, descending) in orders.iter().chain([&CREATED]).flat_map(|&by| [(by, false), (by, true)]) {
            let slice = Slice::ordered(by, descending, 9);
            let found = match list {
                0 => ends(&jobs::list(pool, &EVERYTHING, JobFilter::default(), &slice).await.expect("jobs")),
                1 => ends(&evaluation_jobs::list(pool, &EVERYTHING, JobFilter::default(), &slice).await.expect("jobs")),
                2 => {
                    ends(&datasets::list(pool, &EVERYTHING, DatasetFilter::default(), &slice).await.expect("datasets"))
                }
                3 => ends(&models::list(pool, &EVERYTHING, ModelFilter::default(), &slice).await.expect("models")),
                4 => ends(&sweeps::list(pool, &EVERYTHING, None, &slice).await.expect("sweeps")),
                5 => ends(&users::list(pool, UserFilter::default(), &slice).await.expect("users")),
                6 => ends(&teams::list(pool, &EVERYTHING, &slice).await.expect("teams")),
                7 => ends(&credentials::list_tokens(pool, user, &slice).await.expect("tokens")),
                8 => ends(&invitations::list(pool, &slice).await.expect("invitations")),
                _ => ends(&teams::members(pool, TeamId::LOCAL, &slice).await.expect("members")),
            };
            assert_eq!(found, [1, 0, 1, 1, 0, 1, 1, 0, 0, 1][list], "list {list} by {by}");
        }
    }
    let of_side = |side| DatasetFilter { side: Some(side), name: Some("SE"), ..DatasetFilter::default() };
    for (side, count) in [(set.side, 1), (9, 0)] {
        let found = datasets::list(pool, &EVERYTHING, of_side(side), &Slice::newest(9)).await.expect("a page");
        assert_eq!(found.items.len(), count, "{side}");
    }
}
