//! Who may do what, for every operation of the OpenAPI document: nothing without a token, nothing with too small a
//! scope, nothing with what belongs to another team.

use super::server::{Answer, Server, named, tiny_experiment};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
};

const SCOPES: [&str; 4] = ["read", "solve", "write", "admin"];

/// A server with an administrator, and two members of a team each.
pub(super) struct Lab {
    pub(super) server: Server,
}

impl Lab {
    pub(super) fn open() -> Self {
        Self::on(Server::without_worker())
    }

    /// One whose queued jobs are worked on.
    pub(super) fn with_worker() -> Self {
        Self::on(Server::with_worker())
    }

    pub(super) fn on(server: Server) -> Self {
        for (name, role, team) in [("root", "admin", "local"), ("ann", "member", "anns"), ("bob", "member", "bobs")] {
            server.hrm(&["user", "add", name, "--role", role, "--team", team], &format!("password of {name}\n"));
        }
        let lab = Self { server };
        // The server notices within a second that there are accounts.
        while lab.server.get("/api/v1/me").status != 401 {}
        lab
    }

    pub(super) fn token(&self, user: &str, scopes: &str) -> String {
        self.server.hrm(&["token", "create", user, "test", "--scopes", scopes], "")
    }

    /// A request with a token; where a body may be, it is `{}`.
    pub(super) fn send(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.server.request(method, path);
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        Answer::of(if method == "GET" { request } else { request.json(body) })
    }

    fn make(&self, token: &str, path: &str, body: &Value) -> Value {
        self.send(token, "POST", path, body).expect(201)
    }

    /// An object of Ann's of every kind that belongs to a team or a user, by the beginning of its path.
    fn objects(&self, ann: &str) -> BTreeMap<&'static str, String> {
        let run = self.make(ann, "/api/v1/runs", &json!({"experiment": tiny_experiment("anns")}));
        let other = self.make(ann, "/api/v1/runs", &json!({"experiment": tiny_experiment("other")}));
        let generate = json!({"side": 6, "train": 2, "test": 2, "givens": [12, 16], "seed": 3});
        let dataset = self.make(ann, "/api/v1/datasets", &json!({"name": "anns", "generate": generate}));
        let evaluation = json!({"model": "sudoku-6x6", "dataset": "anns"});
        let evaluation = self.make(ann, "/api/v1/evaluations", &evaluation);
        let batch = json!({"puzzles": [".".repeat(36)]});
        let batch = self.make(ann, "/api/v1/batches", &batch);
        let sweep = json!({"name": "anns", "experiment": tiny_experiment("anns"), "seeds": [1, 2]});
        let sweep = self.make(ann, "/api/v1/sweeps", &sweep);
        let me = self.send(ann, "GET", "/api/v1/me", &Value::Null).expect(200);
        let token = self.send(ann, "GET", "/api/v1/tokens", &Value::Null).expect(200)["items"][0].clone();
        let shipped = named(&self.send(ann, "GET", "/api/v1/models", &Value::Null).expect(200), "sudoku-6x6");
        let file = format!("/api/v1/models/{}/file", shipped["id"].as_str().expect("an id"));
        let file = self.send(ann, "GET", &file, &Value::Null).bytes;
        let upload = self.server.request("POST", "/api/v1/models?name=anns").bearer_auth(ann);
        let model = Answer::of(upload.header("content-type", "application/octet-stream").body(file)).expect(201);
        let id = |object: &Value| object["id"].as_str().unwrap_or_else(|| panic!("no id: {object:#}")).to_owned();
        BTreeMap::from([
            ("runs", id(&run)),
            ("other run", id(&other)),
            ("jobs", id(&run)),
            ("sweeps", id(&sweep)),
            ("datasets", id(&dataset)),
            ("evaluations", id(&evaluation["job"])),
            ("batches", id(&batch["job"])),
            ("models", id(&model)),
            ("teams", id(&me["teams"][0])),
            ("tokens", id(&token)),
        ])
    }
}

/// An operation of the document: method, path and the scope that it asks for, if any.
struct Operation {
    method: String,
    path: String,
    scope: Option<String>,
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, operation)| Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            scope: operation["security"][0]["token"][0].as_str().map(str::to_owned),
        })
    });
    operations.collect()
}

