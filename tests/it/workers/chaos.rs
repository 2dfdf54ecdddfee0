//! A run whose worker is killed again and again: nothing is lost, nothing is done twice, and the weights are those of
//! a run that nobody disturbed. `make chaos` runs it and prints the figures that stand in `docs/reliability.md`.

use super::{Process, SHORT, Stack, command, has_trained};
use crate::program::hrm;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::Value;
use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Steps of the run for every kill; on a fast machine it ends before the last ones.
const STEPS_A_KILL: u64 = 60;

/// Seconds of its lease.
const LEASE: u32 = 6;

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

fn is_final(run: &Value) -> bool {
    !matches!(run["state"].as_str(), Some("queued" | "running"))
}

/// Every place at which a worker can be made to kill itself.
fn points() -> Vec<String> {
    let refusal = Command::new(hrm()).arg("worker").env("HRM_FAULT", "?").output().expect("hrm can be started");
    let said = String::from_utf8(refusal.stderr).expect("UTF-8");
    let list = said.split_once("a NAME of ").and_then(|(_, rest)| rest.split_once("; found"));
    list.unwrap_or_else(|| panic!("no list of points in {said}")).0.split(", ").map(str::to_owned).collect()
}

/// The steps of a run's curve.
fn curve(stack: &Stack, id: &str) -> Vec<u64> {
    let answer = stack.client.get(format!("{}/api/v1/runs/{id}/metrics?limit=1000", stack.address)).send();
    let page: Value = answer.expect("an answer").json().expect("JSON");
    let points = page["items"].as_array().unwrap_or_else(|| panic!("no points: {page:#}"));
    points.iter().filter_map(|point| point["step"].as_u64()).collect()
}

#[test]
#[ignore = "kills a worker for minutes; `make chaos` runs it"]
fn a_run_survives_a_worker_that_is_killed_at_each_of_its_places() {
    const STEPS: u64 = 200;
    let mut stack = Stack::start(0, SHORT);
    let undisturbed = stack.queue("undisturbed", STEPS);
    replace_worker(&mut stack);
    let undisturbed = stack.await_run(&undisturbed, |run| run["state"] == "succeeded");
    let (expected, steps) = (weights(&stack, &undisturbed), (1..=STEPS / 10).map(|i| 10 * i).collect::<Vec<_>>());
    let points = points();
    for point in &points {
        stack.workers.clear();
        let id = stack.queue(point, STEPS);
        let mut worker = command(stack.folder.path(), stack.lease_seconds, &["worker"]);
        worker.env("HRM_FAULT", point).env("HRM_SAVE_SECONDS", "0").stdin(Stdio::null());
        stack.workers.push(Process(worker.spawn().expect("hrm can be started")));
        if point.contains("giving-back") || point == "before-unregistering" {
            stack.await_run(&id, has_trained);
            stack.workers[0].signal("-TERM");
        }
        let (status, _) = stack.workers[0].ends();
        assert_eq!(status.signal(), Some(9), "{point}: {status}");
        let killed = Instant::now();
        replace_worker(&mut stack);
        let run = stack.await_run(&id, is_final);
        assert_eq!(run["state"], "succeeded", "{point}: {run:#}");
        assert!(weights(&stack, &run) == expected, "{point}: the weights differ");
        assert_eq!(curve(&stack, &id), steps, "{point}: gaps or doubled points");
        assert_eq!(stack.sql(&format!("SELECT count(*) FROM checkpoints WHERE run_id = '{id}'")), "1", "{point}");
        eprintln!("{point}: attempt {} ended {:?} after the kill", run["attempt"], killed.elapsed());
    }
    assert_eq!(stack.sql("SELECT count(*) FROM jobs WHERE state <> 'succeeded'"), "0", "a job was lost");
    // A worker that begins collects what the killed ones left.
    replace_worker(&mut stack);
    let left = "SELECT (SELECT count(*) FROM train_states) + (SELECT count(*) FROM chunks
                WHERE NOT EXISTS (SELECT 1 FROM artifact_chunks WHERE chunk = sha256))";
    stack.await_sql(left, |left| left == "0");
    eprintln!("{} places: 0 lost, 0 completed twice, equal weights, nothing left behind", points.len());
}

#[test]
#[ignore = "kills a worker for minutes; `make chaos` runs it"]
fn a_run_survives_a_worker_that_is_killed_again_and_again() {
    let (seed, kills) = (setting("HRM_CHAOS_SEED", 1), setting("HRM_CHAOS_KILLS", 50));
    eprintln!("seed {seed}, {kills} kills");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut stack = Stack::start(0, LEASE);
    let id = stack.queue("killed", STEPS_A_KILL * kills);
    let (mut trained, mut noticed) = (Duration::ZERO, Vec::new());
    for kill in 1..=kills {
        replace_worker(&mut stack);
        // The third death in a row without a new state would fail the run, as it should.
        let may_die = |run: &Value| run["attempt"] == kill && has_trained(run) && run["deaths"].as_u64() < Some(2);
        if is_final(&stack.await_run(&id, |run| may_die(run) || is_final(run))) {
            break;
        }
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
        if is_final(&swept) {
            // It had ended before the signal arrived.
            break;
        }
        noticed.push(killed.elapsed());
        assert_eq!(swept["state"], "queued", "after kill {kill}: {swept:#}");
    }
    assert!(2 * noticed.len() as u64 >= kills, "the run ended after {} kills: ask for more", noticed.len());
    noticed.sort();
    replace_worker(&mut stack);
    let killed = stack.await_run(&id, is_final);
    assert_eq!(killed["state"], "succeeded", "{killed:#}");

    let undisturbed = stack.queue("killed", STEPS_A_KILL * kills);
    let undisturbed = stack.await_run(&undisturbed, |run| run["state"] == "succeeded");
    assert!(weights(&stack, &killed) == weights(&stack, &undisturbed), "the weights differ");
    assert_eq!(stack.sql(&format!("SELECT count(*) FROM checkpoints WHERE run_id = '{id}'")), "1", "completed once");
    let doubled = "SELECT count(*) FROM jobs WHERE state = 'running'";
    assert_eq!(stack.sql(doubled), "0", "nothing is left running");
    eprintln!(
        "{} kills within {trained:?} of training: 0 lost, 0 completed twice, equal weights; a dead worker was \
         noticed after {:?} (median) to {:?}, of a lease of {LEASE} s",
        noticed.len(),
        noticed[noticed.len() / 2],
        noticed[noticed.len() - 1]
    );
}
