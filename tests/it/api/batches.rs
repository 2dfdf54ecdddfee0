//! Many puzzles as one job: queued, answered by a worker, listed, downloaded, deleted.

use super::server::{Answer, Server};
use serde_json::{Value, json};

/// Puzzles of side 6; the model that ships solves most.
const PUZZLES: [&str; 3] = [
    "3..5...4..2.5..6...6..1..3...4..23..",
    "..13.4..6...........5.31.1.4.52.4.1.",
    "2.63..3.....5..624......6.5..2..3.6.",
];

fn id(queued: &Value) -> &str {
    queued["job"]["id"].as_str().expect("an id")
}

fn ended(server: &Server, queued: &Value) -> Value {
    let path = format!("/api/v1/batches/{}", queued["job"]["id"].as_str().expect("an id"));
    loop {
        let batch = server.get(&path).expect(200);
        if ["succeeded", "failed", "cancelled"].contains(&batch["job"]["state"].as_str().unwrap_or_default()) {
            return batch;
        }
    }
}

#[test]
fn sent_puzzles_are_answered_as_each_alone_would_be() {
    let server = Server::with_worker();
    let body = json!({"puzzles": PUZZLES, "model": "sudoku-6x6", "steps": 2});
    let send = || {
        let request = server.request("POST", "/api/v1/batches").header("idempotency-key", "once");
        Answer::of(request.json(&body)).expect(201)
    };
    let queued = send();
    assert_eq!(send()["job"]["id"], queued["job"]["id"], "sent again it is the same batch");
    let batch = ended(&server, &queued);
    assert_eq!(batch["job"]["state"], "succeeded", "{batch:#}");
    assert_eq!((&batch["puzzles"], &batch["answered"], &batch["job"]["done"]), (&json!(3), &json!(3), &json!(3)));
    let id = queued["job"]["id"].as_str().expect("an id");
    let page = |query: &str| server.get(&format!("/api/v1/batches/{id}/results{query}")).expect(200);
    let results = page("");
    let mut right = 0;
    for (i, puzzle) in PUZZLES.iter().enumerate() {
        let alone = json!({"puzzle": puzzle, "model": "sudoku-6x6", "steps": 2});
        let alone = server.post("/api/v1/solve", &alone).expect(200);
        let result = &results["items"][i];
        assert_eq!((&result["puzzle"], &result["position"]), (&json!(puzzle), &json!(i)));
        for field in ["answer", "solved", "steps_used"] {
            assert_eq!(result[field], alone[field], "{field} of {puzzle}");
        }
        right += u64::from(alone["solved"] == true);
    }
    assert_eq!(batch["solved"], right);
    assert_eq!(page("?solved=true")["items"].as_array().map(|items| items.len() as u64), Some(right));
    let first = page("?limit=2");
    let rest = page(&format!("?limit=2&cursor={}", first["next_cursor"].as_str().expect("there is more")));
    assert_eq!(rest["items"], json!([results["items"][2]]));
    assert_eq!(rest["next_cursor"], Value::Null);

    let file = |format: &str| server.get(&format!("/api/v1/batches/{id}/file?format={format}"));
    assert_eq!(file("json").expect(200), results["items"]);
    let csv = file("csv");
    assert!(csv.header("content-type").starts_with("text/csv"));
    let text = csv.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[1].starts_with(&format!("0,,{},", PUZZLES[0])), "{text}");

    let path = format!("/api/v1/batches/{id}");
    assert_eq!(Answer::of(server.request("DELETE", &path)).status, 204);
    server.get(&path).expect_problem(404, "not-found");
}

#[test]
fn a_datasets_split_is_answered_up_to_a_limit() {
    let server = Server::with_worker();
    let generate = json!({"side": 6, "train": 2, "test": 9, "givens": [16, 20], "seed": 3});
    server.post("/api/v1/datasets", &json!({"name": "six", "generate": generate})).expect(201);
    let queued = server.post("/api/v1/batches", &json!({"dataset": "six", "limit": 5})).expect(201);
    assert_eq!((&queued["puzzles"], &queued["job"]["name"]), (&json!(5), &json!("trm-sudoku-6x6")));
    let batch = ended(&server, &queued);
    assert_eq!((&batch["job"]["state"], &batch["answered"]), (&json!("succeeded"), &json!(5)));
    assert!(batch["solved"].as_u64() >= Some(3), "easy puzzles: {batch:#}");
    let listed = server.get("/api/v1/batches").expect(200);
    assert_eq!(listed["items"][0]["job"]["id"], queued["job"]["id"]);
    let model = queued["spec"]["checkpoint_id"].as_str().expect("an id");
    let of = |model: &str| server.get(&format!("/api/v1/batches?model_id={model}")).expect(200)["items"].clone();
    assert_eq!((of(model).as_array().map(Vec::len), of(id(&queued))), (Some(1), json!([])), "of a model and no other");
    assert_eq!(server.get("/api/v1/jobs?kind=batch").expect(200)["items"][0]["kind"], "batch");

    let again = json!({"dataset": "six", "limit": 5, "attempts": 64});
    let again = ended(&server, &server.post("/api/v1/batches", &again).expect(201));
    assert_eq!((&again["solved"], &again["spec"]["attempts"]), (&json!(5), &json!(64)), "one view after the other");
    let results = server.get(&format!("/api/v1/batches/{}/results", id(&again))).expect(200);
    let attempts = results["items"].as_array().expect("results").iter().map(|result| result["attempts"].as_u64());
    assert_eq!(
        attempts.filter(|attempts| *attempts == Some(1)).count() as u64,
        batch["solved"],
        "the others took more"
    );
}

#[test]
fn wrong_batches_are_refused_with_the_puzzle_that_is_wrong() {
    let server = Server::without_worker();
    let refused = |body: Value, field: &str, says: &str| {
        let problem = server.post("/api/v1/batches", &body).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], field, "{body}: {problem:#}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{body}: {problem:#}");
    };
    refused(json!({}), "puzzles", "expected either puzzles or a dataset");
    refused(json!({"puzzles": [], "model": "sudoku-6x6"}), "puzzles", "expected 1 to 10000 puzzles, found 0");
    refused(json!({"puzzles": [PUZZLES[0], "12"]}), "puzzles[1]", "found 2");
    refused(json!({"puzzles": [PUZZLES[0], ".".repeat(16)]}), "puzzles[1]", "expected a sudoku of side 6");
    refused(json!({"puzzles": [PUZZLES[0]], "limit": 3}), "limit", "only with a dataset");
    refused(json!({"puzzles": [PUZZLES[0]], "steps": 0}), "steps", "expected 1 to 1024");
    refused(json!({"puzzles": [PUZZLES[0]], "attempts": 0}), "attempts", "expected 1 to 256");
    server.post("/api/v1/batches", &json!({"dataset": "nobody"})).expect_problem(404, "not-found");
    let queued = server.post("/api/v1/batches", &json!({"puzzles": [PUZZLES[0]]})).expect(201);
    let id = queued["job"]["id"].as_str().expect("an id");
    assert_eq!(Answer::of(server.request("DELETE", &format!("/api/v1/batches/{id}"))).status, 409, "it has not ended");
    let cancelled = server.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).expect(200);
    assert_eq!(cancelled["state"], "cancelled");
    let result = server.get(&format!("/api/v1/batches/{id}/results")).expect(200)["items"][0].clone();
    assert_eq!((&result["puzzle"], &result["answer"]), (&json!(PUZZLES[0]), &Value::Null), "no answer, and it says so");
}
