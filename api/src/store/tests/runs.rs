//! Runs as everybody sees them.

use super::{LONG, claim, dataset, experiment, extend, info, point, puzzles, queue, result, score, spec};
use crate::store::access::Viewer;
use crate::store::{
    Error, datasets,
    datasets::NewDataset,
    jobs::{self, Terms},
    leases, metrics, results,
    runs::{self, RunFilter},
    slices::Slice,
    testing::database,
    train_states, wishes,
};
use hrm_model::data;
use hrm_types::{
    experiment::DataSpec,
    ids::TeamId,
    run::{BestMetrics, MetricPoint, RunState, Validation},
};

#[tokio::test]
async fn progress_is_seen_with_metrics_and_an_estimate() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    train_states::begin_attempt(&db.pool, &lease, 0).await.expect("the lease is held");
    leases::set_phase(&db.pool, &lease, runs::TRAINING).await.expect("the lease is held");
    leases::set_plan(&db.pool, &lease, 100, 1234).await.expect("the lease is held");
    let points = [point(1), point(2), point(4)];
    leases::record_progress(&db.pool, &lease, 4, &points).await.expect("the lease is held");
    let run = runs::get(&db.pool, run.id).await.expect("the run");
    assert_eq!((run.step, run.total_steps, run.parameters), (4, Some(100), Some(1234)));
    assert_eq!(run.last_metrics.map(|last| MetricPoint { wall_seconds: None, ..last }), Some(point(4)));
    // 4 steps took 2 seconds; 96 are left.
    assert_eq!(run.eta_seconds, Some(48.0));
    train_states::begin_attempt(&db.pool, &lease, 0).await.expect("the lease is held");
    let stored = async |after, limit| -> Vec<MetricPoint> {
        let stored = metrics::list(&db.pool, run.id, 1, after, limit).await.expect("metrics");
        assert!(stored.iter().all(|point| point.wall_seconds.is_some()));
        stored.into_iter().map(|point| MetricPoint { wall_seconds: None, ..point }).collect()
    };
    assert_eq!(stored(None, 10).await, points);
    // Written again, as by a worker that was not told that it had been.
    let again = [point(4), point(5)];
    leases::record_progress(&db.pool, &lease, 5, &again).await.expect("the lease is held");
    assert_eq!(stored(None, 10).await, [1, 2, 4, 5].map(point));
    assert_eq!(stored(Some(1), 1).await, [point(2)]);
    // Noted when it was measured, and written later.
    let measured = MetricPoint { wall_seconds: Some(2.5), ..point(6) };
    leases::record_progress(&db.pool, &lease, 6, &[measured]).await.expect("the lease is held");
    let last = metrics::list(&db.pool, run.id, 1, Some(5), 1).await.expect("metrics").remove(0);
    assert!(last.wall_seconds.is_some_and(|seconds| (seconds - 2.5).abs() < 1e-3), "{last:?}");
    assert_eq!(metrics::list(&db.pool, run.id, 0, None, 10).await.expect("metrics"), []);
}

#[tokio::test]
async fn the_best_is_kept_whichever_attempt_it_was_in() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let best = async || runs::get(&db.pool, run.id).await.expect("the run").best_metrics;
    assert_eq!(best().await, None, "nothing is measured");
    let at = |step: u64, loss: f64, exact: Option<f64>| MetricPoint { loss, exact_accuracy: exact, ..point(step) };
    let lease = claim(&db.pool, LONG).await.lease;
    train_states::begin_attempt(&db.pool, &lease, 0).await.expect("the lease is held");
    let first = [at(1, 3.0, None), at(2, 1.5, Some(0.4)), at(3, 2.0, Some(0.2))];
    leases::record_progress(&db.pool, &lease, 3, &first).await.expect("the lease is held");
    let expected = BestMetrics { loss: Some(1.5), exact_accuracy: Some(0.4), validation: None };
    assert_eq!(best().await, Some(expected));

    let seen = Validation { n: 10, exact: 7, accuracy: 0.9 };
    let second = [MetricPoint { validation: Some(seen), ..at(4, 1.75, Some(0.5)) }];
    leases::record_progress(&db.pool, &lease, 4, &second).await.expect("the lease is held");
    let expected = BestMetrics { loss: Some(1.5), exact_accuracy: Some(0.5), validation: Some(0.7) };
    assert_eq!(best().await, Some(expected));
}

#[tokio::test]
async fn the_revision_grows_with_what_a_reader_sees_and_not_with_heartbeats() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let revision = async || jobs::revision(&db.pool, run.id.into()).await.expect("the run");
    let queued = revision().await;
    let lease = claim(&db.pool, LONG).await.lease;
    let claimed = revision().await;
    assert!(claimed > queued);
    extend(&db.pool, &lease, LONG).await.expect("the lease is held");
    assert_eq!(revision().await, claimed);
    leases::record_progress(&db.pool, &lease, 1, &[]).await.expect("the lease is held");
    assert!(revision().await > claimed);
}

