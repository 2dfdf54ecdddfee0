//! A run whose worker is killed again and again: nothing is lost, nothing is done twice, and the weights are those of
//! a run that nobody disturbed. `make chaos` runs it and prints the figures that stand in `docs/reliability.md`.

use super::{Process, Stack, command, has_trained};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::Value;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};

/// Steps of the run; enough that it outlives all kills.
const STEPS: u64 = 30_000;

/// Seconds of its lease.
const LEASE: u32 = 3;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The bytes of a run's weights: its checkpoint behind the header, which holds the time that the training took.
fn weights(stack: &Stack, run: &Value) -> Vec<u8> {
    let id = run["checkpoint_id"].as_str().unwrap_or_else(|| panic!("no checkpoint: {run:#}"));
    let answer = stack.client.get(format!("{}/api/v1/models/{id}/file", stack.address)).send().expect("an answer");
    let file = answer.bytes().expect("a file");
    let header = u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize;
    file[8 + header..].to_vec()
}

/// A worker that stores a state every second.
fn replace_worker(stack: &mut Stack) {
    let mut worker = command(stack.folder.path(), stack.lease_seconds, &["worker"]);
    worker.env("HRM_SAVE_SECONDS", "1").stdin(Stdio::null());
    stack.workers = vec![Process(worker.spawn().expect("hrm can be started"))];
}

#[test]
#[ignore = "kills a worker for minutes; `make chaos` runs it"]
fn a_run_survives_a_worker_that_is_killed_again_and_again() {
    let (seed, kills) = (setting("HRM_CHAOS_SEED", 1), setting("HRM_CHAOS_KILLS", 50));
    eprintln!("seed {seed}, {kills} kills");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut stack = Stack::start(0, LEASE);
    let id = stack.queue("killed", STEPS);
    let (mut trained, mut noticed) = (Duration::ZERO, Vec::new());
    for kill in 1..=kills {
        replace_worker(&mut stack);
        stack.await_run(&id, |run| run["attempt"].as_u64() == Some(kill) && has_trained(run));
        // From the first moments of an attempt to well into it, on the way of metrics and states to the store.
        let wait = Duration::from_micros(rng.next_u64() % 1_500_000);
        let until = Instant::now() + wait;
        while Instant::now() < until {
            std::thread::yield_now();
        }
        trained += wait;
        stack.workers[0].signal("-KILL");
        stack.workers[0].ends();
        let killed = Instant::now();
        let swept = stack.await_run(&id, |run| run["state"] != "running");
        noticed.push(killed.elapsed());
        assert_eq!(swept["state"], "queued", "after kill {kill}: {swept:#}");
    }
    noticed.sort();
    replace_worker(&mut stack);
    let killed = stack.await_run(&id, |run| run["state"] != "running" && run["state"] != "queued");
    assert_eq!((killed["state"].as_str(), killed["attempt"].as_u64()), (Some("succeeded"), Some(kills + 1)));

    let undisturbed = stack.queue("killed", STEPS);
    let undisturbed = stack.await_run(&undisturbed, |run| run["state"] == "succeeded");
    assert!(weights(&stack, &killed) == weights(&stack, &undisturbed), "the weights differ");
    assert_eq!(stack.sql(&format!("SELECT count(*) FROM checkpoints WHERE run_id = '{id}'")), "1", "completed once");
    let doubled = "SELECT count(*) FROM jobs WHERE state = 'running'";
    assert_eq!(stack.sql(doubled), "0", "nothing is left running");
    eprintln!(
        "{kills} kills within {trained:?} of training: 0 lost, 0 completed twice, equal weights; a dead worker was \
         noticed after {:?} (median) to {:?}, of a lease of {LEASE} s",
        noticed[noticed.len() / 2],
        noticed[noticed.len() - 1]
    );
}