impl Operation {
    /// Its path with these ids in it, and whether one of them is an object's of the list. Comparisons name runs behind the
    /// path.
    fn address(&self, objects: &BTreeMap<&str, String>) -> (String, bool) {
        let resource = self.path.trim_start_matches("/api/v1/").split('/').next().expect("a first segment");
        let other = "0199c2a4-71b5-7aa0-8d55-000000000000".to_owned();
        let id = objects.get(resource);
        if resource == "comparisons" {
            let [first, second] = ["runs", "other run"].map(|kind| &objects[kind]);
            return (format!("{}?runs={first},{second}", self.path), true);
        }
        let named = self.path.contains("{id}") && id.is_some();
        let path = self.path.replace("{id}", id.unwrap_or(&other));
        let path = path
            .replace("{user_id}", &other)
            .replace("{name}", "sudoku-6x6")
            .replace("{alias}", "champion")
            .replace("{step}", "1")
            .replace("{sha256}", &"0".repeat(64));
        assert!(!path.contains('{'), "{path}: say here what stands for the parameter");
        (path, named)
    }
}

#[test]
fn every_operation_asks_who_calls_for_its_scope_and_whose_its_object_is() {
    let lab = Lab::open();
    let document = lab.server.get("/api/openapi.json").expect(200);
    let operations = operations(&document);
    assert!(operations.len() > 40, "{} operations", operations.len());
    let ann = lab.token("ann", "read,solve,write");
    let bob = lab.token("bob", "read,solve,write");
    let without = |scope: &str| {
        let others: Vec<&str> = SCOPES.into_iter().filter(|other| *other != scope).collect();
        lab.token("root", &others.join(","))
    };
    let without: BTreeMap<&str, String> = SCOPES.into_iter().map(|scope| (scope, without(scope))).collect();
    let objects = lab.objects(&ann);
    let (mut open, mut of_others) = (Vec::new(), 0);
    for operation in &operations {
        let (path, is_anns) = operation.address(&objects);
        let ask = |token: &str| lab.send(token, &operation.method, &path, &json!({}));
        let Some(scope) = &operation.scope else {
            open.push(path);
            continue;
        };
        ask("").expect_problem(401, "unauthenticated");
        ask("hrm_00000000000000000000000000000000").expect_problem(401, "unauthenticated");
        ask(&without[scope.as_str()]).expect_problem(403, "forbidden");
        if is_anns && scope != "admin" {
            ask(&bob).expect_problem(404, "not-found");
            of_others += 1;
        }
    }
    assert_eq!(open, ["/healthz", "/readyz"], "operations for anybody");
    assert!(of_others >= 20, "{of_others} operations on objects");
    // Nothing has happened to what Bob tried to change, and Ann still may.
    let run = lab.send(&ann, "GET", &format!("/api/v1/runs/{}", objects["runs"]), &Value::Null).expect(200);
    assert_eq!((&run["state"], &run["owner"]), (&json!("queued"), &json!("ann")));
    let cancelled = lab.send(&ann, "POST", &format!("/api/v1/runs/{}/cancel", objects["runs"]), &json!({}));
    assert_eq!(cancelled.expect(200)["state"], "cancelled");
}

