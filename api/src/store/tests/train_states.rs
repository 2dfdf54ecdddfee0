//! Training states, and the curve of a run that goes on from them.

use super::{KEEP, LONG, claim, dataset, expire, info, point, queue, score};
use crate::{
    config::RetentionConfig,
    store::{
        Error, curves, jobs,
        leases::{self, Lease},
        metrics,
        results::{self, RunResult},
        runs,
        testing::{TestDatabase, data_dir, database},
        train_states::{self, StoredState},
    },
};
use hrm_types::{
    comparison::{Quantity, X},
    ids::RunId,
    run::MetricPoint,
};
use sqlx::PgPool;
use std::{fs, time::Duration};

async fn saved(pool: &PgPool, lease: &Lease, step: u64, content: &[u8]) -> StoredState {
    let folder = data_dir();
    let file = folder.path().join("state");
    fs::write(&file, content).expect("a file");
    train_states::save(pool, lease, step, &file, KEEP).await.expect("the lease is held")
}

async fn fetched(pool: &PgPool, state: &StoredState) -> Result<Vec<u8>, Error> {
    let folder = data_dir();
    let file = folder.path().join("state");
    train_states::fetch(pool, state, &file).await?;
    Ok(fs::read(&file).expect("the file"))
}

/// A claimed run.
async fn begun(db: &TestDatabase) -> (RunId, Lease) {
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    train_states::begin_attempt(&db.pool, &lease, 0).await.expect("the lease is held");
    (run.id, lease)
}

#[tokio::test]
async fn the_newest_state_that_is_not_damaged_is_used() {
    let db = database().await;
    let (run, lease) = begun(&db).await;
    assert_eq!(train_states::newest(&db.pool, run).await.expect("an answer"), None);
    let first = saved(&db.pool, &lease, 10, &vec![1; 3_000_000]).await;
    let second = saved(&db.pool, &lease, 20, &vec![2; 3_000_000]).await;
    assert_eq!((second.step, second.size), (20, 3_000_000));
    assert_eq!(train_states::newest(&db.pool, run).await.expect("an answer").as_ref(), Some(&second));
    assert_eq!(fetched(&db.pool, &second).await.expect("its bytes"), vec![2; 3_000_000]);

    let damage = "UPDATE chunks SET bytes = set_byte(bytes, 77, 3) WHERE size = 1 << 20 AND get_byte(bytes, 0) = 2";
    let damaged = sqlx::query(damage).execute(&db.pool).await.expect("an answer").rows_affected();
    assert_eq!(damaged, 1, "the test damages a chunk");
    assert!(matches!(fetched(&db.pool, &second).await, Err(Error::Corrupt { .. })));
    train_states::mark_damaged(&db.pool, &second).await.expect("an answer");
    assert_eq!(train_states::newest(&db.pool, run).await.expect("an answer"), Some(first));
}

#[tokio::test]
async fn the_newest_two_states_and_pinned_ones_are_kept() {
    let db = database().await;
    let (_, lease) = begun(&db).await;
    for step in 1..=5u8 {
        let state = saved(&db.pool, &lease, step.into(), &[step]).await;
        if step == 2 {
            let pin = sqlx::query("UPDATE train_states SET pinned = true WHERE id = $1").bind(state.id);
            pin.execute(&db.pool).await.expect("an answer");
        }
    }
    let kept = sqlx::query_scalar::<_, i64>("SELECT step FROM train_states ORDER BY step").fetch_all(&db.pool).await;
    assert_eq!(kept.expect("steps"), [2, 4, 5]);
    let files = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM chunks").fetch_one(&db.pool).await;
    assert_eq!(files.expect("a count"), 3, "their files alone are kept");
}

#[tokio::test]
async fn the_best_in_training_and_one_of_every_so_many_steps_are_kept_when_asked_for_also_after_the_run() {
    let db = database().await;
    let (run, lease) = begun(&db).await;
    let keep = RetentionConfig { keep_last: 1, keep_best: true, keep_every_steps: Some(20) };
    let folder = data_dir();
    let file = folder.path().join("state");
    for (step, exact) in [(10, 0.1), (20, 0.2), (30, 0.9), (40, 0.3), (50, 0.4), (60, 0.5), (70, 0.6)] {
        let measured = MetricPoint { exact_accuracy: Some(exact), ..point(step - 1) };
        leases::record_progress(&db.pool, &lease, step, &[measured]).await.expect("the lease is held");
        fs::write(&file, [step as u8]).expect("a file");
        train_states::save(&db.pool, &lease, step, &file, keep).await.expect("the lease is held");
    }
    let steps = async || -> Vec<i64> {
        let ask = sqlx::query_scalar("SELECT step FROM train_states WHERE run_id = $1 ORDER BY step").bind(run.0);
        ask.fetch_all(&db.pool).await.expect("steps")
    };
    assert_eq!(steps().await, [20, 30, 40, 60, 70]);
    let (info, evaluation) = (info("run"), score(5, 6));
    let dataset = dataset(&db.pool, "set", 1).await.id;
    let result =
        RunResult { name: "run", info: &info, bytes: b"weights", dataset, evaluation: &evaluation, exact: &[], keep };
    results::succeed(&db.pool, &lease, result).await.expect("the lease is held");
    assert_eq!(steps().await, [20, 30, 40, 60]);
}

