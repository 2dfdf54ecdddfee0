//! A running `hrm serve` on a data folder of its own, and a client that speaks to it.

use crate::{folder::folder, program::hrm};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak, mpsc},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The first start creates a database cluster, on a busy machine.
const START_DEADLINE: Duration = Duration::from_mins(2);

/// The server has ten seconds for requests in progress, then it stops its worker and its database.
const STOP_DEADLINE: Duration = Duration::from_secs(40);

/// Longest wait for any answer, and for a tiny run to end.
const ANSWER_DEADLINE: Duration = Duration::from_mins(5);

/// Shorter than the server keeps an idle connection, so that none is used again just as it is closed.
const IDLE: Duration = Duration::from_secs(10);

/// What the server prints once it is ready, before its address.
const READY: &str = "HRM Lab is ready at ";

/// A running server, stopped when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    client: Client,
    folder: TempDir,
    /// What it prints; behind a lock because tests on several threads share a server.
    lines: Mutex<mpsc::Receiver<String>>,
    trained: OnceLock<Value>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) bytes: Vec<u8>,
}

impl Server {
    /// A server without a worker, so that queued runs stay queued.
    pub(super) fn without_worker() -> Self {
        Self::start(&["--no-worker"], None)
    }

    /// The same with a setting.
    pub(super) fn set(setting: &str, value: &str) -> Self {
        Self::start(&["--no-worker", setting, value], None)
    }

    /// The same data served anew, with a setting.
    pub(super) fn reopened(mut self, setting: &str, value: &str) -> Self {
        self.terminate();
        let folder = std::mem::replace(&mut self.folder, folder());
        Self::start_in(folder, "127.0.0.1:0", &["--no-worker", setting, value], None, None)
    }

    /// A server with a worker, for one test alone.
    pub(crate) fn with_worker() -> Self {
        Self::start(&[], None)
    }