#[test]
fn what_a_team_has_is_neither_listed_nor_found_by_name_nor_in_the_way_of_others() {
    let lab = Lab::open();
    let (ann, bob) = (lab.token("ann", "read,solve,write"), lab.token("bob", "read,solve,write"));
    let root = lab.token("root", "read,admin");
    let objects = lab.objects(&ann);
    let items = |token: &str, path: &str| -> Vec<Value> {
        let page = lab.send(token, "GET", path, &Value::Null).expect(200);
        page["items"].as_array().expect("items").clone()
    };
    for resource in ["runs", "jobs", "evaluations", "batches", "datasets", "models", "sweeps"] {
        let path = format!("/api/v1/{resource}");
        let has = |token: &str| {
            let of = |item: &Value| item["id"].as_str().or_else(|| item["job"]["id"].as_str()).map(str::to_owned);
            items(token, &path).iter().any(|item| of(item).as_deref() == Some(&objects[resource]))
        };
        assert_eq!([has(&ann), has(&bob), has(&root)], [true, false, true], "{resource}");
    }
    // The model that ships is everybody's.
    assert!(items(&bob, "/api/v1/models").iter().any(|model| model["name"] == "sudoku-6x6"));
    let puzzle = json!({"puzzle": ".".repeat(36), "model": "anns"});
    lab.send(&bob, "POST", "/api/v1/solve", &puzzle).expect_problem(404, "model-not-found");
    lab.send(&ann, "POST", "/api/v1/solve", &puzzle).expect(200);
    let stored = |name: &str| {
        let mut experiment = tiny_experiment("bobs");
        experiment["data"] = json!({"source": "stored", "dataset": name});
        json!({ "experiment": experiment })
    };
    for name in ["anns", &objects["datasets"]] {
        lab.send(&bob, "POST", "/api/v1/runs", &stored(name)).expect_problem(422, "invalid-experiment");
        let evaluation = json!({"model": "sudoku-6x6", "dataset": name});
        let refused = lab.send(&bob, "POST", "/api/v1/evaluations", &evaluation).expect_problem(404, "not-found");
        assert_eq!(refused["field"], "dataset");
        let refused =
            lab.send(&bob, "POST", "/api/v1/batches", &json!({"dataset": name})).expect_problem(404, "not-found");
        assert_eq!(refused["field"], "dataset");
    }
    let further = |token: &str| {
        let mut experiment = tiny_experiment("further");
        experiment["start_from"] = json!("anns");
        lab.send(token, "POST", "/api/v1/runs", &json!({ "experiment": experiment }))
    };
    assert_eq!(further(&bob).expect_problem(422, "invalid-experiment")["field"], "experiment.start_from");
    let mine = lab.make(&bob, "/api/v1/runs", &json!({"experiment": tiny_experiment("bobs")}));
    let mine = format!("/api/v1/jobs/{}/move", mine["id"].as_str().expect("an id"));
    let beside = lab.send(&bob, "POST", &mine, &json!({"to": "before", "job_id": objects["jobs"]}));
    assert_eq!(beside.expect_problem(422, "invalid-request")["field"], "job_id");
    let board = format!("/api/v1/leaderboard?dataset_id={}", objects["datasets"]);
    lab.send(&bob, "GET", &board, &Value::Null).expect_problem(404, "not-found");
    // The same name and the same puzzles again, for another team.
    let generate = json!({"side": 6, "train": 2, "test": 2, "givens": [12, 16], "seed": 3});
    let same = json!({"name": "anns", "generate": generate});
    let bobs = lab.send(&bob, "POST", "/api/v1/datasets", &same).expect(201);
    assert_ne!(bobs["id"], objects["datasets"]);
    lab.send(&bob, "POST", "/api/v1/datasets", &same).expect_problem(409, "conflict");
}

#[test]
fn jobs_are_queued_under_the_callers_name_and_for_a_team_of_the_callers() {
    let lab = Lab::open();
    let (ann, root) = (lab.token("ann", "read,write"), lab.token("root", "read,write,admin"));
    let queue = |token: &str, owner: &str| {
        lab.send(token, "POST", "/api/v1/runs", &json!({"experiment": tiny_experiment("run"), "owner": owner}))
    };
    assert_eq!(queue(&ann, "local").expect(201)["owner"], "ann", "the default of clients that know no accounts");
    assert_eq!(queue(&ann, "ann").expect(201)["owner"], "ann");
    assert_eq!(queue(&ann, "bob").expect_problem(422, "invalid-request")["field"], "owner");
    assert_eq!(queue(&root, "bob").expect(201)["owner"], "bob");
    let for_team = |token: &str, team: &str| {
        let request = lab.server.request("POST", "/api/v1/runs").bearer_auth(token).header("hrm-team", team);
        Answer::of(request.json(&json!({"experiment": tiny_experiment("team")})))
    };
    assert_eq!(for_team(&ann, "bobs").expect_problem(422, "invalid-request")["field"], "hrm-team");
    let id = for_team(&root, "anns").expect(201)["id"].clone();
    let path = format!("/api/v1/runs/{}", id.as_str().expect("an id"));
    assert_eq!(lab.send(&ann, "GET", &path, &Value::Null).expect(200)["name"], "team");
}

