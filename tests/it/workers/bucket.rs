//! Chunks in a bucket: a server that speaks S3's protocol, and the program built with the feature `s3`. `make s3` sets both
//! up and runs this.

use super::{Process, SHORT, Stack, command, has_trained, ready};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Longest wait for a bucket server, or for what is done every ten seconds.
const DEADLINE: Duration = Duration::from_mins(2);

/// A server of buckets on loopback, which keeps them in memory.
struct Buckets {
    server: Option<Process>,
    port: u16,
    client: Client,
}

impl Buckets {
    /// Where one will be.
    fn planned() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        Self { server: None, port, client: Client::new() }
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn start(&mut self) {
        let program = std::env::var("HRM_MOTO").expect("HRM_MOTO names the program moto_server; `make s3` sets it");
        let mut server = Command::new(program);
        server.args(["-H", "127.0.0.1", "-p", &self.port.to_string()]);
        let server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("moto_server can be started");
        self.server = Some(Process(server));
        let deadline = Instant::now() + DEADLINE;
        while self.client.get(format!("{}/moto-api/", self.address())).send().is_err() {
            assert!(Instant::now() < deadline, "moto_server does not answer");
        }
    }

    /// Whether keys are checked from now on; nobody has any.
    fn check_keys(&self, check: bool) {
        let allowed = if check { "0" } else { "inf" };
        let answer = self.client.post(format!("{}/moto-api/reset-auth", self.address())).body(allowed).send();
        assert!(answer.expect("an answer").status().is_success());
    }

    fn create(&self, bucket: &str) {
        let answer = self.client.put(format!("{}/{bucket}", self.address())).send().expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// The names of a bucket's objects.
    fn objects(&self, bucket: &str) -> Vec<String> {
        let answer = self.client.get(format!("{}/{bucket}?list-type=2", self.address())).send().expect("an answer");
        let list = answer.text().expect("a list");
        let keys = list.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
        keys.map(|(key, _)| key.to_owned()).collect()
    }

    fn delete(&self, address: &str) {
        Self::change(self.client.delete(self.object(address)));
    }

    /// Other bytes in the place of an object's own.
    fn damage(&self, address: &str) {
        Self::change(self.client.put(self.object(address)).body("damaged"));
    }

    fn object(&self, address: &str) -> String {
        format!("{}/{}", self.address(), address.strip_prefix("s3://").expect("an object's address"))
    }

    fn change(request: RequestBuilder) {
        // Nobody checks the signature, but there must be one.
        let signature = "AWS4-HMAC-SHA256 Credential=nobodys-key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, \
                         Signature=0";
        let answer = request.header("authorization", signature).send().expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

/// A server or worker that moves chunks into the bucket `hrm-test`, and says what it does into a file.
fn with_bucket(stack: &Stack, buckets: &Buckets, arguments: &[&str], log: &str) -> Command {
    let mut command = command(stack.folder.path(), stack.lease_seconds, arguments);
    command
        .env("HRM_OBJECT_STORE", "s3://hrm-test/chunks")
        .env("HRM_SAVE_SECONDS", "0")
        .env("AWS_ENDPOINT", buckets.address())
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "nobodys-key")
        .env("AWS_SECRET_ACCESS_KEY", "nobodys-secret")
        .stderr(File::options().create(true).append(true).open(stack.folder.path().join(log)).expect("a log"));
    command
}

fn start_worker(stack: &mut Stack, buckets: &Buckets) {
    let mut worker = with_bucket(stack, buckets, &["worker"], "worker.log");
    stack.workers.push(Process(worker.stdin(Stdio::null()).spawn().expect("hrm can be started")));
}

/// Replaces the server, which looks after garbage when it begins.
fn restart_server(stack: &mut Stack, buckets: &Buckets) {
    let serve = with_bucket(stack, buckets, &["serve", "--bind", "127.0.0.1:0", "--no-worker"], "server.log");
    let (server, address) = ready(serve);
    stack.server = server;
    stack.remote = super::Remote::at(address);
}

/// Waits until that log holds these words in one line; the line.
fn said(stack: &Stack, log: &str, words: &[&str]) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let text = fs::read_to_string(stack.folder.path().join(log)).expect("a log");
        if let Some(line) = text.lines().find(|line| words.iter().all(|word| line.contains(word))) {
            return line.to_owned();
        }
        assert!(Instant::now() < deadline, "nobody said {words:?}: {text}");
    }
}

/// The SHA-256 of a run's checkpoint as it is downloaded, or the status that refused it.
fn downloaded(stack: &Stack, run: &Value) -> Result<String, String> {
    let id = run["checkpoint_id"].as_str().unwrap_or_else(|| panic!("no checkpoint: {run:#}"));
    let answer = stack.get(&format!("/api/v1/models/{id}/file"));
    if answer.status() != 200 {
        return Err(format!("{} {}", answer.status(), answer.text().unwrap_or_default()));
    }
    answer.bytes().map(|file| format!("{:x}", Sha256::digest(&file))).map_err(|error| error.to_string())
}

const INSIDE: &str = "SELECT count(bytes) FROM chunks";
const OUTSIDE: &str = "SELECT count(object) FROM chunks";