    /// The server with a worker that the tests of this process share; it stops when none holds it any more.
    pub(super) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start(&[], None));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// A server with a worker and the page that lies in that folder.
    pub(crate) fn with_page(page: &Path) -> Self {
        Self::start(&[], Some(page))
    }

    /// One without a worker on a database of the test's own, at that address.
    pub(crate) fn with_page_on(page: &Path, database: &str, address: &str) -> Self {
        Self::start_at(address, &["--no-worker"], Some(page), Some(database))
    }

    fn start(arguments: &[&str], page: Option<&Path>) -> Self {
        Self::start_at("127.0.0.1:0", arguments, page, None)
    }

    fn start_at(bind: &str, arguments: &[&str], page: Option<&Path>, database: Option<&str>) -> Self {
        Self::start_in(folder(), bind, arguments, page, database)
    }

    fn start_in(folder: TempDir, bind: &str, arguments: &[&str], page: Option<&Path>, database: Option<&str>) -> Self {
        let own_page = folder.path().join("page");
        if page.is_none() {
            super::page::write_page(&own_page);
        }
        let mut command = Command::new(hrm());
        command
            .args(["serve", "--bind", bind])
            .args(arguments)
            .env("HRM_DATA_DIR", folder.path().join("data"))
            .env("HRM_WEB_DIR", page.unwrap_or(&own_page))
            .env_remove("DATABASE_URL")
            .stdout(Stdio::piped());
        if let Some(database) = database {
            command.env("DATABASE_URL", database);
        }
        let mut child = command.spawn().expect("hrm can be started");
        let output = child.stdout.take().expect("the output is piped");
        let (sender, lines) = mpsc::channel();
        // Reads on to the end, so that the server never waits for its output to be read.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody listens any more once the server is being stopped.
                let _ = sender.send(line);
            }
        });
        let client = Client::builder().timeout(ANSWER_DEADLINE).pool_idle_timeout(IDLE).build().expect("a client");
        let mut server =
            Self { child, address: String::new(), client, folder, lines: Mutex::new(lines), trained: OnceLock::new() };
        server.address = server.wait_until_ready();
        server
    }

    fn wait_until_ready(&mut self) -> String {
        let deadline = Instant::now() + START_DEADLINE;
        let mut said = Vec::new();
        while let Some(line) = self.next_line(deadline) {
            if let Some((_, address)) = line.split_once(READY) {
                return address.trim().trim_end_matches('/').to_owned();
            }
            said.push(line);
        }
        panic!("hrm serve did not say {READY:?} but: {said:?} ({:?})", self.child.try_wait());
    }

    /// What it prints next; nothing once it has ended or the deadline has passed.
    fn next_line(&self, deadline: Instant) -> Option<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }

    /// Where its data and its page lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the built page lies.
    pub(super) fn page_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("page")
    }

    /// `http://address:port`, without a slash at its end.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, format!("{}{path}", self.address))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::of(self.request("GET", path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request("POST", path).json(body))
    }

    /// What the program prints when it is run on the server's data with these arguments and that input.
    pub(crate) fn hrm(&self, arguments: &[&str], input: &str) -> String {
        let mut command = Command::new(hrm());
        command.args(arguments).env("HRM_DATA_DIR", self.folder.path().join("data")).env_remove("DATABASE_URL");
        let output = run(command, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A finished run of [`tiny_experiment`], trained once per server.
    pub(crate) fn trained(&self) -> &Value {
        self.trained.get_or_init(|| {
            let queued = self.post("/api/v1/runs", &json!({"experiment": tiny_experiment("it-untrained")})).expect(201);
            let run = super::events::wait_until_final(self, &queued);
            assert_eq!(run["state"], "succeeded", "{run:#}");
            run
        })
    }

    /// Asks the server to stop and waits until it has.
    pub(crate) fn stop(mut self) {
        self.terminate();
    }

    fn terminate(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // A friendly signal: only so does the server stop its worker and its database.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        // Its output ends when it has ended, and its worker with it.
        let deadline = Instant::now() + STOP_DEADLINE;
        while self.next_line(deadline).is_some() {}
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.terminate();
    }
}

impl Answer {
    pub(crate) fn of(request: RequestBuilder) -> Self {
        let response = request.send().expect("the server answers");
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        let (status, headers) = (response.status().as_u16(), headers.collect());
        Self { status, headers, bytes: response.bytes().expect("the answer is complete").to_vec() }
    }

    /// The JSON of an answer with that status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem details of an answer with that status and kind; every rule of theirs is checked.
    #[track_caller]
    pub(super) fn expect_problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{problem:#}");
        assert_eq!(problem["status"], status);
        for field in ["title", "detail", "request_id"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} is missing: {problem:#}");
        }
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem
    }

    /// A header's value, empty if it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("the program reads");
    child.wait_with_output().expect("the program ends")
}

/// The item of a page that has this name.
pub(crate) fn named(page: &Value, name: &str) -> Value {
    let items = page["items"].as_array().expect("a page");
    items.iter().find(|item| item["name"] == name).expect("an item of this name").clone()
}

/// An experiment whose learning rates are zero: it goes through everything a run goes through
/// within seconds, and its model is certain to know nothing.
pub(crate) fn tiny_experiment(name: &str) -> Value {
    json!({
        "name": name,
        "data": {"source": "generate", "side": 4, "train": 60, "test": 20, "givens": [6, 9], "seed": 7},
        "arch": {
            "hidden_size": 16, "num_heads": 2, "H_layers": 1, "L_layers": 1, "H_cycles": 1, "L_cycles": 1,
            "halt_max_steps": 2, "puzzle_emb_ndim": 16
        },
        "train": {
            "batch_size": 20, "epochs": 100.0, "max_steps": 40, "lr": 0.0, "puzzle_emb_lr": 0.0,
            "lr_warmup_steps": 0, "log_every": 2
        }
    })
}
