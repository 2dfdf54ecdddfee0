//! What holds for every resource: editions, clones and sweeps, curves, and figures of the server.

use super::{
    permissions::Lab,
    runs::NO_ID,
    server::{Answer, Server, named, tiny_experiment},
};
use serde_json::{Value, json};

fn queue(server: &Server, name: &str) -> Value {
    server.post("/api/v1/runs", &json!({"experiment": tiny_experiment(name)})).expect(201)
}

fn path(run: &Value, rest: &str) -> String {
    format!("/api/v1/runs/{}{rest}", run["id"].as_str().expect("a run has an id"))
}

#[test]
fn what_people_say_about_a_run_is_changed_by_one_of_them_at_a_time() {
    let server = Server::without_worker();
    let run = queue(&server, "edited");
    let seen = server.get(&path(&run, ""));
    let etag = seen.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let change = |etag: Option<&str>, change: Value| {
        let request = server.request("PATCH", &path(&run, "")).json(&change);
        Answer::of(etag.into_iter().fold(request, |request, etag| request.header("if-match", etag)))
    };
    let first = change(Some(&etag), json!({"name": "the best", "tags": ["sudoku", "mine"], "notes": "so far"}));
    let changed = first.expect(200);
    assert_eq!((&changed["name"], &changed["notes"]), (&json!("the best"), &json!("so far")));
    assert_eq!(changed["experiment"]["name"], "edited", "the experiment is what it was");
    assert_ne!(first.header("etag"), etag);
    change(Some(&etag), json!({"notes": "mine"})).expect_problem(412, "stale");
    change(Some("\"of another server\""), json!({"notes": "mine"})).expect_problem(412, "stale");
    assert_eq!(change(Some("*"), json!({"notes": "any"})).expect(200)["tags"], json!(["sudoku", "mine"]));
    assert_eq!(change(None, json!({"tags": []})).expect(200)["notes"], "any");
    // Progress and wishes are no changes of what people say.
    let etag = server.get(&path(&run, "")).header("etag").to_owned();
    server.post(&path(&run, "/pause"), &json!({})).expect(200);
    change(Some(&etag), json!({"tags": ["again"]})).expect(200);

    for (wrong, field) in [
        (json!({"name": ""}), "name"),
        (json!({"tags": vec!["x"; 21]}), "tags"),
        (json!({"tags": [""]}), "tags"),
        (json!({"notes": "x".repeat(10_001)}), "notes"),
        (json!({"priority": 101}), "priority"),
    ] {
        assert_eq!(change(None, wrong.clone()).expect_problem(422, "invalid-request")["field"], field, "{wrong}");
    }
    let other = queue(&server, "other");
    let named = |query: &str| -> Vec<Value> {
        let page = server.get(&format!("/api/v1/runs?{query}")).expect(200);
        page["items"].as_array().into_iter().flatten().map(|run| run["name"].clone()).collect()
    };
    assert_eq!(named("tag=again"), ["the best"]);
    assert_eq!(named("tag=sudoku"), [""; 0]);
    assert_eq!(named("owner=local"), ["other", "the best"]);

    let delete = |run: &Value| Answer::of(server.request("DELETE", &path(run, "")));
    delete(&other).expect_problem(409, "conflict");
    server.post(&path(&other, "/cancel"), &json!({})).expect(200);
    assert_eq!(delete(&other).status, 204);
    delete(&other).expect_problem(404, "not-found");
}

