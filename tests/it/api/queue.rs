//! The queue over HTTP: order, pausing, other tries, evaluations and large datasets.

use super::server::{Answer, Server, tiny_experiment};
use crate::wait::a_moment;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longest wait for a tiny job to end.
const DEADLINE: Duration = Duration::from_mins(5);

const NO_ID: &str = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77";

fn queue(server: &Server, name: &str, owner: &str, priority: i32) -> Value {
    let request = json!({"experiment": tiny_experiment(name), "owner": owner, "priority": priority});
    server.post("/api/v1/runs", &request).expect(201)
}

fn path(run: &Value, rest: &str) -> String {
    format!("/api/v1/runs/{}{rest}", run["id"].as_str().expect("a run has an id"))
}

fn patch(server: &Server, run: &Value, change: &Value) -> Answer {
    Answer::of(server.request("PATCH", &path(run, "")).json(change))
}

/// The job at that address once it has ended.
fn ended(server: &Server, address: &str, job: impl Fn(&Value) -> &Value) -> Value {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = server.get(address).expect(200);
        if !matches!(job(&answer)["state"].as_str(), Some("queued" | "running")) {
            return answer;
        }
        assert!(Instant::now() < deadline, "it does not end: {answer:#}");
        a_moment();
    }
}

#[test]
fn priorities_order_the_queue_and_can_be_changed() {
    let server = Server::without_worker();
    let (low, high) = (queue(&server, "it-low", "ann", 0), queue(&server, "it-high", "bob", 5));
    assert_eq!((&high["owner"], &high["priority"]), (&json!("bob"), &json!(5)));
    let position = |run: &Value| server.get(&path(run, "")).expect(200)["queue_position"].clone();
    assert_eq!((position(&high), position(&low)), (json!(0), json!(1)));
    let changed = patch(&server, &low, &json!({"priority": 9})).expect(200);
    assert_eq!((&changed["priority"], &changed["queue_position"]), (&json!(9), &json!(0)));
    assert_eq!(position(&high), json!(1));
    assert_eq!(changed["starts_in_seconds"], Value::Null, "no worker is there");

    for (change, field) in [(json!({"priority": 101}), "priority"), (json!({"priority": "high"}), "priority")] {
        let problem = patch(&server, &low, &change).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], field, "{change}");
    }
    let wrong = |owner: &str, priority: i32| {
        let request = json!({"experiment": tiny_experiment("it-wrong"), "owner": owner, "priority": priority});
        server.post("/api/v1/runs", &request).expect_problem(422, "invalid-request")["field"].clone()
    };
    assert_eq!(wrong("a b", 0), "owner");
    assert_eq!(wrong("ann", -101), "priority");
    let jobs = server.get("/api/v1/jobs?kind=training&state=queued").expect(200);
    let told: Vec<_> =
        jobs["items"].as_array().into_iter().flatten().map(|job| job["queue_position"].clone()).collect();
    assert_eq!(told, [json!(1), json!(0)], "the newest is first in the list, and second in the queue");
    assert_eq!(jobs["items"][0]["waits_for"], "a worker: none is at work");
    let names: Vec<&Value> = jobs["items"].as_array().into_iter().flatten().map(|job| &job["name"]).collect();
    assert_eq!(names, ["it-high", "it-low"]);
}

#[test]
fn what_cannot_be_asked_of_a_run_is_refused_with_its_state() {
    let server = Server::without_worker();
    let run = queue(&server, "it-asked", "ann", 0);
    let ask = |wish: &str| server.post(&path(&run, wish), &json!({}));
    let refused = |wish: &str, state: &str| {
        let problem = ask(wish).expect_problem(409, "conflict");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(&format!("\"{state}\"")), "{wish}: {detail}");
    };
    refused("/resume", "queued");
    refused("/retry", "queued");
    let paused = ask("/pause").expect(200);
    assert_eq!((&paused["state"], &paused["queue_position"]), (&json!("paused"), &Value::Null));
    assert_eq!(ask("/resume").expect(200)["state"], "queued");
    assert_eq!(ask("/cancel").expect(200)["state"], "cancelled");
    refused("/pause", "cancelled");
    refused("/resume", "cancelled");
    patch(&server, &run, &json!({"priority": 1})).expect_problem(409, "conflict");
    let again = ask("/retry").expect(200);
    assert_eq!((&again["state"], &again["cancel_requested"]), (&json!("queued"), &json!(false)));
    for wish in ["pause", "resume", "retry"] {
        server.post(&format!("/api/v1/runs/{NO_ID}/{wish}"), &json!({})).expect_problem(404, "not-found");
    }
}

