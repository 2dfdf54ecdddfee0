//! What a browser may and may not do, and what a flood meets.

use super::server::{Answer, Server};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
};

#[test]
fn pages_of_other_origins_cannot_write() {
    let server = Server::shared();
    let with = |name: &str, value: &str| {
        let body = json!({"puzzle": "x"});
        Answer::of(server.request("POST", "/api/v1/solve").header(name, value).json(&body))
    };
    with("sec-fetch-site", "cross-site").expect_problem(403, "cross-origin");
    with("sec-fetch-site", "same-site").expect_problem(403, "cross-origin");
    with("origin", "https://example.org").expect_problem(403, "cross-origin");
    with("origin", "null").expect_problem(403, "cross-origin");
    // The page itself, and programs that are no browsers, get as far as the puzzle.
    with("origin", server.address()).expect_problem(422, "invalid-puzzle");
    with("sec-fetch-site", "same-origin").expect_problem(422, "invalid-puzzle");
    with("accept", "*/*").expect_problem(422, "invalid-puzzle");
    assert_eq!(Answer::of(server.request("GET", "/healthz").header("sec-fetch-site", "cross-site")).status, 200);
}

#[test]
fn only_names_of_loopback_are_answered() {
    let server = Server::shared();
    let port = server.address().rsplit_once(':').map_or("", |(_, port)| port);
    let with = |host: &str, path: &str| Answer::of(server.request("GET", path).header("host", host));
    assert_eq!(with(&format!("localhost:{port}"), "/healthz").status, 200);
    assert_eq!(with("[::1]", "/healthz").status, 200);
    for host in ["rebound.example.org", &format!("rebound.example.org:{port}"), "10.1.2.3"] {
        for path in ["/healthz", "/api/v1/runs", "/", "/api/docs/"] {
            with(host, path).expect_problem(403, "unknown-host");
        }
    }
}

#[test]
fn every_answer_tells_the_browser_its_limits() {
    let server = Server::shared();
    for path in ["/", "/healthz", "/api/v1/nothing", "/api/docs/", "/api/openapi.json"] {
        let answer = server.get(path);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("script-src 'self' 'unsafe-inline'"), "{path}: {policy}");
    }
    assert!(server.get("/").header("content-security-policy").contains("'wasm-unsafe-eval'"));
}

#[test]
fn answers_are_compressed_when_asked_for() {
    let server = Server::shared();
    let answer = Answer::of(server.request("GET", "/api/openapi.json").header("accept-encoding", "gzip"));
    assert_eq!((answer.status, answer.header("content-encoding")), (200, "gzip"));
    assert_eq!(answer.bytes[..2], [0x1f, 0x8b]);
    assert_eq!(server.get("/api/openapi.json").header("content-encoding"), "");
    // What was done already is not refused for want of a coding.
    let request = server.request("POST", "/api/v1/solve").header("accept-encoding", "identity;q=0");
    let solved = Answer::of(request.json(&json!({"puzzle": ".".repeat(36), "steps": 1})));
    assert_eq!((solved.status, solved.header("content-encoding")), (200, ""));
}

#[test]
fn a_flood_of_puzzles_is_answered_or_shed_but_never_lost() {
    // Of its own: others would be shed with it. The model that ships answers.
    let server = Server::without_worker();
    let body = json!({"puzzle": ".".repeat(36), "steps": 20});
    let answers: Vec<Answer> = thread::scope(|scope| {
        let clients: Vec<_> = (0..80).map(|_| scope.spawn(|| server.post("/api/v1/solve", &body))).collect();
        clients.into_iter().map(|client| client.join().expect("a client ends")).collect()
    });
    let (solved, shed): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(solved.len() >= 2, "room for one at work and one that waits: {}", solved.len());
    for answer in shed {
        answer.expect_problem(503, "overloaded");
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1));
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn broken_requests_do_not_reach_the_handlers() {
    let server = Server::shared();
    let host = server.address().trim_start_matches("http://").to_owned();
    let speak = |text: &str| {
        let mut stream = TcpStream::connect(&host).expect("the server listens");
        stream.write_all(text.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        // The server may hang up in the middle of nonsense.
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    assert!(speak("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    let without_host = speak("GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n");
    assert!(without_host.starts_with("HTTP/1.1 403"), "{without_host}");
    let elsewhere = speak("GET http://example.org/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(elsewhere.starts_with("HTTP/1.1 403"), "{elsewhere}");
    let problem: Value =
        elsewhere.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok()).unwrap_or_default();
    assert_eq!(problem["type"], "/problems/unknown-host");
}
