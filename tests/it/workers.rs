//! Worker processes that are stopped, frozen, or whose database goes away.

mod bucket;
mod chaos;
mod disk;
mod outage;
mod states;

use crate::{folder::folder, program::hrm, wait::a_moment};
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longest wait for anything.
const DEADLINE: Duration = Duration::from_mins(3);

/// Seconds of a lease that a test waits for the end of.
const SHORT: u32 = 3;

/// A process of ours that is ended when dropped, frozen or not.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    fn signal(&self, signal: &str) {
        let _ = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
    }

    /// Waits for its end; how long it took.
    fn ends(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < DEADLINE, "the process does not end");
            a_moment();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.signal("-CONT");
            self.signal("-TERM");
            let _ = self.0.wait();
        }
    }
}

/// A server, as its clients know it.
pub(crate) struct Remote {
    address: String,
    client: Client,
}

/// A data folder with a server, and workers beside it.
struct Stack {
    // Before the folder, so that everything is stopped before its files go.
    workers: Vec<Process>,
    server: Process,
    remote: Remote,
    folder: TempDir,
    lease_seconds: u32,
}

impl Deref for Stack {
    type Target = Remote;

    fn deref(&self) -> &Remote {
        &self.remote
    }
}

impl Stack {
    fn start(workers: usize, lease_seconds: u32) -> Self {
        let folder = folder();
        let (server, address) = serve(folder.path(), lease_seconds);
        let mut stack = Self { workers: Vec::new(), server, remote: Remote::at(address), folder, lease_seconds };
        for slot in 0..workers {
            stack.add_worker(slot);
        }
        stack
    }

    fn add_worker(&mut self, slot: usize) {
        let mut worker = command(self.folder.path(), self.lease_seconds, &["worker", "--cpu-slot", &slot.to_string()]);
        self.workers.push(Process(worker.stdin(Stdio::null()).spawn().expect("hrm can be started")));
    }

    /// Runs `psql` on the private database.
    fn sql(&self, query: &str) -> String {
        sql(&self.folder.path().join("data"), query)
    }

    /// What a query answers once it is as wanted.
    fn await_sql(&self, query: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let answer = self.sql(query);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{query} stays as {answer:?}");
            a_moment();
        }
    }
}

impl Remote {
    pub(crate) fn at(address: String) -> Self {
        Self { address, client: Client::builder().timeout(DEADLINE).build().expect("a client") }
    }

    /// Queues a tiny run of so many steps and returns its id.
    fn queue(&self, name: &str, steps: u64) -> String {
        self.queue_of_width(name, steps, 16)
    }

    /// The same with a hidden size; 256 makes several megabytes of weights.
    fn queue_of_width(&self, name: &str, steps: u64, width: u64) -> String {
        let experiment = json!({
            "name": name,
            "data": {"source": "generate", "side": 4, "train": 60, "test": 20, "givens": [6, 9], "seed": 7},
            "arch": {
                "hidden_size": width, "num_heads": 2, "H_layers": 1, "L_layers": 1, "H_cycles": 1, "L_cycles": 1,
                "halt_max_steps": 2, "puzzle_emb_ndim": 16
            },
            "train": {"batch_size": 20, "epochs": 1e9, "max_steps": steps, "lr_warmup_steps": 0, "log_every": 10}
        });
        let request = self.client.post(format!("{}/api/v1/runs", self.address));
        let run: Value =
            request.json(&json!({ "experiment": experiment })).send().expect("an answer").json().expect("JSON");
        run["id"].as_str().unwrap_or_else(|| panic!("no run was queued: {run:#}")).to_owned()
    }

    /// The run once it is as wanted; a server that is not there for a moment is asked again.
    fn await_run(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        let mut last = Value::Null;
        while Instant::now() < deadline {
            let answer = self.client.get(format!("{}/api/v1/runs/{id}", self.address)).send();
            if let Some(run) = answer.ok().filter(|answer| answer.status() == 200).and_then(|run| run.json().ok()) {
                if wanted(&run) {
                    return run;
                }
                last = run;
            }
            a_moment();
        }
        panic!("the run stays as {last:#}");
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.address)).send().expect("an answer")
    }

    fn events(&self, id: &str) -> Response {
        self.get(&format!("/api/v1/runs/{id}/events"))
    }

    /// Asks something of a run.
    fn ask(&self, id: &str, what: &str) {
        let answer = self.client.post(format!("{}/api/v1/runs/{id}/{what}", self.address)).send().expect("an answer");
        assert!(answer.status().is_success(), "{what}: {answer:?}");
    }
}