#[test]
fn datasets_and_models_are_changed_by_one_at_a_time_shown_and_deleted() {
    let lab = Lab::open();
    let (ann, bob) = (lab.token("ann", "read,write"), lab.token("bob", "read,write"));
    let generate = json!({"side": 6, "train": 2, "test": 2, "givens": [12, 16], "seed": 4});
    let dataset = lab.send(&ann, "POST", "/api/v1/datasets", &json!({"name": "one", "generate": generate})).expect(201);
    let shipped = named(&lab.send(&ann, "GET", "/api/v1/models", &Value::Null).expect(200), "sudoku-6x6");
    let shipped = format!("/api/v1/models/{}", shipped["id"].as_str().expect("an id"));
    let file = lab.send(&ann, "GET", &format!("{shipped}/file"), &Value::Null).bytes;
    let upload = lab.server.request("POST", "/api/v1/models?name=one").bearer_auth(&ann);
    let model = Answer::of(upload.header("content-type", "application/octet-stream").body(file)).expect(201);
    for (kind, object) in [("datasets", &dataset), ("models", &model)] {
        let path = format!("/api/v1/{kind}/{}", object["id"].as_str().expect("an id"));
        let seen = lab.send(&ann, "GET", &path, &Value::Null);
        let etag = seen.header("etag").to_owned();
        assert_eq!(seen.expect(200)["public"], false);
        let change = |etag: &str, change: Value| {
            let request = lab.server.request("PATCH", &path).bearer_auth(&ann).header("if-match", etag);
            Answer::of(request.json(&change))
        };
        let changed = change(&etag, json!({"name": "other"}));
        assert_eq!(changed.expect(200)["name"], "other", "{kind}");
        assert_ne!(changed.header("etag"), etag);
        change(&etag, json!({"name": "third"})).expect_problem(412, "stale");
        change("*", json!({"name": "no name"})).expect_problem(422, "invalid-request");
        lab.send(&bob, "GET", &path, &Value::Null).expect_problem(404, "not-found");
        assert_eq!(change(changed.header("etag"), json!({"public": true})).expect(200)["public"], true);
        assert_eq!(lab.send(&bob, "GET", &path, &Value::Null).expect(200)["name"], "other");
        for method in ["PATCH", "DELETE"] {
            lab.send(&bob, method, &path, &json!({"public": false})).expect_problem(403, "forbidden");
        }
        assert_eq!(lab.send(&ann, "DELETE", &path, &Value::Null).status, 204, "{kind}");
        lab.send(&ann, "DELETE", &path, &Value::Null).expect_problem(404, "not-found");
    }
    let root = lab.token("root", "read,write,admin");
    lab.send(&root, "DELETE", &shipped, &Value::Null).expect_problem(409, "conflict");

    let users = lab.send(&root, "GET", "/api/v1/users", &Value::Null).expect(200);
    let bobs = users["items"].as_array().into_iter().flatten().find(|user| user["name"] == "bob").expect("Bob");
    let path = format!("/api/v1/users/{}", bobs["id"].as_str().expect("an id"));
    let etag = lab.send(&root, "GET", &path, &Value::Null).header("etag").to_owned();
    let change = |role: &str| {
        let request = lab.server.request("PATCH", &path).bearer_auth(&root).header("if-match", &etag);
        Answer::of(request.json(&json!({"role": role})))
    };
    assert_eq!(change("viewer").expect(200)["role"], "viewer");
    change("admin").expect_problem(412, "stale");
}

#[test]
fn a_dataset_that_a_score_rests_on_stays() {
    let server = Server::shared();
    let dataset = server.trained()["dataset_id"].as_str().expect("a dataset").to_owned();
    let refused = Answer::of(server.request("DELETE", &format!("/api/v1/datasets/{dataset}")));
    let problem = refused.expect_problem(409, "conflict");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("rest on this dataset")), "{problem:#}");
}