#[test]
fn members_give_no_higher_priority_than_the_server_lets_them() {
    let lab = Lab::on(Server::set("--member-priority", "5"));
    let [ann, root] = [lab.token("ann", "read,write"), lab.token("root", "read,write,admin")];
    let run = |priority: i16| json!({"experiment": tiny_experiment("urgent"), "priority": priority});
    let problem = lab.send(&ann, "POST", "/api/v1/runs", &run(6)).expect_problem(422, "invalid-request");
    assert_eq!(problem["field"], "priority");
    assert!(problem["detail"].to_string().contains("at most 5"), "{problem:#}");
    let queued = lab.send(&ann, "POST", "/api/v1/runs", &run(5)).expect(201);
    let path = format!("/api/v1/runs/{}", queued["id"].as_str().expect("an id"));
    let change = |token: &str| lab.send(token, "PATCH", &path, &json!({"priority": 50}));
    assert_eq!(change(&ann).expect_problem(422, "invalid-request")["field"], "priority");
    assert_eq!(change(&root).expect(200)["priority"], 50);
    let clone = lab.send(&ann, "POST", &format!("{path}/clone"), &json!({"changes": {"seed": 2}})).expect(201);
    assert_eq!(clone["priority"], 5, "what an administrator gave is not handed on");
}

#[test]
fn a_public_run_is_cloned_by_others_and_stays_its_teams() {
    let lab = Lab::open();
    let (ann, bob) = (lab.token("ann", "read,write"), lab.token("bob", "read,write"));
    let run = lab.make(&ann, "/api/v1/runs", &json!({"experiment": tiny_experiment("anns")}));
    let path = format!("/api/v1/runs/{}", run["id"].as_str().expect("an id"));
    let clone = |changes: Value| lab.send(&bob, "POST", &format!("{path}/clone"), &json!({ "changes": changes }));
    clone(json!({})).expect_problem(404, "not-found");
    lab.send(&ann, "PATCH", &path, &json!({"public": true})).expect(200);
    let cloned = clone(json!({"seed": 2})).expect(201);
    assert_eq!((&cloned["owner"], &cloned["experiment"]["seed"]), (&json!("bob"), &json!(2)));
    let cloned = format!("/api/v1/runs/{}", cloned["id"].as_str().expect("an id"));
    lab.send(&ann, "GET", &cloned, &Value::Null).expect_problem(404, "not-found");
    for wish in ["cancel", "pause"] {
        lab.send(&bob, "POST", &format!("{path}/{wish}"), &json!({})).expect_problem(403, "forbidden");
    }
    lab.send(&bob, "PATCH", &path, &json!({"name": "bobs"})).expect_problem(403, "forbidden");
}

#[test]
fn whoever_may_not_upload_is_told_so_even_if_the_whole_file_is_sent_first() {
    let lab = Lab::open();
    let ann = lab.token("ann", "read");
    let file = vec![0; 32 << 20];
    let upload = |path: &str, authorization: &str| {
        let address = lab.server.address().trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let length = file.len();
        write!(stream, "POST {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}content-length: {length}\r\n\r\n")
            .and_then(|()| stream.write_all(&file))
            .expect("the server reads to the end");
        let mut status = [0; "HTTP/1.1 401".len()];
        stream.read_exact(&mut status).expect("an answer");
        String::from_utf8_lossy(&status).into_owned()
    };
    assert_eq!(upload("/api/v1/models?name=mine", ""), "HTTP/1.1 401");
    assert_eq!(upload("/api/v1/models?name=mine", &format!("authorization: Bearer {ann}\r\n")), "HTTP/1.1 403");
    assert_eq!(upload("/api/v1/nothing", ""), "HTTP/1.1 404");
}