/// Runs `psql` on the private database of a data folder.
fn sql(data: &Path, query: &str) -> String {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--username", "hrm", "--host"])
        .arg(socket_folder(data))
        .args(["--command", query, "postgres"])
        .output()
        .expect("psql can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// The folder of the private server's socket: the first one below `folder` that holds one.
fn socket_folder(folder: &Path) -> PathBuf {
    let pid = postmaster_pid(folder);
    // The fifth line names it.
    PathBuf::from(fs::read_to_string(pid).expect("a running server").lines().nth(4).expect("its socket's folder"))
}

/// The private server's `postmaster.pid`.
fn postmaster_pid(folder: &Path) -> PathBuf {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name() == "postmaster.pid" {
                return entry.path();
            }
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    panic!("no database server runs in {}", folder.display());
}

/// `hrm` on that folder, with leases of that length.
fn command(folder: &Path, lease_seconds: u32, arguments: &[&str]) -> Command {
    let mut command = Command::new(hrm());
    command
        .args(arguments)
        .env("HRM_DATA_DIR", folder.join("data"))
        .env("HRM_LEASE_SECONDS", lease_seconds.to_string())
        // Several workers share this machine's processors, and models as small as these gain nothing from two.
        .env("RAYON_NUM_THREADS", "1");
    command.env_remove("DATABASE_URL");
    command
}

/// A server without a worker, and where it is.
fn serve(folder: &Path, lease_seconds: u32) -> (Process, String) {
    ready(command(folder, lease_seconds, &["serve", "--bind", "127.0.0.1:0", "--no-worker"]))
}

/// Starts a server and waits until it says where it is.
pub(crate) fn ready(mut command: Command) -> (Process, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("hrm can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
    let ready = lines.find_map(|line| line.ok()?.strip_prefix("HRM Lab is ready at ").map(str::to_owned));
    (Process(child), ready.expect("the server says where it is"))
}

fn has_trained(run: &Value) -> bool {
    run["state"] == "running" && run["step"].as_u64() > Some(0)
}

#[test]
fn a_frozen_worker_that_was_replaced_writes_nothing_when_it_wakes() {
    let mut stack = Stack::start(0, SHORT);
    let id = stack.queue("frozen", 1_000_000_000);
    let saving = chaos::worker(&stack, 0);
    stack.workers.push(saving);
    let before = stack.await_run(&id, has_trained);
    stack.await_sql("SELECT count(*) FROM train_states", |states| states != "0");
    stack.workers[0].signal("-STOP");
    let frozen = Instant::now();
    stack.add_worker(1);
    let taken = stack.await_run(&id, |run| run["attempt"] == 2 && has_trained(run));
    assert_ne!(taken["worker_id"], before["worker_id"]);
    let first_attempt = format!("SELECT count(*), max(step) FROM metrics WHERE run_id = '{id}' AND attempt = 1");
    let first_log = format!("SELECT count(*) FROM run_logs WHERE job_id = '{id}' AND attempt = 1");
    let written = (stack.sql(&first_attempt), stack.sql(&first_log));
    let states = format!("FROM train_states WHERE run_id = '{id}' AND attempt = 1");
    let newest = stack.sql(&format!("SELECT max(step) {states}"));
    let frozen = frozen.elapsed();
    stack.workers[0].signal("-CONT");
    // It has noticed, and is idle again, once it takes another run.
    let other = stack.queue("other", 20);
    let other = stack.await_run(&other, |run| run["state"] == "succeeded");
    assert_eq!(other["attempt"], 1);
    assert_eq!((stack.sql(&first_attempt), stack.sql(&first_log)), written, "the stale worker has written rows");
    let newer = stack.sql(&format!("SELECT count(*) {states} AND step > {newest}"));
    assert_eq!(newer, "0", "the stale worker has stored a state");
    let still = stack.await_run(&id, has_trained);
    assert_eq!((&still["attempt"], &still["worker_id"]), (&json!(2), &taken["worker_id"]));
    eprintln!("frozen for {frozen:?} of a lease of {SHORT} s, replaced, woken: 0 rows written");
}

#[test]
fn stopping_under_a_hundred_streams_takes_seconds_and_the_run_is_given_back() {
    let mut stack = Stack::start(1, SHORT);
    let id = stack.queue("streamed", 1_000_000_000);
    let before = stack.await_run(&id, has_trained);
    let streams: Vec<Response> = (0..100).map(|_| stack.events(&id)).collect();
    stack.server.signal("-TERM");
    let (status, took) = stack.server.ends();
    eprintln!("the server was gone after {took:?}");
    assert!(status.success() && took < Duration::from_secs(2), "{status} after {took:?}");
    drop(streams);
    stack.workers[0].signal("-TERM");
    // The worker is the last user of the database and stops it.
    let (status, took) = stack.workers[0].ends();
    eprintln!("the worker was gone after {took:?}");
    assert!(status.success() && took < Duration::from_secs(30), "{status} after {took:?}");

    let stack = restarted(stack);
    let run = stack.await_run(&id, |_| true);
    assert_eq!((&run["state"], &run["deaths"]), (&json!("queued"), &json!(0)));
    assert_eq!(run["reason"], "queued again: its worker was stopped");
    let saved = stack.sql(&format!("SELECT max(step) FROM train_states WHERE run_id = '{id}' AND NOT damaged"));
    assert!(saved.parse::<u64>().ok() >= before["step"].as_u64(), "it was saved after step {saved:?}: {before:#}");
    eprintln!("it was saved after step {saved}");
}

/// A server on the folder of one that has ended.
fn restarted(stack: Stack) -> Stack {
    let Stack { folder, lease_seconds, .. } = stack;
    let (server, address) = serve(folder.path(), lease_seconds);
    Stack { workers: Vec::new(), server, remote: Remote::at(address), folder, lease_seconds }
}

#[test]
fn a_killed_database_comes_back_under_a_server_and_two_workers_and_nothing_is_lost() {
    // As it is unless set: the database is back before it runs out. A shorter one would make the runs begin again.
    let stack = Stack::start(2, 30);
    let runs = [stack.queue("one", 1_000_000_000), stack.queue("two", 1_000_000_000)];
    let held: Vec<Value> = runs.iter().map(|id| stack.await_run(id, has_trained)).collect();
    let pid = fs::read_to_string(postmaster_pid(&stack.folder.path().join("data"))).expect("a running server");
    let pid = pid.lines().next().expect("its process id").to_owned();
    let killed = Instant::now();
    // Immediately, as if it had crashed: what was committed is recovered at the next start.
    let _ = Command::new("kill").args(["-QUIT", &pid]).status();
    let went_on = |before: &Value| {
        let step = before["step"].as_u64();
        stack.await_run(before["id"].as_str().expect("an id"), |run| run["step"].as_u64() > step)
    };
    // Later than what was seen before, and written after the database had gone.
    let again: Vec<Value> = held.iter().map(went_on).collect();
    let again: Vec<Value> = again.iter().map(went_on).collect();
    let recovery = killed.elapsed();
    for (before, after) in held.iter().zip(&again) {
        assert_eq!((&after["attempt"], &after["state"]), (&before["attempt"], &json!("running")), "{after:#}");
    }
    eprintln!("recovered in {recovery:?}");
    assert!(recovery < Duration::from_secs(10), "{recovery:?}");
    let last = stack.queue("last", 20);
    // Both workers are busy: one of them is freed by what outranks its run.
    let request = stack.client.patch(format!("{}/api/v1/runs/{last}", stack.address)).json(&json!({"priority": 1}));
    assert_eq!(request.send().expect("an answer").status(), 200);
    stack.await_run(&last, |run| run["state"] == "succeeded");
}