#[test]
fn a_public_run_is_read_by_others_and_changed_by_its_team() {
    let lab = Lab::open();
    let (ann, bob) = (lab.token("ann", "read,write"), lab.token("bob", "read,write"));
    let run = lab.send(&ann, "POST", "/api/v1/runs", &json!({"experiment": tiny_experiment("shown")})).expect(201);
    lab.send(&bob, "GET", &path(&run, ""), &Value::Null).expect_problem(404, "not-found");
    lab.send(&ann, "PATCH", &path(&run, ""), &json!({"public": true})).expect(200);
    assert_eq!(lab.send(&bob, "GET", &path(&run, ""), &Value::Null).expect(200)["name"], "shown");
    let listed = lab.send(&bob, "GET", "/api/v1/runs", &Value::Null).expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    lab.send(&bob, "PATCH", &path(&run, ""), &json!({"notes": "mine"})).expect_problem(403, "forbidden");
    lab.send(&bob, "POST", &path(&run, "/cancel"), &json!({})).expect_problem(403, "forbidden");
    lab.send("", "GET", &path(&run, ""), &Value::Null).expect_problem(401, "unauthenticated");
}

#[test]
fn a_clone_is_a_run_of_its_own_with_changes() {
    let server = Server::without_worker();
    let run = queue(&server, "original");
    let clone = |body: &Value| server.post(&path(&run, "/clone"), body);
    let same = clone(&json!({})).expect(201);
    assert_ne!(same["id"], run["id"]);
    assert_eq!((&same["experiment"], &same["config_hash"]), (&run["experiment"], &run["config_hash"]));
    let changed = clone(&json!({"changes": {"seed": 5, "train": {"lr": 0.25}}, "priority": 3})).expect(201);
    assert_eq!((&changed["priority"], &changed["experiment"]["seed"]), (&json!(3), &json!(5)));
    assert_eq!(changed["experiment"]["train"]["lr"], 0.25);
    assert_eq!(changed["experiment"]["train"]["batch_size"], run["experiment"]["train"]["batch_size"]);

    // Of a run on a dataset that has another name by now, and whose name is another one's.
    let stored = |name: &str, seed: u64| {
        let generate = json!({"side": 4, "train": 20, "test": 5, "givens": [6, 9], "seed": seed});
        server.post("/api/v1/datasets", &json!({"name": name, "generate": generate})).expect(201)
    };
    let set = stored("puzzles", 3);
    let mut experiment = tiny_experiment("stays");
    experiment["data"] = json!({"source": "stored", "dataset": "puzzles"});
    let on_set = server.post("/api/v1/runs", &json!({ "experiment": experiment })).expect(201);
    let address = format!("/api/v1/datasets/{}", set["id"].as_str().expect("an id"));
    Answer::of(server.request("PATCH", &address).json(&json!({"name": "renamed"}))).expect(200);
    stored("puzzles", 4);
    let clone_of = server.post(&path(&on_set, "/clone"), &json!({})).expect(201);
    assert_eq!(clone_of["dataset_id"], set["id"]);
    let wrong = |changes: Value| clone(&json!({ "changes": changes }));
    let problem = wrong(json!({"arch": {"num_heads": 3}})).expect_problem(422, "invalid-experiment");
    assert_eq!(problem["field"], "changes.arch.num_heads");
    let problem = wrong(json!({"train": {"lr": "fast"}})).expect_problem(422, "invalid-request");
    assert_eq!(problem["field"], "changes.train.lr");
}