#[tokio::test]
async fn a_worker_without_the_lease_saves_nothing() {
    let db = database().await;
    let (run, stale) = begun(&db).await;
    expire(&db.pool, &stale).await;
    leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep");
    let folder = data_dir();
    let file = folder.path().join("state");
    fs::write(&file, [1]).expect("a file");
    let refused = train_states::save(&db.pool, &stale, 10, &file, KEEP).await;
    assert!(matches!(refused, Err(Error::StaleLease)), "{refused:?}");
    assert!(matches!(train_states::begin_attempt(&db.pool, &stale, 0).await, Err(Error::StaleLease)));
    assert_eq!(train_states::newest(&db.pool, run).await.expect("an answer"), None);
    let left = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM chunks").fetch_one(&db.pool).await;
    assert_eq!(left.expect("a count"), 0, "nothing of its file is left");
    assert_eq!(runs::get(&db.pool, run).await.expect("the run").step, 0);
}

#[tokio::test]
async fn a_resumed_run_shows_one_curve() {
    let db = database().await;
    let (run, lease) = begun(&db).await;
    let steps = async |attempt| -> Vec<u64> {
        let points = metrics::list(&db.pool, run, attempt, None, 100).await.expect("points");
        points.iter().map(|point| point.step).collect()
    };
    let compared = async || -> Vec<u64> {
        let run = runs::get(&db.pool, run).await.expect("the run");
        let points = curves::in_stretches(&db.pool, &run, X::Step, Quantity::Loss, 100).await.expect("a curve");
        points.iter().map(|point| point.x as u64).collect()
    };
    let first = [10, 20, 30, 40].map(point);
    leases::record_progress(&db.pool, &lease, 40, &first).await.expect("the lease is held");
    saved(&db.pool, &lease, 25, b"state").await;
    leases::give_back(&db.pool, &lease, "given back").await.expect("the lease is held");
    assert_eq!(runs::get(&db.pool, run).await.expect("the run").step, 25, "what is saved is what is done");

    let lease = claim(&db.pool, LONG).await.lease;
    assert_eq!(steps(2).await, [10, 20, 30, 40]);
    train_states::begin_attempt(&db.pool, &lease, 25).await.expect("the lease is held");
    assert_eq!(steps(2).await, [10, 20, 30, 40], "it may end before it measures anything");
    assert_eq!(compared().await, [10, 20, 30, 40]);
    let last = runs::get(&db.pool, run).await.expect("the run").last_metrics;
    assert_eq!(last.map(|point| point.step), Some(40));
    assert_eq!(metrics::newest_attempt(&db.pool, run, 1, 2).await.expect("an answer"), (1, None));
    leases::record_progress(&db.pool, &lease, 30, &[point(30)]).await.expect("the lease is held");
    assert_eq!(steps(2).await, [10, 20, 30], "what was measured beyond the step it went on from is superseded");
    assert_eq!(compared().await, [10, 20, 30]);
    assert_eq!(metrics::newest_attempt(&db.pool, run, 1, 2).await.expect("an answer"), (2, Some(25)));
    leases::record_progress(&db.pool, &lease, 40, &[point(40)]).await.expect("the lease is held");
    assert_eq!((steps(1).await, steps(2).await), (vec![10, 20, 30, 40], vec![10, 20, 30, 40]));
    let after = metrics::list(&db.pool, run, 2, Some(20), 1).await.expect("points");
    assert_eq!(after.iter().map(|point| point.step).collect::<Vec<_>>(), [30]);
    assert!(after[0].wall_seconds.is_some_and(|seconds| seconds >= 0.0));
    let mut parts = Vec::new();
    for part in metrics::parts(&db.pool, run, 2).await.expect("parts") {
        let measured = metrics::measured(&db.pool, part, Some(10), 9, true).await.expect("what was measured");
        parts.push(measured.iter().map(|point| point.step).collect::<Vec<_>>());
    }
    assert_eq!(parts, [vec![20], vec![30, 40]], "what each attempt has left");
    let picked = metrics::at_steps(&db.pool, run, 2, &[20, 35, 40]).await.expect("points");
    assert_eq!(picked.iter().map(|point| point.step).collect::<Vec<_>>(), [20, 40]);
    assert_eq!(metrics::last_step(&db.pool, run, 1).await.expect("an answer"), Some(40));
    let newest = jobs::get(&db.pool, run.into()).await.expect("the job");
    assert_eq!(
        (newest.attempt, runs::get(&db.pool, run).await.expect("the run").last_metrics.map(|p| p.step)),
        (2, Some(40))
    );
}
