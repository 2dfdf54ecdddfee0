//! The store against a real PostgreSQL server, and what its tests start from.

mod accounts;
mod artifacts;
mod batches;
mod bodies;
mod datasets;
mod garbage;
mod jobs;
mod kept_states;
mod leaderboards;
mod leases;
mod lines;
mod lists;
mod logs;
mod migrations;
mod models;
mod order;
mod provenance;
mod queue_changes;
mod runs;
mod tied;
mod train_states;
mod workers;

use super::{
    PgPool,
    datasets::NewDataset,
    jobs::Terms,
    leases::{Claim, Claimer, Lease, Wish},
    results::RunResult,
    sweeps,
    tied::tie,
};
use crate::config::RetentionConfig;
use crate::store::access::Viewer;
use hrm_model::{CheckpointInfo, data};
use hrm_types::ids::TeamId;
use hrm_types::{
    dataset::Dataset,
    evaluation::{Evaluation, Protocol},
    experiment::{ArchConfig, DataSpec, Experiment, GenerateSpec, TrainConfig},
    ids::{DatasetId, WorkerId},
    provenance::Choice,
    run::{MetricPoint, Run},
    sweep::Sweep,
};
use std::{ops::ControlFlow, time::Duration};
use uuid::Uuid;

/// What is kept of states unless something else is said.
pub(crate) const KEEP: RetentionConfig = RetentionConfig::DEFAULT;

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_hours(1);

pub(crate) fn spec(seed: u64) -> GenerateSpec {
    GenerateSpec::sudoku(4, 24, 6, [6, 10], seed)
}

pub(crate) fn puzzles(seed: u64) -> data::Dataset {
    data::generate(&spec(seed), &mut |_, _| ControlFlow::Continue(())).expect("puzzles")
}

/// A model that trains in milliseconds.
pub(crate) fn experiment(name: &str) -> Experiment {
    let arch = ArchConfig {
        hidden_size: 16,
        num_heads: 2,
        expansion: 2.0,
        H_layers: 1,
        L_layers: 1,
        H_cycles: 1,
        L_cycles: 1,
        halt_max_steps: 2,
        puzzle_emb_ndim: 16,
        ..ArchConfig::default()
    };
    let train = TrainConfig { batch_size: 8, epochs: 4.0, lr: 1e-3, log_every: 2, ..TrainConfig::default() };
    let data = DataSpec::Generate(spec(1));
    Experiment { name: name.into(), description: String::new(), seed: 1, start_from: None, data, arch, train }
}

pub(crate) async fn dataset(pool: &PgPool, name: &str, seed: u64) -> Dataset {
    let spec = spec(seed);
    let new = NewDataset::generated(TeamId::LOCAL, name, &spec, None);
    super::datasets::create(pool, new, &puzzles(seed)).await.expect("a dataset")
}

/// A queued run on ordinary terms.
pub(crate) async fn queue(pool: &PgPool, name: &str) -> Run {
    super::runs::create(pool, &Viewer::Everything, &experiment(name), Terms::default()).await.expect("a run")
}

/// Claims for a fresh worker with a device of its own, if there is something to claim.
pub(crate) async fn try_claim(pool: &PgPool, length: Duration) -> Option<Claim> {
    let worker = Uuid::new_v4();
    let device = worker.to_string();
    let claimer = Claimer { worker: WorkerId(worker), device: &device, lease: length, owner_cap: None };
    super::leases::claim_next_job(pool, claimer).await.expect("an answer")
}

/// A sweep of queued runs.
pub(crate) async fn sweep(pool: &PgPool, name: &str, experiments: &[Experiment], terms: Terms<'_>) -> Sweep {
    let mut tied = Vec::new();
    for experiment in experiments {
        tied.push(tie(pool, &Viewer::Everything, experiment, terms.team).await.expect("what it names"));
    }
    sweeps::create(pool, name, &tied, terms).await.expect("a sweep")
}

pub(crate) async fn claim(pool: &PgPool, length: Duration) -> Claim {
    try_claim(pool, length).await.expect("a queued job")
}

/// What a heartbeat does.
pub(crate) async fn extend(pool: &PgPool, lease: &Lease, length: Duration) -> Result<Option<Wish>, super::Error> {
    let mut connection = pool.acquire().await.expect("a connection");
    super::leases::extend(&mut connection, lease, length).await
}

/// Lets the lease of a claimed job be over.
pub(crate) async fn expire(pool: &PgPool, lease: &Lease) {
    extend(pool, lease, Duration::ZERO).await.expect("the lease is held");
}

/// Lets every pause before another attempt be over.
pub(crate) async fn end_pauses(pool: &PgPool) {
    sqlx::query("UPDATE jobs SET run_after = now()").execute(pool).await.expect("an answer");
}

pub(crate) fn info(name: &str) -> CheckpointInfo {
    CheckpointInfo {
        experiment: experiment(name),
        kind: "sudoku".into(),
        side: 4,
        tasks: vec![],
        sizes: None,
        dataset_hash: "0".repeat(64),
        step: 12,
        parameters: 34,
        train_seconds: 5.6,
        choice: Some(Choice::Last),
        environment: None,
    }
}

/// What a run leaves behind.
pub(crate) fn result<'a>(info: &'a CheckpointInfo, evaluation: &'a Evaluation, dataset: DatasetId) -> RunResult<'a> {
    RunResult { name: "run", info, bytes: b"weights", dataset, evaluation, exact: &[], keep: KEEP }
}

/// `exact` of `n` puzzles right.
pub(crate) fn score(exact: u32, n: u32) -> Evaluation {
    let exact_accuracy = f64::from(exact) / f64::from(n);
    Evaluation {
        protocol: Protocol::halting_by_q(2),
        n,
        of: None,
        exact,
        exact_accuracy,
        exact_interval: [0.0, 1.0],
        accuracy: exact_accuracy,
        q_halt_accuracy: 0.5,
        mean_steps: 1.5,
        exact_by_step: vec![0.0, exact_accuracy],
        in_training: None,
        any_optimal: None,
        voting: None,
        attempts: None,
        seconds: 0.1,
    }
}

pub(crate) fn point(step: u64) -> MetricPoint {
    MetricPoint {
        step,
        examples: step * 8,
        elapsed_seconds: step as f64 / 2.0,
        wall_seconds: None,
        lr: 1e-3,
        loss: 1.0 / step as f64,
        lm_loss: 0.5,
        q_halt_loss: 0.25,
        q_continue_loss: 0.125,
        accuracy: (step > 1).then_some(0.75),
        exact_accuracy: None,
        q_halt_accuracy: Some(0.5),
        steps: None,
        sequences_per_second: 100.0,
        validation: None,
    }
}