#[test]
fn a_sweep_queues_every_change_with_every_seed_or_nothing() {
    let server = Server::without_worker();
    let request = |changes: Value| {
        json!({"name": "rates", "experiment": tiny_experiment("swept"), "seeds": [1, 2, i64::MAX],
               "changes": changes})
    };
    let answer = server.post("/api/v1/sweeps", &request(json!([{"train": {"lr": 0.5}}, {"train": {"lr": 0.25}}])));
    let sweep = answer.expect(201);
    let runs = sweep["runs"].as_array().expect("runs");
    let seeds: Vec<&Value> = runs.iter().map(|run| &run["seed"]).collect();
    assert_eq!(seeds, [&json!(1), &json!(2), &json!(i64::MAX), &json!(1), &json!(2), &json!(i64::MAX)]);
    let differs: Vec<&Value> = runs.iter().map(|run| &run["differs"]).collect();
    let [fast, slow] = [0.5, 0.25].map(|rate| json!({"train.lr": rate}));
    assert_eq!(differs, [&fast, &fast, &fast, &slow, &slow, &slow]);
    assert_eq!(server.get(answer.header("location")).expect(200), sweep);
    assert_eq!(server.get("/api/v1/sweeps").expect(200)["items"], json!([sweep]));
    let id = sweep["id"].as_str().expect("an id");
    let listed = server.get(&format!("/api/v1/runs?sweep_id={id}")).expect(200);
    let rates: Vec<&Value> =
        listed["items"].as_array().into_iter().flatten().map(|run| &run["experiment"]["train"]["lr"]).collect();
    assert_eq!(rates, [0.25, 0.25, 0.25, 0.5, 0.5, 0.5], "newest first");
    let mut beyond = request(json!([]));
    beyond["seeds"][1] = json!(u64::MAX);
    let problem = server.post("/api/v1/sweeps", &beyond).expect_problem(422, "invalid-request");
    assert_eq!(problem["field"], "seeds[1]");
    let problem = server.post("/api/v1/sweeps", &request(json!([{}, {"train": {"batch_size": 0}}])));
    assert_eq!(problem.expect_problem(422, "invalid-experiment")["field"], "changes[1].train.batch_size");
    let stored = json!({"data": {"source": "stored", "dataset": "nobodys", "kind": null, "side": null, "train": null, "test": null,
                                 "validation": null, "givens": null, "maze": null, "min_path": null, "seed": null}});
    let unknown = server.post("/api/v1/sweeps", &request(json!([{}, stored])));
    assert_eq!(unknown.expect_problem(422, "invalid-experiment")["field"], "changes[1].data.dataset");
    let seeded = server.post("/api/v1/sweeps", &request(json!([{}, {"seed": 5}])));
    assert_eq!(seeded.expect_problem(422, "invalid-request")["field"], "changes[1].seed");
    let same = server.post("/api/v1/sweeps", &request(json!([{}, {"train": {"lr": 0.5}}, {"train": {"lr": 0.0}}])));
    let same = same.expect_problem(422, "invalid-request");
    assert_eq!(
        (&same["field"], &same["detail"]),
        (&json!("changes[2]"), &json!("expected other settings, found those of changes[0]"))
    );
    let mut twice = request(json!([]));
    twice["seeds"] = json!([1, 2, 1]);
    assert_eq!(server.post("/api/v1/sweeps", &twice).expect_problem(422, "invalid-request")["field"], "seeds");
    assert_eq!(
        server.post("/api/v1/sweeps", &request(json!([null]))).expect_problem(422, "invalid-request")["field"],
        "changes[0]"
    );
    let many = server.post("/api/v1/sweeps", &request(json!(vec![json!({}); 67])));
    assert_eq!(many.expect_problem(422, "invalid-request")["field"], "changes");
    assert_eq!(server.get("/api/v1/runs?limit=100").expect(200)["items"].as_array().map(Vec::len), Some(6));

    let cancel = format!("/api/v1/sweeps/{id}/cancel");
    let first = runs[0]["id"].as_str().expect("an id");
    server.post(&format!("/api/v1/runs/{first}/cancel"), &json!({})).expect(200);
    let cancelled = server.post(&cancel, &json!({})).expect(200);
    let states: Vec<&Value> = cancelled["runs"].as_array().into_iter().flatten().map(|run| &run["state"]).collect();
    assert_eq!(states, [&json!("cancelled"); 6]);
    server.post(&cancel, &json!({})).expect_problem(409, "conflict");
    let waiting = queue(&server, "waiting");
    let forget = |run: &Value| {
        Answer::of(server.request("DELETE", &format!("/api/v1/jobs/{}", run["id"].as_str().expect("an id"))))
    };
    forget(&waiting).expect_problem(409, "conflict");
    let address = answer.header("location");
    for run in runs {
        assert_eq!(server.get(address).status, 200);
        assert_eq!(forget(run).status, 204);
    }
    server.get(address).expect_problem(404, "not-found");
    server.post(&format!("/api/v1/sweeps/{NO_ID}/cancel"), &json!({})).expect_problem(404, "not-found");
}

