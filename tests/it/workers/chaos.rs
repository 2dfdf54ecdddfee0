//! Runs whose workers are killed again and again: nothing is lost, nothing is done twice, and the weights are those of
//! a run that nobody disturbed. `make chaos` runs it and prints the figures that stand in `docs/reliability.md`.

use super::{Process, SHORT, Stack, command, has_trained};
use crate::{program::hrm, wait::a_moment};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Runs, and workers for them, that are disturbed at the same time: most of it is waiting for leases to run out.
const AT_ONCE: usize = 6;

/// Steps of each run; one that ends before all kills were made is followed by another.
const STEPS: u64 = 500;

/// Longest time between the first steps of an attempt and its worker's death, microseconds.
const LONGEST_LIFE: u64 = 1_500_000;

/// Seconds of a lease: beside other heavy work a database may not answer for a second or two.
const LEASE: u32 = 6;

/// Seconds of a lease where nothing is set.
const UNSET: u32 = 30;

/// Longest time until a worker that vanished is noticed, at the settings of a server.
const NOTICED: Duration = Duration::from_secs(75);

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

/// A worker that stores a state every second, on that share of the processors.
pub(super) fn worker(stack: &Stack, slot: usize) -> Process {
    let mut worker = command(stack.folder.path(), stack.lease_seconds, &["worker", "--cpu-slot", &slot.to_string()]);
    worker.env("HRM_SAVE_SECONDS", "1").stdin(Stdio::null());
    Process(worker.spawn().expect("hrm can be started"))
}

fn replace_worker(stack: &mut Stack) {
    stack.workers.clear();
    stack.workers.push(worker(stack, 0));
}

/// Longest wait for the runs that were disturbed, which one worker ends one after the other.
const LONGEST: Duration = Duration::from_mins(15);

/// The run once it has ended.
fn ended(stack: &Stack, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        // Ends with the run; the client gives up on it sooner.
        let _ = stack.events(id).bytes();
        let run = stack.await_run(id, |_| true);
        if is_final(&run) {
            return run;
        }
        assert!(begun.elapsed() < LONGEST, "the run stays as {run:#}");
    }
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

/// Runs of one experiment whose workers are killed at drawn moments.
struct Chaos {
    stack: Stack,
    rng: ChaCha8Rng,
    runs: Vec<String>,
    /// By run: when its worker is to die.
    condemned: BTreeMap<String, Instant>,
    /// By run: when its worker died, and in which attempt.
    dead: BTreeMap<String, (Instant, u64)>,
    noticed: Vec<Duration>,
    kills: u64,
}

impl Chaos {
    fn begin(seed: u64) -> Self {
        let mut stack = Stack::start(0, LEASE);
        stack.workers = (0..AT_ONCE).map(|slot| worker(&stack, slot)).collect();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let (condemned, dead) = (BTreeMap::new(), BTreeMap::new());
        Self { stack, rng, runs: Vec::new(), condemned, dead, noticed: Vec::new(), kills: 0 }
    }

    /// Looks at every run once: notes which death was noticed, draws when the next worker dies, and kills it then.
    fn go_on(&mut self, kills: u64) {
        let states: Vec<Value> = self.runs.iter().map(|id| self.stack.await_run(id, |_| true)).collect();
        while self.kills < kills && self.unfinished(&states) < AT_ONCE {
            self.runs.push(self.stack.queue("killed", STEPS));
        }
        for run in &states {
            let id = run["id"].as_str().expect("an id").to_owned();
            self.note(&id, run);
            // The third death in a row without a new state would fail the run, as it should.
            let may_die = has_trained(run) && run["deaths"].as_u64() < Some(2) && !self.dead.contains_key(&id);
            let planned = self.kills + self.condemned.len() as u64;
            if may_die && planned < kills && !self.condemned.contains_key(&id) {
                let life = Duration::from_micros(self.rng.next_u64() % LONGEST_LIFE);
                self.condemned.insert(id, Instant::now() + life);
            } else if !may_die {
                self.condemned.remove(&id);
            } else if self.condemned.get(&id).is_some_and(|&at| Instant::now() >= at) {
                self.condemned.remove(&id);
                self.kill(&id, run);
            }
        }
    }

    fn unfinished(&self, states: &[Value]) -> usize {
        self.runs.len() - states.iter().filter(|run| is_final(run)).count()
    }

    fn note(&mut self, id: &str, run: &Value) {
        let Some(&(at, attempt)) = self.dead.get(id) else { return };
        if run["state"] == "running" && run["attempt"] == attempt {
            return;
        }
        self.noticed.push(at.elapsed());
        self.dead.remove(id);
        assert!(["queued", "running"].map(Value::from).contains(&run["state"]), "after a kill: {run:#}");
    }

