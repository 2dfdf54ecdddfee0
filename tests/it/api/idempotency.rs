//! Requests that are sent again with the same `Idempotency-Key`.

use super::{
    permissions::Lab,
    server::{Answer, Server, tiny_experiment},
};
use serde_json::{Value, json};

#[test]
fn a_request_that_is_sent_again_with_its_key_is_carried_out_once() {
    let lab = Lab::open();
    let (ann, bob) = (lab.token("ann", "read,write"), lab.token("bob", "read,write"));
    let send = |token: &str, key: &str, name: &str| {
        let request = lab.server.request("POST", "/api/v1/runs").bearer_auth(token).header("idempotency-key", key);
        Answer::of(request.json(&json!({"experiment": tiny_experiment(name)})))
    };
    let first = send(&ann, "one", "once");
    let made = first.expect(201);
    let again = send(&ann, "one", "once");
    assert_eq!(again.expect(201), made);
    assert_eq!((again.header("idempotency-replayed"), again.header("location")), ("true", first.header("location")));
    send(&ann, "one", "another").expect_problem(422, "idempotency-key-reused");
    assert_ne!(send(&bob, "one", "once").expect(201)["id"], made["id"], "a key is its caller's");
    assert_ne!(send(&ann, "two", "once").expect(201)["id"], made["id"]);
    // What was refused was not carried out, and may be tried again.
    send(&ann, "three", "not a name").expect_problem(422, "invalid-experiment");
    send(&ann, "three", "a-name").expect(201);
    let long = "x".repeat(129);
    assert_eq!(send(&ann, &long, "once").expect_problem(422, "invalid-request")["field"], "idempotency-key");
    let runs = lab.send(&ann, "GET", "/api/v1/runs", &Value::Null).expect(200);
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(3));
    // The same key at the same moment: one is made, the others are told to wait or get its answer.
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| send(&ann, "race", "race"))).collect();
        sent.into_iter().map(|sent| sent.join().expect("an answer")).collect()
    });
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)), "{answers:?}");
    let runs = lab.send(&ann, "GET", "/api/v1/runs", &Value::Null).expect(200);
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(4));
}

#[test]
fn what_has_no_body_or_brings_a_file_is_carried_out_once_too() {
    let server = Server::without_worker();
    let send = |path: &str, key: &str, body: Vec<u8>| {
        let request = server.request("POST", path).header("idempotency-key", key);
        Answer::of(if body.is_empty() {
            request
        } else {
            request.header("content-type", "application/octet-stream").body(body)
        })
    };
    let run = server.post("/api/v1/runs", &json!({"experiment": tiny_experiment("wished")})).expect(201);
    let wish = |name: &str| format!("/api/v1/runs/{}/{name}", run["id"].as_str().expect("an id"));
    assert_eq!(send(&wish("cancel"), "c", Vec::new()).expect(200)["state"], "cancelled");
    let again = send(&wish("cancel"), "c", Vec::new());
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    send(&wish("retry"), "c", Vec::new()).expect_problem(422, "idempotency-key-reused");

    let shipped = &server.get("/api/v1/models?name=sudoku-6x6").expect(200)["items"][0];
    let file = server.get(&format!("/api/v1/models/{}/file", shipped["id"].as_str().expect("an id"))).bytes;
    let upload = |name: &str| send(&format!("/api/v1/models?name={name}"), "m", file.clone());
    let made = upload("mine").expect(201);
    assert_eq!(upload("mine").expect(201), made);
    upload("yours").expect_problem(422, "idempotency-key-reused");
    assert_eq!(server.get("/api/v1/models?name=mine").expect(200)["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_answer_that_is_too_large_to_be_kept_is_given_once() {
    let server = Server::shared();
    let send = || {
        let request = server.request("POST", "/api/v1/solve").header("idempotency-key", "large");
        Answer::of(request.json(&json!({"puzzle": format!("{}1", ".".repeat(80)), "steps": 1024})))
    };
    let answer = send();
    answer.expect(200);
    assert!(answer.bytes.len() > 1 << 20, "{} bytes", answer.bytes.len());
    send().expect_problem(409, "idempotency-key-used-up");
}

#[test]
fn a_secret_is_kept_nowhere() {
    let lab = Lab::open();
    let root = lab.token("root", "read,admin");
    let send = |path: &str, body: &Value| {
        let request = lab.server.request("POST", path).bearer_auth(&root).header("idempotency-key", "secret");
        Answer::of(request.json(body))
    };
    let invitation = json!({"name": "carol", "role": "member", "team": "anns"});
    assert!(send("/api/v1/invitations", &invitation).expect(201)["path"].is_string());
    send("/api/v1/invitations", &invitation).expect_problem(409, "idempotency-key-used-up");
}