#[test]
fn a_curve_is_smoothed_over_its_history_and_thinned() {
    let server = Server::shared();
    let run = server.trained();
    let metrics = |query: &str| {
        let page = server.get(&path(run, &format!("/metrics?{query}"))).expect(200);
        page["items"].as_array().expect("items").clone()
    };
    let whole = metrics("");
    assert_eq!(whole.len(), 20);
    assert_eq!(metrics("points=20"), whole, "there is room for all of them");
    let few = metrics("points=8");
    assert!((2..=8).contains(&few.len()) && few.iter().all(|point| whole.contains(point)), "{few:#?}");
    assert_eq!((&few[0], &few[few.len() - 1]), (&whole[0], &whole[19]));
    let smooth = metrics("points=20&smoothing=0.9");
    let losses: Vec<f64> = whole.iter().filter_map(|point| point["loss"].as_f64()).collect();
    let expected = (0.9 * losses[0] + losses[1]) / 1.9;
    assert!((smooth[1]["loss"].as_f64().expect("a loss") - expected).abs() < 1e-9);
    let later = metrics("points=20&smoothing=0.9&after_step=20");
    assert_eq!(later, smooth[10..], "smoothed over what came before, too");
    for (query, field) in [
        ("points=3", "points"),
        ("points=1501", "points"),
        ("points=10&smoothing=1", "smoothing"),
        ("smoothing=0.5", "smoothing"),
        ("points=10&limit=5", "limit"),
    ] {
        let problem = server.get(&path(run, &format!("/metrics?{query}"))).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], field, "{query}");
    }
}

