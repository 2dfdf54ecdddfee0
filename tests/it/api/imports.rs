//! Imports by address: what is private is not reached, whatever it is called.

use super::server::Server;
use serde_json::{Value, json};
use std::{io::ErrorKind, net::TcpListener};

#[test]
fn nothing_behind_the_server_is_reached_and_nothing_is_stored() {
    let server = Server::shared();
    // On every address of this machine, so that whatever leads here is noticed.
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let stored = || server.get("/api/v1/datasets?limit=100").expect(200)["items"].clone();
    let before = stored();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ];
    let mut addresses: Vec<String> = hosts.iter().map(|host| format!("https://{host}:{port}/puzzles.csv")).collect();
    addresses.push(format!("http://127.0.0.1:{port}/puzzles.csv"));
    addresses.push(server.address().replace("http", "https"));
    for url in &addresses {
        for path in ["/api/v1/datasets/import", "/api/v1/models/import"] {
            let problem = server.post(path, &json!({"url": url, "name": "it-private"}));
            let problem = problem.expect_problem(422, "unusable-source");
            assert_eq!(problem["field"], "url", "{url}");
        }
    }
    let reached = listener.accept().expect_err("nobody").kind();
    assert_eq!(reached, ErrorKind::WouldBlock, "a connection was made");
    assert_eq!(stored(), before);
}

#[test]
fn what_is_said_about_an_import_is_checked_before_anything_is_fetched() {
    let server = Server::shared();
    let refused =
        |path: &str, body: Value| server.post(path, &body).expect_problem(422, "invalid-request")["field"].clone();
    let url = "https://localhost/";
    assert_eq!(refused("/api/v1/datasets/import", json!({"url": url, "name": "a b"})), "name");
    assert_eq!(refused("/api/v1/datasets/import", json!({"url": url, "name": "x", "kind": "arc"})), "kind");
    assert_eq!(refused("/api/v1/datasets/import", json!({"url": url, "name": "x", "sha256": "ff"})), "sha256");
    assert_eq!(refused("/api/v1/datasets/import", json!({"url": url, "name": "x", "more": 1})), "more");
    assert_eq!(refused("/api/v1/models/import", json!({"url": url, "name": ""})), "name");
    assert_eq!(refused("/api/v1/models/import", json!({"url": 7, "name": "x"})), "url");
}