#[test]
fn a_name_means_what_the_callers_team_has_before_what_others_publish() {
    let lab = Lab::open();
    let [ann, bob] = ["ann", "bob"].map(|user| lab.token(user, "read,solve,write"));
    let root = lab.token("root", "read,write,admin");
    let shipped = lab.send(&ann, "GET", "/api/v1/models?name=sudoku-6x6", &Value::Null).expect(200);
    let shipped = shipped["items"].as_array().and_then(|all| all.iter().find(|model| model["name"] == "sudoku-6x6"));
    let shipped = shipped.expect("the model that ships")["id"].as_str().expect("an id").to_owned();
    let file = lab.send(&ann, "GET", &format!("/api/v1/models/{shipped}/file"), &Value::Null).bytes;
    let upload = |token: &str, name: &str| {
        let request = lab.server.request("POST", &format!("/api/v1/models?name={name}")).bearer_auth(token);
        Answer::of(request.body(file.clone())).expect(201)["id"].as_str().expect("an id").to_owned()
    };
    let publish = |path: String| lab.send(&bob, "PATCH", &path, &json!({"public": true})).expect(200);
    let solver = |token: &str, name: &str| {
        let asked = json!({"puzzle": "..3.5..5.1..6...2..2...4..4.6..1.2..", "model": name});
        lab.send(token, "POST", "/api/v1/solve", &asked).expect(200)["model"]["id"].clone()
    };
    let own = upload(&ann, "mine");
    for name in ["mine", "sudoku-6x6", "bobs"] {
        publish(format!("/api/v1/models/{}", upload(&bob, name)));
    }
    assert_eq!((solver(&ann, "mine"), solver(&ann, "sudoku-6x6")), (json!(own), json!(shipped)));
    assert_ne!((solver(&bob, "sudoku-6x6"), solver(&ann, "bobs")), (json!(shipped), json!(own)));
    let of_bobs = lab.send(&ann, "GET", "/api/v1/models?team=bobs", &Value::Null).expect(200);
    let teams: Vec<&Value> = of_bobs["items"].as_array().expect("models").iter().map(|model| &model["team"]).collect();
    assert_eq!(teams, [&json!("bobs"); 3]);
    // What a team calls a model says nothing to others, administrators among them.
    let bobs = upload(&bob, "other");
    let champion = format!("/api/v1/models/{bobs}/aliases/champion");
    assert_eq!(lab.send(&bob, "PUT", &champion, &json!({})).status, 204);
    lab.send(&root, "POST", "/api/v1/evaluations", &json!({"model": "champion", "dataset": "none"}))
        .expect_problem(404, "not-found");

    let dataset = |token: &str, seed: u32| {
        let generate = json!({"side": 6, "train": 20, "test": 2, "givens": [12, 16], "seed": seed});
        lab.make(token, "/api/v1/datasets", &json!({"name": "same", "generate": generate}))["id"].clone()
    };
    let bobs = dataset(&bob, 1);
    publish(format!("/api/v1/datasets/{}", bobs.as_str().expect("an id")));
    let (anns, roots) = (dataset(&ann, 2), dataset(&root, 3));
    let trains_on = |token: &str, team: &str| {
        let mut experiment = tiny_experiment("named");
        experiment["data"] = json!({"source": "stored", "dataset": "same"});
        let request = lab.server.request("POST", "/api/v1/runs").bearer_auth(token).header("hrm-team", team);
        Answer::of(request.json(&json!({ "experiment": experiment }))).expect(201)["dataset_id"].clone()
    };
    assert_eq!(
        [trains_on(&ann, "anns"), trains_on(&bob, "bobs"), trains_on(&root, "local")],
        [anns, bobs.clone(), roots]
    );
    assert_eq!(trains_on(&root, "bobs"), bobs);
    for path in ["runs", "datasets"] {
        let found = lab.send(&root, "GET", &format!("/api/v1/{path}?team=anns"), &Value::Null).expect(200);
        let teams: Vec<&Value> = found["items"].as_array().expect("a list").iter().map(|one| &one["team"]).collect();
        assert_eq!(teams, [&json!("anns")], "{path}");
    }
}

#[test]
fn a_team_withdraws_what_it_has_kept_of_a_leaderboard() {
    let lab = Lab::with_worker();
    let (ann, bob) = (lab.token("ann", "read,write"), lab.token("bob", "read,write"));
    let run = lab.make(&ann, "/api/v1/runs", &json!({"experiment": tiny_experiment("kept")}));
    let path = format!("/api/v1/runs/{}", run["id"].as_str().expect("an id"));
    while lab.send(&ann, "GET", &path, &Value::Null).expect(200)["state"] != "succeeded" {}
    let boards = lab.send(&ann, "GET", "/api/v1/leaderboards", &Value::Null).expect(200);
    let board = boards["items"][0]["id"].as_str().expect("an id").to_owned();
    let kept = lab.make(&ann, &format!("/api/v1/leaderboards/{board}/snapshots"), &json!({"public": true}));
    let address = format!("/api/v1/leaderboard-snapshots/{}", kept["sha256"].as_str().expect("a hash"));
    lab.send(&bob, "GET", &address, &Value::Null).expect(200);
    lab.send(&bob, "DELETE", &address, &Value::Null).expect_problem(404, "not-found");
    assert_eq!(lab.send(&ann, "DELETE", &address, &Value::Null).status, 204);
    lab.send(&ann, "GET", &address, &Value::Null).expect_problem(404, "not-found");
}