#[test]
fn the_server_tells_how_it_is() {
    let server = Server::without_worker();
    let ready = server.get("/readyz").expect(200);
    assert!(ready["status"] == "ready" && ready["milliseconds"].as_f64() > Some(0.0), "{ready:#}");
    assert_eq!(server.get("/readyz").expect(200)["milliseconds"], ready["milliseconds"], "asked a moment ago");
    queue(&server, "counted");
    server.get("/api/v1/runs/none").expect_problem(404, "not-found");
    let figures = server.get("/metrics");
    assert_eq!((figures.status, figures.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let text = figures.text();
    for line in [
        "hrm_jobs{state=\"queued\"} 1",
        "hrm_workers 0",
        "hrm_models 5",
        "hrm_http_requests_total{method=\"POST\",path=\"/api/v1/runs\",status=\"201\"} 1",
        "hrm_http_requests_total{method=\"GET\",path=\"/api/v1/runs/{id}\",status=\"404\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "expected {line}, found\n{text}");
    }
}

#[test]
fn a_checkpoint_that_was_downloaded_can_be_uploaded_and_bear_an_alias() {
    let server = Server::without_worker();
    let shipped = named(&server.get("/api/v1/models").expect(200), "sudoku-6x6");
    let file = server.get(&format!("/api/v1/models/{}/file", shipped["id"].as_str().expect("an id"))).bytes;
    let upload = |name: &str, bytes: &[u8]| {
        let request = server.request("POST", &format!("/api/v1/models?name={name}"));
        Answer::of(request.header("content-type", "application/octet-stream").body(bytes.to_vec()))
    };
    let answer = upload("mine", &file);
    let model = answer.expect(201);
    assert_eq!((&model["name"], &model["sha256"]), (&json!("mine"), &shipped["sha256"]));
    assert_ne!(model["id"], shipped["id"]);
    let address = answer.header("location");
    assert_eq!(server.get(&format!("{address}/file")).bytes, file);
    upload("mine", &file[..1000]).expect_problem(422, "invalid-file");
    upload("mine", b"").expect_problem(422, "invalid-request");
    assert_eq!(upload("a%20b", b"refused before it is read").expect_problem(422, "invalid-request")["field"], "name");

    let alias = |method: &str, address: &str, alias: &str| {
        Answer::of(server.request(method, &format!("{address}/aliases/{alias}"))).status
    };
    let solved_by = || {
        let puzzle = json!({"puzzle": "..3.5..5.1..6...2..2...4..4.6..1.2..", "model": "champion"});
        server.post("/api/v1/solve", &puzzle)
    };
    solved_by().expect_problem(404, "model-not-found");
    assert_eq!(alias("PUT", address, "champion"), 204);
    assert_eq!(solved_by().expect(200)["model"]["id"], model["id"]);
    assert_eq!(server.get(&format!("{address}/aliases")).expect(200)["items"], json!(["champion"]));
    let all = server.get("/api/v1/aliases").expect(200);
    assert_eq!(named(&all, "champion")["model_id"], address.rsplit('/').next().unwrap_or_default(), "{all:#}");
    let of_shipped = format!("/api/v1/models/{}", shipped["id"].as_str().expect("an id"));
    assert_eq!(alias("PUT", &of_shipped, "champion"), 204);
    assert_eq!(solved_by().expect(200)["model"]["id"], shipped["id"], "it has moved");
    assert_eq!(alias("DELETE", address, "champion"), 404);
    assert_eq!(alias("DELETE", &of_shipped, "champion"), 204);
    let renamed = Answer::of(server.request("PATCH", address).json(&json!({"name": "renamed"})));
    assert_eq!(renamed.expect(200)["name"], "renamed");
}

#[test]
fn puzzles_are_uploaded_as_text() {
    let server = Server::without_worker();
    let rows = [".23434..2.4..3.1,1234341221434321", "1...3.1..1.3..2.,1234341221434321"];
    let csv = format!("source,question,answer,rating\na,{},0\na,{},0\n", rows[0], rows[1]);
    let upload = |query: &str, body: &str| {
        let request = server.request("POST", &format!("/api/v1/datasets/upload?{query}"));
        Answer::of(request.header("content-type", "text/csv").body(body.to_owned()))
    };
    let answer = upload("name=sent&test_rows=1&license=mine", &csv);
    let dataset = answer.expect(201);
    assert_eq!(
        (&dataset["train_count"], &dataset["test_count"], &dataset["license"]),
        (&json!(1), &json!(1), &json!("mine"))
    );
    assert_eq!(server.get(answer.header("location")).expect(200), dataset);
    let puzzles = server.get(&format!("{}/puzzles?split=test", answer.header("location"))).expect(200);
    assert_eq!(puzzles["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(dataset.get("seed"), None, "nothing was drawn");
    let three = format!("{csv}b,.143432112343412,2143432112343412,0\n");
    let drawn = upload("name=drawn&test_rows=1&validation_rows=1&seed=7", &three).expect(201);
    assert_eq!((&drawn["seed"], &drawn["validation_count"]), (&json!(7), &json!(1)));
    upload("name=sent&test_rows=1", &csv).expect_problem(409, "conflict");
    let wrong = csv.replace("4321,0", "4322,0");
    upload("name=wrong", &wrong).expect_problem(422, "invalid-file");
    for (query, field) in [
        ("name=x&kind=arc", "kind"),
        ("name=x&test_rows=2", "test_rows"),
        ("name=x&validation_rows=1", "validation_rows"),
    ] {
        assert_eq!(upload(query, &csv).expect_problem(422, "invalid-request")["field"], field, "{query}");
    }
    let zipped = server.request("POST", "/api/v1/datasets/upload?name=x").header("content-encoding", "gzip");
    Answer::of(zipped.body(csv.clone())).expect_problem(422, "invalid-request");
}
