//! What runs and scores rest on.

use super::{KEEP, LONG, claim, dataset, expire, info, point, queue, result, score};
use crate::{
    environment,
    store::{
        Error, leases, metrics,
        provenance::{self, Usage},
        results,
        testing::database,
        train_states,
    },
};
use hrm_model::CheckpointInfo;
use hrm_types::{
    experiment::ForwardDtype,
    provenance::{Choice, Environment},
    run::{MetricPoint, Validation},
};
use std::time::Duration;

fn elsewhere() -> Environment {
    Environment {
        host: "elsewhere".into(),
        ..environment::here(ForwardDtype::Float32, &hrm_model::device::Device::Cpu)
    }
}

#[tokio::test]
async fn every_attempt_of_a_run_is_known_with_its_machine_and_what_it_cost() {
    let db = database().await;
    let pool = &db.pool;
    let set = dataset(pool, "set", 1).await;
    let run = queue(pool, "run").await;
    let early = provenance::of_run(pool, run.id).await.expect("the run");
    assert_eq!((early.attempts.len(), early.wall_seconds, early.checkpoint, early.seed), (0, None, None, 1));
    assert_eq!(early.config_hash, run.config_hash);

    let dead = claim(pool, LONG).await.lease;
    train_states::begin_attempt(pool, &dead, 0).await.expect("the lease is held");
    provenance::note_environment(pool, &dead, &elsewhere()).await.expect("the lease is held");
    let usage = |active_seconds, peak_memory_bytes| Usage { active_seconds, peak_memory_bytes };
    provenance::note_usage(pool, &dead, usage(3.0, Some(200))).await.expect("the lease is held");
    expire(pool, &dead).await;
    leases::sweep_expired(pool, Duration::ZERO).await.expect("a sweep");
    super::end_pauses(pool).await;
    for late in [
        provenance::note_environment(pool, &dead, &elsewhere()).await,
        provenance::note_usage(pool, &dead, usage(9.0, None)).await,
    ] {
        assert!(matches!(late, Err(Error::StaleLease)), "{late:?}");
    }

    let lease = claim(pool, LONG).await.lease;
    let here = environment::here(ForwardDtype::Float32, &hrm_model::device::Device::Cpu);
    train_states::begin_attempt(pool, &lease, 4).await.expect("the lease is held");
    provenance::note_environment(pool, &lease, &here).await.expect("the lease is held");
    provenance::note_usage(pool, &lease, usage(1.0, Some(100))).await.expect("the lease is held");
    provenance::note_usage(pool, &lease, usage(2.0, None)).await.expect("the lease is held");
    leases::set_dataset(pool, &lease, set.id).await.expect("the lease is held");
    let choice = Some(Choice::BestOnValidation { exact: 3, n: 9, candidates: 5 });
    let info = CheckpointInfo { choice: choice.clone(), environment: Some(here.clone()), ..info("run") };
    let evaluation = score(5, 6);
    let stored = result(&info, &evaluation, set.id);
    let checkpoint = results::succeed(pool, &lease, stored).await.expect("the lease is held");

    let whole = provenance::of_run(pool, run.id).await.expect("the run");
    let attempts: Vec<_> = whole.attempts.iter().map(|a| (a.attempt, a.from_step, a.environment.clone())).collect();
    assert_eq!(attempts, [(1, 0, Some(elsewhere())), (2, 4, Some(here.clone()))]);
    assert_eq!((whole.active_seconds, whole.peak_memory_bytes), (Some(5.0), Some(200)));
    assert!(whole.wall_seconds.is_some_and(|seconds| seconds > 0.0));
    let kept = whole.checkpoint.expect("a checkpoint");
    assert_eq!((kept.id, kept.size, &kept.choice), (checkpoint, 7, &choice));
    let dataset = whole.dataset.expect("a dataset");
    assert_eq!((dataset.id, dataset.content_hash, dataset.test_hash), (Some(set.id), set.content_hash, set.test_hash));
    let [score] = whole.scores.as_slice() else { panic!("{:?}", whole.scores) };
    assert_eq!((&score.checkpoint_sha256, &score.choice, score.claimed), (&kept.sha256, &choice, false));
    assert_eq!((score.environment.as_ref(), &score.evaluation), (Some(&here), &evaluation));
}

#[tokio::test]
async fn a_state_knows_the_validation_of_its_very_step() {
    let db = database().await;
    queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    train_states::begin_attempt(&db.pool, &lease, 0).await.expect("the lease is held");
    let seen = |exact| Some(Validation { n: 8, exact, accuracy: 0.5 });
    let points =
        [MetricPoint { validation: seen(4), ..point(10) }, point(15), MetricPoint { validation: seen(2), ..point(20) }];
    leases::record_progress(&db.pool, &lease, 20, &points).await.expect("the lease is held");
    let curve: Vec<_> = metrics::list(&db.pool, lease.run_id(), 1, None, 9).await.expect("a curve");
    assert_eq!(curve.iter().map(|point| point.validation).collect::<Vec<_>>(), [seen(4), None, seen(2)]);

    let folder = crate::store::testing::data_dir();
    let keep = crate::config::RetentionConfig { keep_best: true, keep_last: 1, ..KEEP };
    for step in [10, 15, 20] {
        let file = folder.path().join("state");
        std::fs::write(&file, step.to_string()).expect("a file");
        train_states::save(&db.pool, &lease, step, &file, keep).await.expect("the lease is held");
    }
    let kept = sqlx::query_as::<_, (i64, Option<f64>)>("SELECT step, validation_exact FROM train_states ORDER BY step");
    let kept = kept.fetch_all(&db.pool).await.expect("the states");
    assert_eq!(kept, [(10, Some(0.5)), (20, Some(0.25))], "the newest, and the best on validation");
}