    /// Kills the worker that holds the run, unless it has just let go of it.
    fn kill(&mut self, id: &str, run: &Value) {
        let workers: Value = self.stack.get("/api/v1/workers").json().expect("JSON");
        let mut holders = workers["items"].as_array().into_iter().flatten().filter(|worker| worker["run_id"] == id);
        let Some(pid) = holders.find_map(|worker| worker["pid"].as_u64()) else { return };
        let slot =
            self.stack.workers.iter().position(|worker| u64::from(worker.id()) == pid).expect("a worker of ours");
        self.stack.workers[slot].signal("-KILL");
        self.stack.workers[slot].ends();
        let killed = Instant::now();
        self.stack.workers[slot] = worker(&self.stack, slot);
        let now = self.stack.await_run(id, |_| true);
        // It may have ended, or been given back, before the signal arrived.
        if now["state"] == "running" && now["attempt"] == run["attempt"] {
            self.kills += 1;
            self.dead.insert(id.to_owned(), (killed, run["attempt"].as_u64().expect("a number")));
        }
    }
}

#[test]
#[ignore = "kills workers for minutes; `make chaos` runs it"]
fn runs_survive_workers_that_are_killed_again_and_again() {
    let (seed, kills) = (setting("HRM_CHAOS_SEED", 1), setting("HRM_CHAOS_KILLS", 50));
    eprintln!("seed {seed}, {kills} kills");
    let (mut chaos, begun) = (Chaos::begin(seed), Instant::now());
    while chaos.kills < kills || !chaos.dead.is_empty() {
        chaos.go_on(kills);
        a_moment();
    }
    let took = begun.elapsed();
    let Chaos { mut stack, runs, mut noticed, .. } = chaos;
    // What is left is work alone, which one worker does no slower than four.
    stack.workers.truncate(1);
    let undisturbed = stack.queue("killed", STEPS);
    let runs_ended: Vec<Value> = runs.iter().map(|id| ended(&stack, id)).collect();
    let expected = weights(&stack, &ended(&stack, &undisturbed));
    let (mut lost, mut twice, mut attempts) = (0, 0, 0);
    for (id, run) in runs.iter().zip(&runs_ended) {
        lost += u32::from(run["state"] != "succeeded");
        assert_eq!(run["state"], "succeeded", "{run:#}");
        assert!(weights(&stack, run) == expected, "the weights of {id} differ");
        assert_eq!(curve(&stack, id), (1..=STEPS / 10).map(|i| 10 * i).collect::<Vec<_>>(), "gaps or doubled points");
        let stored = stack.sql(&format!("SELECT count(*) FROM checkpoints WHERE run_id = '{id}'"));
        twice += u32::from(stored != "1");
        attempts += run["attempt"].as_u64().expect("a number");
    }
    assert_eq!((lost, twice, noticed.len() as u64), (0, 0, kills));
    assert!(attempts >= kills + runs.len() as u64, "every kill ended an attempt: {attempts}");
    assert_eq!(stack.sql("SELECT count(*) FROM jobs WHERE state <> 'succeeded'"), "0", "nothing is left");
    noticed.sort();
    eprintln!(
        "{kills} kills of the workers of {} runs within {took:?}: {lost} lost, {twice} completed twice, equal weights; \
         a dead worker was noticed after {:?} (median) to {:?}, of a lease of {LEASE} s",
        runs.len(),
        noticed[noticed.len() / 2],
        noticed[noticed.len() - 1]
    );
}

#[test]
#[ignore = "waits for a lease of half a minute to run out; `make chaos` runs it"]
fn a_dead_worker_is_noticed_in_time_where_nothing_is_set() {
    let mut stack = Stack::start(2, UNSET);
    let id = stack.queue("left", 1_000_000_000);
    let held = stack.await_run(&id, has_trained);
    let workers: Value = stack.get("/api/v1/workers").json().expect("JSON");
    let holder = workers["items"].as_array().into_iter().flatten().find(|worker| worker["run_id"] == id.as_str());
    let pid = holder.and_then(|worker| worker["pid"].as_u64()).expect("the worker that holds it");
    let slot = stack.workers.iter().position(|worker| u64::from(worker.id()) == pid).expect("a worker of ours");
    stack.workers[slot].signal("-KILL");
    stack.workers[slot].ends();
    let killed = Instant::now();
    let noticed = stack.await_run(&id, |run| run["state"] != "running" || run["attempt"] != held["attempt"]);
    let after = killed.elapsed();
    assert!(after < NOTICED, "{after:?}");
    assert_eq!((&noticed["state"], &noticed["deaths"]), (&Value::from("queued"), &Value::from(1)), "{noticed:#}");
    let again = stack.await_run(&id, |run| run["attempt"] == 2 && has_trained(run));
    assert_ne!(again["worker_id"], held["worker_id"]);
    eprintln!("a dead worker was noticed after {after:?} of a lease of {UNSET} s; the other one went on with its run");
}
