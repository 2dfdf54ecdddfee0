//! Runs: queued, listed, refused, cancelled. How they are watched is in `events`.

use super::{
    events::wait_until_final,
    server::{Server, tiny_experiment},
};
use serde_json::{Value, json};

/// The id of nothing.
pub(super) const NO_ID: &str = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77";

fn queue(server: &Server, name: &str) -> Value {
    server.post("/api/v1/runs", &json!({"experiment": tiny_experiment(name)})).expect(201)
}

fn path(run: &Value, rest: &str) -> String {
    format!("/api/v1/runs/{}{rest}", run["id"].as_str().expect("a run has an id"))
}

#[test]
fn a_finished_run_tells_everything_about_itself() {
    let server = Server::shared();
    let run = server.trained();
    assert_eq!(&server.get(&path(run, "")).expect(200), run);
    assert_eq!((&run["step"], &run["total_steps"], &run["attempt"]), (&json!(40), &json!(40), &json!(1)));
    assert!(run["parameters"].as_u64().is_some_and(|count| count > 1_000), "{run:#}");
    for field in ["dataset_id", "checkpoint_id", "config_hash", "created_at", "started_at", "finished_at"] {
        assert!(run[field].is_string(), "{field} is missing: {run:#}");
    }
    assert_eq!(run["evaluation"]["n"], 20);
    let dataset =
        server.get(&format!("/api/v1/datasets/{}", run["dataset_id"].as_str().unwrap_or_default())).expect(200);
    assert_eq!((&dataset["train_count"], &dataset["test_count"]), (&json!(60), &json!(20)));
}

#[test]
fn metrics_are_read_from_where_one_stands() {
    let server = Server::shared();
    let run = server.trained();
    let steps = |query: &str| {
        let page = server.get(&path(run, &format!("/metrics{query}"))).expect(200);
        let items = page["items"].as_array().expect("a page has items").iter();
        (items.filter_map(|point| point["step"].as_u64()).collect::<Vec<_>>(), page["next_cursor"].clone())
    };
    let all: Vec<u64> = (1..=20).map(|i| 2 * i).collect();
    assert_eq!(steps(""), (all.clone(), Value::Null));
    assert_eq!(steps("?after_step=0"), (all, Value::Null));
    assert_eq!(steps("?after_step=36"), (vec![38, 40], Value::Null));
    assert_eq!(steps("?after_step=36&limit=1"), (vec![38], json!("38")));
    assert_eq!(steps("?after_step=40"), (vec![], Value::Null));
    assert_eq!(steps("?after_step=18446744073709551615"), (vec![], Value::Null));
    for (query, field) in [("after_step=-1", "after_step"), ("after_step=x", "after_step"), ("limit=0", "limit")] {
        let problem = server.get(&path(run, &format!("/metrics?{query}"))).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], field, "{query}");
    }
    server.get(&format!("/api/v1/runs/{NO_ID}/metrics")).expect_problem(404, "not-found");
}

#[test]
fn queued_runs_are_listed_and_cancelled() {
    let server = Server::without_worker();
    let answer = server.post("/api/v1/runs", &json!({"experiment": tiny_experiment("it-first")}));
    let first = answer.expect(201);
    assert_eq!(answer.header("location"), path(&first, ""));
    assert_eq!(
        (&first["state"], &first["queue_position"], &first["attempt"]),
        (&json!("queued"), &json!(0), &json!(0))
    );
    let second = queue(&server, "it-second");
    assert_eq!(second["queue_position"], 1);
    let names = |query: &str| -> Vec<Value> {
        let page = server.get(&format!("/api/v1/runs{query}")).expect(200);
        page["items"].as_array().into_iter().flatten().map(|run| run["name"].clone()).collect()
    };
    assert_eq!(names(""), ["it-second", "it-first"]);
    assert_eq!(names("?limit=1"), ["it-second"]);

    let cancelled = server.post(&path(&first, "/cancel"), &json!({})).expect(200);
    assert_eq!(cancelled["state"], "cancelled");
    server.post(&path(&first, "/cancel"), &json!({})).expect_problem(409, "conflict");
    assert_eq!(server.get(&path(&second, "")).expect(200)["queue_position"], 0);
    assert_eq!(names("?state=queued"), ["it-second"]);
    assert_eq!(names("?state=cancelled"), ["it-first"]);
    assert_eq!(wait_until_final(&server, &first)["state"], "cancelled");
}

#[test]
fn a_running_run_stops_when_asked() {
    let server = Server::shared();
    let mut experiment = tiny_experiment("it-endless");
    experiment["train"]["max_steps"] = json!(100_000_000);
    experiment["train"]["epochs"] = json!(1e9);
    let run = server.post("/api/v1/runs", &json!({"experiment": experiment})).expect(201);
    super::events::wait_for_metric(&server, &run);
    let asked = server.post(&path(&run, "/cancel"), &json!({})).expect(200);
    assert_eq!((&asked["state"], &asked["cancel_requested"]), (&json!("running"), &json!(true)));
    let ended = wait_until_final(&server, &run);
    assert_eq!((&ended["state"], &ended["checkpoint_id"]), (&json!("cancelled"), &Value::Null));
}

#[test]
fn a_run_trains_on_a_stored_dataset() {
    let server = Server::shared();
    let stored = server.trained()["dataset_id"].clone();
    let mut experiment = tiny_experiment("it-stored");
    experiment["data"] = json!({"source": "stored", "dataset": stored});
    let run = server.post("/api/v1/runs", &json!({"experiment": experiment})).expect(201);
    assert_eq!(run["dataset_id"], stored);
    let ended = wait_until_final(&server, &run);
    assert_eq!((&ended["state"], &ended["dataset_id"]), (&json!("succeeded"), &stored), "{ended:#}");
}