#[test]
fn what_is_asked_of_a_run_touches_no_other_job() {
    let server = Server::without_worker();
    let batch = server.post("/api/v1/batches", &json!({"puzzles": [".".repeat(36)]})).expect(201);
    let id = batch["job"]["id"].as_str().expect("an id");
    let state = || server.get(&format!("/api/v1/jobs/{id}")).expect(200)["state"].clone();
    let wishes = [("pause", json!({})), ("resume", json!({})), ("cancel", json!({})), ("move", json!({"to": "back"}))];
    for (wish, body) in wishes {
        server.post(&format!("/api/v1/runs/{id}/{wish}"), &body).expect_problem(404, "not-found");
        assert_eq!(state(), "queued", "{wish}");
    }
    server.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).expect(200);
    server.post(&format!("/api/v1/runs/{id}/retry"), &json!({})).expect_problem(404, "not-found");
    assert_eq!(state(), "cancelled");
}

#[test]
fn a_stored_model_is_evaluated_by_a_worker() {
    let server = Server::shared();
    let run = server.trained();
    let request = json!({
        "model": run["checkpoint_id"], "dataset": run["dataset_id"], "protocol": {"halting": "fixed", "max_steps": 2},
    });
    let answer = server.post("/api/v1/evaluations", &request);
    let queued = answer.expect(201);
    assert_eq!((&queued["job"]["kind"], &queued["spec"]["split"]), (&json!("evaluation"), &json!("test")));
    let done = ended(&server, answer.header("location"), |answer| &answer["job"]);
    assert_eq!(done["job"]["state"], "succeeded", "{done:#}");
    assert_eq!((&done["evaluation"]["n"], &done["evaluation"]["protocol"]), (&json!(20), &request["protocol"]));
    let page = server.get("/api/v1/evaluations").expect(200);
    assert!(page["items"].as_array().is_some_and(|items| items.contains(&done)), "{page:#}");
    let of = |model: &str| server.get(&format!("/api/v1/evaluations?model_id={model}")).expect(200)["items"].clone();
    let of_it = of(run["checkpoint_id"].as_str().unwrap_or_default());
    let of_it = of_it.as_array().expect("a list");
    let all_of_it = of_it.iter().all(|one| one["spec"]["checkpoint_id"] == run["checkpoint_id"]);
    assert!(of_it.contains(&done) && all_of_it, "{of_it:#?}");
    assert_eq!(of(NO_ID), json!([]), "of a model and no other");
    let board = format!("/api/v1/leaderboard?dataset_id={}", run["dataset_id"].as_str().unwrap_or_default());
    let board = server.get(&board).expect(200);
    let mut rows = board["items"].as_array().into_iter().flatten();
    assert!(rows.any(|row| row["evaluation_id"] == done["job"]["evaluation_id"]), "{board:#}");

    let refused = |body: Value, status, kind| server.post("/api/v1/evaluations", &body).expect_problem(status, kind);
    refused(json!({"model": "nobody", "dataset": run["dataset_id"]}), 404, "not-found");
    refused(json!({"model": run["checkpoint_id"], "dataset": "nothing"}), 404, "not-found");
    let steps = json!({"model": run["checkpoint_id"], "dataset": run["dataset_id"],
                       "protocol": {"halting": "q", "max_steps": 0}});
    assert_eq!(refused(steps, 422, "invalid-request")["field"], "protocol.max_steps");
    let attempts = |attempts: u32| {
        json!({"model": run["checkpoint_id"], "dataset": run["dataset_id"],
               "protocol": {"halting": "q", "max_steps": 2, "attempts": attempts}})
    };
    assert_eq!(refused(attempts(257), 422, "invalid-request")["field"], "protocol.attempts");
    let empty = json!({"model": run["checkpoint_id"], "dataset": run["dataset_id"], "split": "validation"});
    assert_eq!(refused(empty, 422, "invalid-request")["field"], "split");

    let several = server.post("/api/v1/evaluations", &attempts(3));
    let several = ended(&server, several.header("location"), |answer| &answer["job"]);
    let counts = &several["evaluation"]["attempts"]["solved_within"];
    assert_eq!(
        (counts.as_array().map(Vec::len), &counts[0]),
        (Some(3), &several["evaluation"]["exact"]),
        "{several:#}"
    );
    let boards = server.get("/api/v1/leaderboards").expect(200);
    let board = boards["items"].as_array().expect("a list").iter().find(|board| board["protocol"]["attempts"] == 3);
    let board = server.get(&format!("/api/v1/leaderboards/{}", board.expect("its own")["id"].as_str().expect("an id")));
    assert_eq!(board.expect(200)["metric"], "solved");
    server.get(&format!("/api/v1/evaluations/{NO_ID}")).expect_problem(404, "not-found");
    let of_a_run = format!("/api/v1/evaluations/{}", run["id"].as_str().unwrap_or_default());
    server.get(&of_a_run).expect_problem(404, "not-found");
}