#[test]
#[ignore = "needs a program with the feature s3 and a server of buckets; `make s3` has both"]
fn a_bucket_that_is_away_wrong_or_damaged_loses_nothing_that_it_was_not_given() {
    let mut buckets = Buckets::planned();
    let mut stack = Stack::start(0, SHORT);
    restart_server(&mut stack, &buckets);
    start_worker(&mut stack, &buckets);

    // Nobody answers at the bucket's address.
    let run = stack.queue_of_width("kept", 20, 256);
    let run = stack.await_run(&run, |run| run["state"] == "succeeded");
    let refused =
        said(&stack, "server.log", &["chunks could not be moved; they stay in the database", "s3://hrm-test/"]);
    eprintln!("away:              {refused}");
    assert_eq!(stack.sql(OUTSIDE), "0");
    let chunks: u64 = stack.sql(INSIDE).parse().expect("a number");
    let hash = downloaded(&stack, &run).expect("the checkpoint");
    let model: Value =
        stack.get(&format!("/api/v1/models/{}", run["checkpoint_id"].as_str().expect("an id"))).json().expect("JSON");
    assert_eq!(model["sha256"], hash.as_str());
    let size = model["size"].as_u64().expect("a size");
    assert!(size > 3 << 20, "several chunks: {size}");

    // It answers, and knows no such key; then it knows everybody, and has no such bucket.
    buckets.start();
    buckets.check_keys(true);
    let refused = said(&stack, "server.log", &["chunks could not be moved", "InvalidAccessKeyId"]);
    eprintln!("wrong credentials: {refused}");
    buckets.check_keys(false);
    let refused = said(&stack, "server.log", &["chunks could not be moved", "NoSuchBucket"]);
    eprintln!("no such bucket:    {refused}");
    assert_eq!((stack.sql(OUTSIDE), stack.sql(INSIDE)), ("0".into(), chunks.to_string()));

    // As soon as there is one everything moves, and is read from there.
    buckets.create("hrm-test");
    let begun = Instant::now();
    stack.await_sql(INSIDE, |inside| inside == "0");
    eprintln!("{chunks} chunks moved within {:?}", begun.elapsed());
    assert_eq!(buckets.objects("hrm-test").len() as u64, chunks);
    assert_eq!(downloaded(&stack, &run), Ok(hash.clone()));

    // The states of a run that goes on are stored there, replaced, and collected.
    let endless = stack.queue_of_width("endless", 1_000_000_000, 256);
    stack.await_run(&endless, has_trained);
    stack.await_sql("SELECT count(*) FROM dropped_objects", |dropped| dropped.parse::<u64>().is_ok_and(|n| n > 0));
    stack.ask(&endless, "pause");
    stack.await_run(&endless, |run| run["state"] == "paused");
    stack.await_sql(INSIDE, |inside| inside == "0");
    stack.sql("UPDATE dropped_objects SET dropped_at = now() - interval '2 hours'");
    restart_server(&mut stack, &buckets);
    stack.await_sql("SELECT count(*) FROM dropped_objects", |dropped| dropped == "0");
    assert_eq!(buckets.objects("hrm-test").len().to_string(), stack.sql(OUTSIDE), "nothing is left behind");

    // While the bucket is away a run that is to go on waits for it, and a download says so. It begins where it was.
    let step = stack.await_run(&endless, |_| true)["step"].clone();
    buckets.server.as_ref().expect("a server").signal("-STOP");
    let refused = downloaded(&stack, &run).expect_err("nobody answers");
    eprintln!("download while away: {refused}");
    assert!(refused.starts_with("503") && refused.contains("the object store"), "{refused}");
    stack.ask(&endless, "resume");
    let waits =
        format!("SELECT message FROM run_logs WHERE job_id = '{endless}' AND message LIKE '%it is tried again%'");
    let waits = stack.await_sql(&waits, |line| !line.is_empty());
    eprintln!("resumed while away:  {waits}");
    buckets.server.as_ref().expect("a server").signal("-CONT");
    let again = stack.await_run(&endless, |run| has_trained(run) && run["step"].as_u64() > step.as_u64());
    assert_eq!((&again["state"], again["deaths"].as_u64()), (&Value::from("running"), Some(0)));
    let from = format!("SELECT from_step FROM run_attempts WHERE run_id = '{endless}' ORDER BY attempt DESC LIMIT 1");
    assert_eq!(stack.sql(&from), step.to_string());

    // A damaged object: of a state the one before it is used, of a checkpoint the download breaks off. So it does when
    // the object is gone.
    stack.ask(&endless, "pause");
    stack.await_run(&endless, |run| run["state"] == "paused");
    stack.await_sql(INSIDE, |inside| inside == "0");
    let of = |table: &str, id: &str| {
        format!(
            "SELECT object FROM {table} JOIN artifact_chunks USING (artifact_id) JOIN chunks ON chunk = sha256
             WHERE run_id = '{id}' AND position = 1 ORDER BY step DESC LIMIT 1"
        )
    };
    buckets.damage(&stack.sql(&of("train_states", &endless)));
    let chunk = stack.sql(&of("checkpoints", run["id"].as_str().expect("an id")));
    buckets.damage(&chunk);
    let damaged = downloaded(&stack, &run).expect_err("a chunk is another");
    let said_so = said(&stack, "server.log", &[&chunk, "do not have the hash"]);
    eprintln!("download of a damaged chunk: {damaged}; the server's log: {said_so}");
    buckets.delete(&chunk);
    let lost = downloaded(&stack, &run).expect_err("a chunk is gone");
    let said_so = said(&stack, "server.log", &[&chunk, "nothing is at"]);
    eprintln!("download of a lost chunk: {lost}; the server's log: {said_so}");
    let newest = format!("SELECT max(step) FROM train_states WHERE run_id = '{endless}' AND NOT damaged");
    let newest: u64 = stack.sql(&newest).parse().expect("a step");
    stack.ask(&endless, "resume");
    stack.await_run(&endless, |run| has_trained(run) && run["step"].as_u64() > Some(newest));
    let from: u64 = stack.sql(&from).parse().expect("a step");
    assert!(from < newest, "the state before the damaged one is used: {from} of {newest}");
    stack.ask(&endless, "cancel");
    stack.await_run(&endless, |run| run["state"] == "cancelled");
}
