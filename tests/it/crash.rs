//! Killed processes: what was finished stays, and what was interrupted goes on.

use crate::{folder::folder, program::hrm};
use reqwest::blocking::Client;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Longest wait for an event of a run; the lease below runs out in it many times over.
const DEADLINE: Duration = Duration::from_mins(5);

struct Server {
    child: Child,
    address: String,
    client: Client,
}

impl Server {
    /// Starts on a data folder, with leases short enough for a test.
    fn start(data: &Path) -> Self {
        let mut child = Command::new(hrm())
            .args(["serve", "--bind", "127.0.0.1:0"])
            .env("HRM_DATA_DIR", data)
            .env("HRM_LEASE_SECONDS", "4")
            .env_remove("DATABASE_URL")
            .stdout(Stdio::piped())
            .spawn()
            .expect("hrm can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
        let ready = lines.find_map(|line| line.ok()?.strip_prefix("HRM Lab is ready at ").map(str::to_owned));
        let address = ready.expect("the server says where it is");
        Self { child, address, client: Client::builder().timeout(DEADLINE).build().expect("a client") }
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}/api/v1/{path}", self.address)).send().expect("an answer");
        answer.json().expect("JSON")
    }

    /// Queues a tiny run of so many steps and returns its id.
    fn queue(&self, name: &str, steps: u32) -> String {
        let experiment = json!({
            "name": name,
            "data": {"source": "generate", "side": 4, "train": 60, "test": 20, "givens": [6, 9], "seed": 7},
            "arch": {
                "hidden_size": 16, "num_heads": 2, "H_layers": 1, "L_layers": 1, "H_cycles": 1, "L_cycles": 1,
                "halt_max_steps": 2, "puzzle_emb_ndim": 16
            },
            "train": {"batch_size": 20, "epochs": 1e6, "max_steps": steps, "lr_warmup_steps": 0, "log_every": 10}
        });
        let request = self.client.post(format!("{}/api/v1/runs", self.address));
        let run: Value =
            request.json(&json!({ "experiment": experiment })).send().expect("an answer").json().expect("JSON");
        run["id"].as_str().unwrap_or_else(|| panic!("no run was queued: {run:#}")).to_owned()
    }

    /// The first run event that `wanted` accepts; the stream ends with the run.
    fn watch(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let stream = self.client.get(format!("{}/api/v1/runs/{id}/events", self.address)).send().expect("a stream");
        let data = BufReader::new(stream).lines().map_while(Result::ok);
        let mut events = data.filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data:")?.trim()).ok());
        events
            .find(|event| event["state"].is_string() && wanted(event))
            .unwrap_or_else(|| panic!("the stream of run {id} ended early: {:#}", self.get(&format!("runs/{id}"))))
    }

    /// A worker's process id, once there is one at work on this run.
    fn worker_of(&self, run: &Value) -> u32 {
        let workers = self.get("workers");
        let mut workers = workers["items"].as_array().or(workers.as_array()).into_iter().flatten();
        let worker = workers.find(|worker| worker["id"] == run["worker_id"]);
        let pid = worker.and_then(|worker| worker["pid"].as_u64());
        u32::try_from(pid.unwrap_or_else(|| panic!("no worker holds {run:#}"))).expect("a process id")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killed ones are waited for already, and their number may be another's by now.
        if matches!(self.child.try_wait(), Ok(None)) {
            signal("-TERM", self.child.id());
            let _ = self.child.wait();
        }
    }
}

fn signal(signal: &str, pid: u32) {
    let _ = Command::new("kill").args([signal, &pid.to_string()]).status();
}

fn has_trained(run: &Value) -> bool {
    run["state"] == "running" && run["step"].as_u64() > Some(0)
}

fn is_final(run: &Value) -> bool {
    !matches!(run["state"].as_str(), Some("queued" | "running"))
}

#[test]
fn killed_server_and_worker_lose_nothing_and_the_interrupted_run_goes_on() {
    let folder = folder();
    let data = folder.path().join("data");

    let mut server = Server::start(&data);
    let finished = server.queue("finished", 20);
    assert_eq!(server.watch(&finished, is_final)["state"], "succeeded");
    let interrupted = server.queue("interrupted", 1_000);
    let running = server.watch(&interrupted, has_trained);
    let before = (server.get(&format!("runs/{finished}")), server.get("datasets"), server.get("models"));
    signal("-KILL", server.worker_of(&running));
    signal("-KILL", server.child.id());
    let _ = server.child.wait();
    drop(server);

    let server = Server::start(&data);
    let after = (server.get(&format!("runs/{finished}")), server.get("datasets"), server.get("models"));
    assert_eq!(after, before, "what was finished has changed");
    let resumed = server.watch(&interrupted, |run| has_trained(run) && run["attempt"].as_u64() > Some(1));
    signal("-KILL", server.worker_of(&resumed));
    let ended = server.watch(&interrupted, is_final);
    assert_eq!(ended["state"], "succeeded", "{ended:#}");
    assert_eq!(ended["attempt"], 3, "one attempt for each time it was claimed: {ended:#}");
}
