//! Health, workers, the OpenAPI document, its page, and errors that belong to no resource.

use super::server::{Answer, Server};
use crate::{folder::folder, program::hrm};
use serde_json::{Value, json};
use std::{
    io::{self, BufRead, BufReader},
    process::{Command, Stdio},
};

#[test]
fn a_ready_server_says_so() {
    let server = Server::shared();
    let health = server.get("/healthz").expect(200);
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(health["models"].is_u64());
}

#[test]
fn a_server_goes_on_when_nobody_reads_where_it_is() {
    let data = folder();
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let mut server = Command::new(hrm())
        .args(["serve", "--bind", "127.0.0.1:0", "--no-worker"])
        .env("HRM_DATA_DIR", data.path())
        .env_remove("DATABASE_URL")
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("hrm can be started");
    let mut log = BufReader::new(server.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let said = log.find(|line| line.contains("nobody reads")).expect("the log says that it is ready");
    let address = said.rsplit_once("address=").expect("and where").1;
    let health = reqwest::blocking::get(format!("http://{address}/healthz")).expect("an answer");
    assert_eq!(health.status(), 200);
    let asked = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().expect("kill");
    assert!(asked.success() && server.wait().expect("its end").success());
}

#[test]
fn the_worker_that_the_server_keeps_is_listed() {
    let server = Server::shared();
    let run = server.trained();
    let page = server.get("/api/v1/workers").expect(200);
    let workers = page["items"].as_array().expect("a page has items");
    assert_eq!(workers.len(), 1, "{page:#}");
    assert!(workers[0]["pid"].is_u64() && workers[0]["device"].is_string(), "{page:#}");
    assert!(run["started_at"].as_str() > workers[0]["started_at"].as_str(), "the worker was there before its run");
}

#[test]
fn the_openapi_document_is_the_one_under_review() {
    let output = Command::new(hrm()).arg("openapi").output().expect("hrm can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("the document is text");
    let kept = include_str!("../openapi.json");
    assert!(
        printed == kept,
        "the API has changed: look at the difference after `target/release/hrm openapi > tests/it/openapi.json` and commit it if it is meant"
    );
    let served = Server::shared().get("/api/openapi.json").expect(200);
    assert_eq!(served, serde_json::from_str::<Value>(kept).expect("the document is JSON"));
}

#[test]
fn the_documentation_is_served_without_the_outside_world() {
    let server = Server::shared();
    let page = server.get("/api/docs/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html"));
    let html = page.text();
    assert!(!html.contains("//cdn") && !html.contains("https://unpkg"), "{html}");
    for name in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert!(html.contains(name), "{html}");
        assert_eq!(server.get(&format!("/api/docs/{name}")).status, 200, "{name}");
    }
    let script = server.get("/api/docs/swagger-initializer.js").text();
    assert!(script.contains("/api/openapi.json") && script.contains("\"validatorUrl\": \"none\""), "{script}");
}

#[test]
fn unknown_addresses_and_methods_are_problems_too() {
    let server = Server::shared();
    for path in ["/api/", "/api/v1", "/api/v1/nothing", "/api/v2/solve", "/api/v1/runs/"] {
        server.get(path).expect_problem(404, "no-such-operation");
    }
    let answer = Answer::of(server.request("DELETE", "/api/v1/solve"));
    answer.expect_problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "POST");
    let answer = Answer::of(server.request("PUT", "/api/v1/runs"));
    answer.expect_problem(405, "method-not-allowed");
    Answer::of(server.request("POST", "/healthz")).expect_problem(405, "method-not-allowed");
}

#[test]
fn bodies_that_are_no_json_are_refused() {
    let server = Server::shared();
    let post = |kind: &str, body: &str| {
        Answer::of(server.request("POST", "/api/v1/solve").header("content-type", kind).body(body.to_owned()))
    };
    post("application/json", "{\"puzzle\": ").expect_problem(400, "malformed-json");
    post("application/json", "").expect_problem(400, "malformed-json");
    post("application/json", "{} {}").expect_problem(422, "invalid-request");
    post("application/json", &"[".repeat(10_000)).expect_problem(400, "malformed-json");
    post("text/plain", "{}").expect_problem(415, "unsupported-media-type");
    post("application/json; charset=utf-8", "{}").expect_problem(422, "invalid-request");
    for megabytes in [2, 12] {
        let answer = post("application/json", &format!("\"{}\"", "x".repeat(megabytes << 20)));
        answer.expect_problem(413, "too-large");
        assert_eq!(answer.header("connection"), "close");
    }
}

#[test]
fn a_request_keeps_its_id_and_gets_one_if_it_has_none() {
    let server = Server::shared();
    let with = |id: &str| Answer::of(server.request("GET", "/api/v1/nothing").header("x-request-id", id));
    assert_eq!(with("from-a-proxy.7").expect_problem(404, "no-such-operation")["request_id"], "from-a-proxy.7");
    for unfit in ["with space", "\"quoted\"", &"x".repeat(65)] {
        let given = with(unfit).expect_problem(404, "no-such-operation")["request_id"].clone();
        assert_ne!(given, json!(unfit));
    }
    assert_ne!(server.get("/healthz").header("x-request-id"), server.get("/healthz").header("x-request-id"));
}