#[tokio::test]
async fn success_stores_checkpoint_score_and_state_together() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    let (info, evaluation) = (info("run"), score(3, 6));
    let stored = result(&info, &evaluation, set.id);
    let checkpoint = results::succeed(&db.pool, &lease, stored).await.expect("the lease is held");
    let run = runs::get(&db.pool, run.id).await.expect("the run");
    assert_eq!((run.state, run.checkpoint_id), (RunState::Succeeded, Some(checkpoint)));
    assert_eq!(run.evaluation, Some(evaluation));
    assert!(run.finished_at.is_some() && run.phase.is_none());
}

#[tokio::test]
async fn a_failed_transaction_leaves_the_run_running() {
    let db = database().await;
    let run = queue(&db.pool, "run").await;
    let lease = claim(&db.pool, LONG).await.lease;
    let (info, evaluation) = (info("run"), score(3, 6));
    // This dataset is not stored, so that the score, the last of the statements, is refused.
    let dataset = uuid::Uuid::new_v4().into();
    let stored = result(&info, &evaluation, dataset);
    let refused = results::succeed(&db.pool, &lease, stored).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    let run = runs::get(&db.pool, run.id).await.expect("the run");
    assert_eq!((run.state, run.checkpoint_id), (RunState::Running, None));
}

#[tokio::test]
async fn runs_are_listed_newest_first_page_by_page() {
    let db = database().await;
    let mut ids = Vec::new();
    for i in 0..5 {
        ids.push(queue(&db.pool, &format!("run-{i}")).await.id);
    }
    ids.reverse();
    let (mut listed, mut slice) = (Vec::new(), Slice::newest(2));
    loop {
        let page = runs::list(&db.pool, &Viewer::Everything, RunFilter::default(), &slice).await.expect("a page");
        listed.extend(page.items.iter().map(|run| run.id));
        match page.next_cursor {
            Some(next) => slice = slice.behind(&next).expect("a cursor"),
            None => break,
        }
    }
    assert_eq!(listed, ids);
    wishes::request_cancel(&db.pool, ids[0].into()).await.expect("a queued run");
    let filter = RunFilter { state: Some(RunState::Cancelled), ..RunFilter::default() };
    let cancelled = runs::list(&db.pool, &Viewer::Everything, filter, &Slice::newest(10)).await.expect("a page");
    assert_eq!(cancelled.items.iter().map(|run| run.id).collect::<Vec<_>>(), ids[..1]);
}

#[tokio::test]
async fn a_run_on_a_stored_dataset_is_tied_to_it() {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    let mut wanted = experiment("run");
    for name in ["set".to_owned(), set.id.to_string()] {
        wanted.data = DataSpec::Stored { dataset: name };
        let run = runs::create(&db.pool, &Viewer::Everything, &wanted, Terms::default()).await.expect("a run");
        assert_eq!(run.dataset_id, Some(set.id));
    }
    let filter = RunFilter { dataset: Some(set.id), ..RunFilter::default() };
    assert_eq!(
        runs::list(&db.pool, &Viewer::Everything, filter, &Slice::newest(10)).await.expect("a page").items.len(),
        2
    );
    wanted.data = DataSpec::Stored { dataset: "unknown".into() };
    let refused = runs::create(&db.pool, &Viewer::Everything, &wanted, Terms::default()).await;
    assert!(matches!(&refused, Err(Error::NotFound { what: "dataset", key }) if key == "unknown"), "{refused:?}");
}

#[test]
fn the_config_hash_depends_on_every_setting_and_on_nothing_else() {
    let hash = runs::config_hash(&experiment("run"));
    assert_eq!(hash, runs::config_hash(&experiment("run")));
    let mut other = experiment("run");
    other.train.lr *= 2.0;
    assert_ne!(hash, runs::config_hash(&other));
    let by_toml: hrm_types::experiment::Experiment =
        toml::from_str(&toml::to_string(&experiment("run")).expect("TOML")).expect("the experiment");
    assert_eq!(hash, runs::config_hash(&by_toml));
}

#[tokio::test]
async fn a_run_is_not_queued_on_puzzles_that_it_cannot_be_scored_or_looked_at_with() {
    let db = database().await;
    let stored = async |name: &str, puzzles: &data::Dataset| {
        let spec = spec(1);
        let new = NewDataset { generated: None, ..NewDataset::generated(TeamId::LOCAL, name, &spec, None) };
        datasets::create(&db.pool, new, puzzles).await.expect("a dataset");
    };
    stored("whole", &puzzles(1)).await;
    stored("untested", &data::Dataset { test: vec![], ..puzzles(2) }).await;
    let refused = async |dataset: &str, validate_every: Option<u64>| {
        let mut experiment = experiment("run");
        experiment.data = DataSpec::Stored { dataset: dataset.into() };
        experiment.train.validate_every = validate_every;
        match runs::create(&db.pool, &Viewer::Everything, &experiment, Terms::default()).await {
            Err(Error::Experiment(error)) => Some(error.to_string()),
            created => created.map(|_| None).expect("a run"),
        }
    };
    assert_eq!(refused("whole", None).await, None);
    assert_eq!(
        refused("whole", Some(5)).await.as_deref(),
        Some("train.validate_every: expected validation puzzles in whole, found none")
    );
    assert_eq!(refused("untested", None).await.as_deref(), Some("data: expected test puzzles in untested, found none"));
}