#[test]
fn a_run_trains_a_model_further() {
    let server = Server::shared();
    let first = server.trained();
    let model =
        server.get(&format!("/api/v1/models/{}", first["checkpoint_id"].as_str().unwrap_or_default())).expect(200);
    // No step moves a weight: what comes out is what it began with.
    let mut experiment = tiny_experiment("it-further");
    experiment["start_from"] = model["id"].clone();
    experiment["train"]["max_steps"] = json!(1);
    for rate in ["lr", "puzzle_emb_lr"] {
        experiment["train"][rate] = json!(0);
    }
    let run = server.post("/api/v1/runs", &json!({"experiment": experiment})).expect(201);
    assert_eq!(run["experiment"]["start_from"], model["sha256"], "it is known by its content");
    let run = wait_until_final(&server, &run);
    assert_eq!(run["state"], "succeeded", "{run:#}");
    for figure in ["exact", "accuracy", "mean_steps"] {
        assert_eq!(run["evaluation"][figure], first["evaluation"][figure], "{figure}");
    }
    let clone = server.post(&path(&run, "/clone"), &json!({"changes": {"start_from": null}})).expect(201);
    assert_eq!(clone["experiment"]["start_from"], Value::Null);
    server.post(&path(&clone, "/cancel"), &json!({})).expect(200);
    for (changes, field) in [
        (json!({"start_from": "nobody"}), "changes.start_from"),
        (
            json!({"data": {"source": "stored", "dataset": "none", "side": null, "train": null, "test": null,
                            "givens": null, "seed": null}}),
            "changes.data.dataset",
        ),
    ] {
        let refused = server.post(&path(&run, "/clone"), &json!({"changes": changes}));
        assert_eq!(refused.expect_problem(422, "invalid-experiment")["field"], field);
    }

    let sha256 = model["sha256"].as_str().unwrap_or_default();
    let found = server.get(&format!("/api/v1/models?sha256={sha256}")).expect(200);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found:#}");
    assert_eq!(found["items"][0]["id"], model["id"]);
    experiment["start_from"] = json!("nobody");
    let refused = server.post("/api/v1/runs", &json!({"experiment": experiment}));
    assert_eq!(refused.expect_problem(422, "invalid-experiment")["field"], "experiment.start_from");
    let sweep = json!({"name": "further", "experiment": experiment, "seeds": [1, 2]});
    let refused = server.post("/api/v1/sweeps", &sweep).expect_problem(422, "invalid-experiment");
    assert_eq!(refused["field"], "experiment.start_from");
}

#[test]
fn experiments_that_cannot_be_run_are_refused_with_the_field() {
    let server = Server::shared();
    let check = |pointer: &str, value: Value, kind: &str, field: &str| {
        let mut body = json!({"experiment": tiny_experiment("it-wrong")});
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("the parent is there")[key] = value;
        let problem = server.post("/api/v1/runs", &body).expect_problem(422, kind);
        assert_eq!(problem["field"], field, "{pointer}: {problem:#}");
    };
    check("/experiment/name", json!("a b"), "invalid-experiment", "experiment.name");
    check("/experiment/arch/num_heads", json!(3), "invalid-experiment", "experiment.arch.num_heads");
    check("/experiment/arch/hidden_size", json!(1_000_000), "invalid-experiment", "experiment.arch.hidden_size");
    check("/experiment/train/batch_size", json!(0), "invalid-experiment", "experiment.train.batch_size");
    check("/experiment/data/side", json!(7), "invalid-experiment", "experiment.data.side");
    check("/experiment/train/lr", json!("fast"), "invalid-request", "experiment.train.lr");
    check("/experiment/train/speed", json!(1), "invalid-request", "experiment.train.speed");
    check("/experiment/data/source", json!("magic"), "invalid-request", "experiment.data.source");
    let csv = json!({"source": "csv", "train": "/etc/passwd", "test": "/etc/passwd"});
    check("/experiment/data", csv, "invalid-experiment", "experiment.data.source");
    let stored = json!({"source": "stored", "dataset": "nobody"});
    check("/experiment/data", stored, "invalid-experiment", "experiment.data.dataset");
}

#[test]
fn unknown_runs_and_wrong_parameters_are_refused() {
    let server = Server::shared();
    server.get(&format!("/api/v1/runs/{NO_ID}")).expect_problem(404, "not-found");
    server.post(&format!("/api/v1/runs/{NO_ID}/cancel"), &json!({})).expect_problem(404, "not-found");
    server.get("/api/v1/runs/x").expect_problem(404, "not-found");
    for (query, field) in
        [("state=lost", "state"), ("cursor=x", "cursor"), ("limit=101", "limit"), ("dataset_id=x", "dataset_id")]
    {
        let problem = server.get(&format!("/api/v1/runs?{query}")).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], field, "{query}");
    }
}

#[test]
fn the_shipped_experiments_are_offered() {
    let server = Server::shared();
    let page = server.get("/api/v1/experiments").expect(200);
    let files = page["items"].as_array().expect("a page has items");
    assert!(!files.is_empty(), "configs/ holds experiments");
    for file in files {
        let name = file["name"].as_str().expect("a file has a name");
        assert_eq!(file["experiment"]["name"], name);
        assert_eq!(&server.get(&format!("/api/v1/experiments/{name}")).expect(200), file);
    }
    server.get("/api/v1/experiments/nothing").expect_problem(404, "not-found");
}
