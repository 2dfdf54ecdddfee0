//! Leaderboards, what was kept of them, and runs compared.

use super::{
    events::wait_until_final,
    permissions::Lab,
    server::{Answer, Server, tiny_experiment},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const NO_ID: &str = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77";

/// A finished run of the tiny experiment with that seed, on puzzles of another.
fn trained(server: &Server, name: &str, puzzles: u64, seed: u64) -> Value {
    let mut experiment = tiny_experiment(name);
    experiment["data"]["seed"] = json!(puzzles);
    experiment["seed"] = json!(seed);
    let run = server.post("/api/v1/runs", &json!({"experiment": experiment})).expect(201);
    let run = wait_until_final(server, &run);
    assert_eq!(run["state"], "succeeded", "{run:#}");
    run
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key}: {value:#}"))
}

/// The leaderboard on a run's puzzles by the protocol of its score.
fn board_of(server: &Server, run: &Value) -> Value {
    let list = server.get(&format!("/api/v1/leaderboards?dataset_id={}", text(run, "dataset_id"))).expect(200);
    let mut boards = list["items"].as_array().into_iter().flatten();
    let found = boards.find(|board| board["protocol"] == run["evaluation"]["protocol"]);
    found.unwrap_or_else(|| panic!("no leaderboard: {list:#}")).clone()
}

#[test]
fn seeds_of_one_configuration_are_a_row_that_can_be_exported_and_kept() {
    let server = Server::shared();
    let runs = [101, 102].map(|seed| trained(&server, "it-seeds", 31, seed));
    let board = board_of(&server, &runs[0]);
    assert_eq!((&board["task"]["kind"], &board["task"]["test_count"]), (&json!("sudoku"), &json!(20)));
    let id = text(&board, "id");
    let address = format!("/api/v1/leaderboards/{id}");
    let full = server.get(&address).expect(200);
    assert_eq!((&full["metric"], &full["id"]), (&json!("exact"), &board["id"]));
    let rows = full["rows"].as_array().expect("rows");
    let [row] = &rows[..] else { panic!("one configuration: {full:#}") };
    let scores = runs.each_ref().map(|run| run["evaluation"]["exact_accuracy"].as_f64().expect("a score"));
    assert_eq!((&row["n"], &row["verified"], &row["rank"]), (&json!(2), &json!(true), &json!(1)), "{row:#}");
    assert!((row["mean"].as_f64().expect("a mean") - f64::midpoint(scores[0], scores[1])).abs() < 1e-12);
    assert_eq!(row["interval_over"], "seeds");
    for (member, run) in row["members"].as_array().expect("members").iter().zip(&runs) {
        assert_eq!((&member["run_id"], &member["config_hash"]), (&run["id"], &run["config_hash"]));
        assert_eq!(member["checkpoint_id"], run["checkpoint_id"]);
        let hashes = ["checkpoint_sha256", "dataset_hash"].map(|key| text(member, key).len());
        assert_eq!(hashes, [64, 64], "{member:#}");
    }
    assert!(row["device_hours"].as_f64() > Some(0.0) && row["operations"].as_f64() > Some(0.0), "{row:#}");

    let csv = server.get(&format!("{address}?format=csv"));
    assert!(csv.header("content-type").starts_with("text/csv"));
    let keys: Vec<&str> = full["columns"].as_array().into_iter().flatten().map(|column| text(column, "key")).collect();
    assert_eq!(csv.text().lines().next(), Some(keys.join(",").as_str()));
    assert_eq!(csv.text().lines().count(), 2, "{}", csv.text());
    assert_eq!(server.get(&format!("{address}?order=mean,-n")).expect(200)["order"][1], "-n");
    let problem = server.get(&format!("{address}?order=speed")).expect_problem(422, "invalid-request");
    assert_eq!(problem["field"], "order");
    server.get("/api/v1/leaderboards/0000000000000000").expect_problem(404, "not-found");
    server.get(&format!("/api/v1/leaderboards?dataset_id={NO_ID}")).expect_problem(404, "not-found");

    let answer = server.post(&format!("{address}/snapshots"), &json!({"order": "-n"}));
    let (kept, link) = (answer.expect(201), answer.header("location").to_owned());
    let before = server.get(&link);
    assert_eq!(before.expect(200)["rows"], full["rows"]);
    assert_eq!(text(&kept, "sha256"), format!("{:x}", Sha256::digest(&before.bytes)), "the address is the content's");
    let more = trained(&server, "it-seeds", 31, 103);
    assert_eq!(server.get(&address).expect(200)["rows"][0]["n"], 3, "{more:#}");
    assert_eq!(server.get(&link).bytes, before.bytes, "what was kept does not change");
    assert_eq!(server.get(&format!("{link}?format=csv")).text(), csv.text());
    let etag = before.header("etag");
    assert_eq!(Answer::of(server.request("GET", &link).header("if-none-match", etag)).status, 304);
    let list = server.get(&format!("{address}/snapshots")).expect(200);
    assert_eq!(list["items"], json!([kept]));
    server.get(&format!("/api/v1/leaderboard-snapshots/{}", "0".repeat(64))).expect_problem(404, "not-found");
    let wrong = server.post(&format!("{address}/snapshots"), &json!({"order": "speed"}));
    assert_eq!(wrong.expect_problem(422, "invalid-request")["field"], "order");

    let listed = server.hrm(&["leaderboard"], "");
    assert!(listed.lines().any(|line| line.starts_with(id) && line.ends_with("3 scores")), "{listed}");
    let table = server.hrm(&["leaderboard", id], "");
    assert!(
        table.lines().last().is_some_and(|row| row.trim_start().starts_with("1  ") && row.contains("it-seeds")),
        "{table}"
    );
    let named = server.hrm(&["leaderboard", text(&runs[0], "dataset_id"), "--format", "json"], "");
    assert_eq!(serde_json::from_str::<Value>(&named).expect("JSON"), server.get(&address).expect(200));
}

#[test]
fn a_leaderboard_is_its_teams_until_it_is_shown_to_all() {
    let lab = Lab::with_worker();
    let (ann, bob) = (lab.token("ann", "read,write"), lab.token("bob", "read,write"));
    let run = lab.send(&ann, "POST", "/api/v1/runs", &json!({"experiment": tiny_experiment("anns")})).expect(201);
    // The stream ends with the run.
    let events = format!("/api/v1/runs/{}/events", text(&run, "id"));
    assert_eq!(lab.send(&ann, "GET", &events, &Value::Null).status, 200);
    let get = |token: &str, path: &str| lab.send(token, "GET", path, &Value::Null);
    let boards = |token: &str| get(token, "/api/v1/leaderboards").expect(200)["items"].clone();
    assert_eq!(boards(&bob), json!([]));
    let board = format!("/api/v1/leaderboards/{}", text(&boards(&ann)[0], "id"));
    get(&ann, &board).expect(200);
    get(&bob, &board).expect_problem(404, "not-found");
    let lost = get(&ann, "/api/v1/leaderboards?cursor=nowhere").expect_problem(422, "invalid-request");
    assert_eq!(lost["field"], "cursor");
    let snapshots = format!("{board}/snapshots");
    lab.send(&bob, "POST", &snapshots, &json!({})).expect_problem(404, "not-found");
    let reader = lab.token("ann", "read");
    lab.send(&reader, "POST", &snapshots, &json!({})).expect_problem(403, "forbidden");

    let link = lab.send(&ann, "POST", &snapshots, &json!({})).header("location").to_owned();
    get(&ann, &link).expect(200);
    get(&bob, &link).expect_problem(404, "not-found");
    assert_eq!(get(&bob, &snapshots).expect(200)["items"], json!([]));
    let shown = lab.send(&ann, "POST", &snapshots, &json!({"public": true}));
    assert_eq!(shown.header("location"), link);
    assert_eq!(get(&bob, &link).bytes, get(&ann, &link).bytes);
    assert_eq!(get(&bob, &snapshots).expect(200)["items"], json!([shown.expect(201)]));
    get("", &link).expect_problem(401, "unauthenticated");
}

#[test]
fn runs_are_compared_by_settings_curves_and_puzzles() {
    let server = Server::shared();
    let runs = [201, 202].map(|seed| trained(&server, "it-compared", 32, seed));
    let ids = runs.each_ref().map(|run| text(run, "id").to_owned());
    let both = ids.join(",");
    let compared = server.get(&format!("/api/v1/comparisons?runs={both}")).expect(200);
    assert_eq!(compared["config"], json!([{"path": "seed", "values": [201, 202]}]));
    assert_eq!(
        (&compared["runs"][0]["id"], &compared["runs"][1]["evaluation"]),
        (&runs[0]["id"], &runs[1]["evaluation"])
    );
    assert_eq!(compared["runs"][0]["evaluation"]["exact_by_step"].as_array().map(Vec::len), Some(2));
    let explains: Vec<&str> =
        compared["provenance"].as_array().into_iter().flatten().filter_map(|found| found["path"].as_str()).collect();
    assert_eq!(explains, [""; 0], "one program trained both on one machine");

    for (x, y, points) in [("step", "loss", 20), ("examples", "loss", 4), ("active", "lr", 1), ("wall", "loss", 20)] {
        let curves =
            server.get(&format!("/api/v1/comparisons/curves?runs={both}&x={x}&y={y}&points={points}")).expect(200);
        assert_eq!(curves["items"].as_array().map(Vec::len), Some(2));
        for curve in curves["items"].as_array().into_iter().flatten() {
            let found = curve["points"].as_array().expect("points");
            assert!((1..=points).contains(&found.len()), "{x}: {}", found.len());
            let xs: Vec<f64> = found.iter().filter_map(|point| point["x"].as_f64()).collect();
            assert!(xs.is_sorted_by(|a, b| a < b), "{xs:?}");
            for point in found {
                let [least, y, greatest] = ["least", "y", "greatest"].map(|key| point[key].as_f64().expect("a number"));
                assert!(least <= y + 1e-9 && y <= greatest + 1e-9, "{point}");
            }
        }
    }
    let whole = server.get(&format!("/api/v1/comparisons/curves?runs={both}&points=1500")).expect(200);
    let points = whole["items"][0]["points"].as_array().expect("points");
    let stored = server.get(&format!("/api/v1/runs/{}/metrics", ids[0])).expect(200);
    let told = |point: &Value| (point["step"].as_f64(), point["loss"].as_f64());
    let expected: Vec<_> = stored["items"].as_array().into_iter().flatten().map(told).collect();
    assert_eq!(points.iter().map(|point| (point["x"].as_f64(), point["y"].as_f64())).collect::<Vec<_>>(), expected);

    let puzzles = |part: &str| server.get(&format!("/api/v1/comparisons/puzzles?runs={both}&part={part}")).expect(200);
    let solved = puzzles("both")["solved"].clone();
    let count = |key: &str| solved[key].as_u64().expect("a count");
    assert_eq!(count("n"), 20);
    let right = runs.each_ref().map(|run| run["evaluation"]["exact"].as_u64().expect("a count"));
    assert_eq!([count("both") + count("only_first"), count("both") + count("only_second")], right);
    let mut positions: Vec<u64> = Vec::new();
    for part in ["both", "only_first", "only_second", "neither"] {
        let found = puzzles(part);
        let items = found["items"].as_array().expect("puzzles");
        assert_eq!(items.len() as u64, count(part), "{part}");
        positions.extend(items.iter().filter_map(|item| item["position"].as_u64()));
        assert!(items.iter().all(|item| text(item, "question").len() == 16), "{part}");
    }
    // Of a single run the puzzles are those it solves, and the others.
    let alone =
        server.get(&format!("/api/v1/comparisons/puzzles?runs={}&part=both", ids[0])).expect(200)["solved"].clone();
    let expected = [right[0], 0, 0, 20 - right[0]];
    assert_eq!(
        ["both", "only_first", "only_second", "neither"].map(|part| alone[part].as_u64().expect("a count")),
        expected
    );

    positions.sort_unstable();
    assert_eq!(positions, (0..20).collect::<Vec<u64>>());
    let first = server.get(&format!("/api/v1/comparisons/puzzles?runs={both}&part=neither&limit=1")).expect(200);
    if count("neither") > 1 {
        let next =
            format!("/api/v1/comparisons/puzzles?runs={both}&part=neither&cursor={}", text(&first, "next_cursor"));
        let rest = server.get(&next).expect(200)["items"].as_array().map_or(0, Vec::len) as u64;
        assert_eq!(rest + 1, count("neither"));
    }

    for (query, field) in [
        ("comparisons?runs=none".to_owned(), "runs"),
        (format!("comparisons?runs={0},{0}", ids[0]), "runs"),
        (format!("comparisons/puzzles?runs={both},{NO_ID}"), "runs"),
        (format!("comparisons/curves?runs={both}&points=0"), "points"),
    ] {
        let problem = server.get(&format!("/api/v1/{query}")).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], field, "{query}");
    }
    server.get(&format!("/api/v1/comparisons?runs={},{NO_ID}", ids[0])).expect_problem(404, "not-found");

    let said = server.hrm(&["compare", &ids[0], &ids[1]], "");
    assert!(said.contains("\n  seed: 201  |  202\n") && said.contains("\nof 20 puzzles "), "{said}");
    let json: Value = serde_json::from_str(&server.hrm(&["compare", "--json", &ids[0], &ids[1]], "")).expect("JSON");
    assert_eq!((&json["config"], &json["solved"]), (&compared["config"], &solved));
}