#[test]
fn a_large_dataset_is_a_job_and_a_cancelled_one_is_not_stored() {
    let server = Server::shared();
    let request = |name: &str, train: u32, seed: u32| {
        let generate = json!({"side": 4, "train": train, "test": 10, "givens": [5, 8], "seed": seed});
        server.post("/api/v1/datasets", &json!({"name": name, "generate": generate}))
    };
    let answer = request("it-large", 5_001, 31);
    let job = answer.expect(202);
    assert_eq!((&job["kind"], &job["name"]), (&json!("generation"), &json!("it-large")));
    let done = ended(&server, answer.header("location"), |job| job);
    assert_eq!(done["state"], "succeeded", "{done:#}");
    let dataset = format!("/api/v1/datasets/{}", done["dataset_id"].as_str().unwrap_or_default());
    assert_eq!(server.get(&dataset).expect(200)["train_count"], 5_001);
    request("it-large", 5_001, 32).expect_problem(409, "conflict");

    // So many puzzles with so many givens do not exist; looking for them takes long enough to be stopped.
    let generate = json!({"side": 9, "train": 1_000_000, "test": 10, "givens": [22, 24], "seed": 1});
    let answer = server.post("/api/v1/datasets", &json!({"name": "it-endless", "generate": generate}));
    answer.expect(202);
    let address = answer.header("location");
    server.post(&format!("{address}/cancel"), &json!({})).expect(200);
    assert_eq!(ended(&server, address, |job| job)["state"], "cancelled");
    // Few that are much work are a job, too, once the request has waited for long enough.
    let generate = json!({"kind": "maze", "maze": "hard", "side": 30, "train": 4_000, "test": 10, "seed": 1});
    let answer = server.post("/api/v1/datasets", &json!({"name": "it-slow", "generate": generate}));
    answer.expect(202);
    server.post(&format!("{}/cancel", answer.header("location")), &json!({})).expect(200);
    server.get(&format!("/api/v1/jobs/{NO_ID}")).expect_problem(404, "not-found");
}

#[test]
fn a_queued_job_is_moved_and_says_where_it_stands() {
    let server = Server::without_worker();
    let runs: Vec<Value> = ["it-1", "it-2", "it-3"].map(|name| queue(&server, name, "ann", 0)).into();
    let other = queue(&server, "it-other", "bob", 0);
    let id = |run: &Value| run["id"].as_str().expect("an id").to_owned();
    let line =
        || runs.iter().map(|run| server.get(&path(run, "")).expect(200)["queue_position"].clone()).collect::<Vec<_>>();
    assert_eq!(line(), [0, 2, 3]);
    let moved = server.post(&path(&runs[2], "/move"), &json!({"to": "front"})).expect(200);
    assert_eq!(
        (&moved["queue_position"], &moved["reason"]),
        (&json!(0), &json!("moved to the front of its owner's line"))
    );
    assert_eq!(line(), [2, 3, 0], "Bob's turn comes after Ann's first, as before");
    let job = format!("/api/v1/jobs/{}/move", id(&runs[0]));
    let moved = server.post(&job, &json!({"to": "after", "job_id": id(&runs[1])})).expect(200);
    assert_eq!(moved["reason"], "moved behind it-2");
    assert_eq!(line(), [3, 2, 0]);

    server.post(&job, &json!({"to": "before", "job_id": id(&other)})).expect_problem(409, "conflict");
    for body in [
        json!({"to": "before"}),
        json!({"to": "front", "job_id": id(&runs[1])}),
        json!({"to": "after", "job_id": NO_ID}),
    ] {
        assert_eq!(server.post(&job, &body).expect_problem(422, "invalid-request")["field"], "job_id", "{body}");
    }
    assert_eq!(server.post(&job, &json!({"to": "top"})).expect_problem(422, "invalid-request")["field"], "to");
    server.post(&path(&runs[0], "/cancel"), &json!({})).expect(200);
    server.post(&job, &json!({"to": "front"})).expect_problem(409, "conflict");
    server.post(&format!("/api/v1/jobs/{NO_ID}/move"), &json!({"to": "front"})).expect_problem(404, "not-found");
}
