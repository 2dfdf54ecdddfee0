//! Stored checkpoints: listed, read, downloaded, scored.

use super::server::{Answer, Server};
use serde_json::{Value, json};

const NO_ID: &str = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77";

#[test]
fn a_runs_checkpoint_is_listed_with_its_score() {
    let server = Server::shared();
    let run = server.trained();
    let page = server.get("/api/v1/models?limit=100").expect(200);
    let listed = page["items"].as_array().into_iter().flatten().find(|model| model["id"] == run["checkpoint_id"]);
    let listed = listed.expect("the checkpoint is listed");
    assert_eq!(listed["name"], "it-untrained");
    assert_eq!((&listed["side"], &listed["step"], &listed["run_id"]), (&json!(4), &json!(40), &run["id"]));
    let defaults = page["items"].as_array().into_iter().flatten();
    assert_eq!(defaults.filter(|model| model["side"] == 4 && model["default"] == true).count(), 1);
    assert_eq!(listed["evaluation"], run["evaluation"]);
    assert_eq!(listed["parameters"], run["parameters"]);
    let one = server.get(&format!("/api/v1/models/{}", run["checkpoint_id"].as_str().unwrap_or_default()));
    let mut one = one.expect(200);
    // Another test's model may have become the default in between.
    one["default"] = listed["default"].clone();
    assert_eq!(&one, listed);
}

#[test]
fn a_checkpoint_is_downloaded_whole_and_only_once() {
    let server = Server::shared();
    let id = server.trained()["checkpoint_id"].as_str().expect("the run has a checkpoint").to_owned();
    let model = server.get(&format!("/api/v1/models/{id}")).expect(200);
    let path = format!("/api/v1/models/{id}/file");
    let file = server.get(&path);
    assert_eq!((file.status, file.header("content-type")), (200, "application/octet-stream"));
    assert_eq!(json!(file.bytes.len()), model["size"]);
    assert_eq!(file.header("content-length"), file.bytes.len().to_string());
    let etag = format!("\"{}\"", model["sha256"].as_str().unwrap_or_default());
    assert_eq!(file.header("etag"), etag);
    assert!(file.header("content-disposition").contains("it-untrained.safetensors"));
    // A safetensors file begins with the length of its JSON header.
    let (length, rest) = file.bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
    let header: Value = serde_json::from_slice(&rest[..length]).expect("the header is JSON");
    assert!(header["__metadata__"].is_object());

    let again = Answer::of(server.request("GET", &path).header("if-none-match", &etag));
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    let other = Answer::of(server.request("GET", &path).header("if-none-match", "\"other\""));
    assert_eq!(other.status, 200);
}

#[test]
fn a_download_that_broke_off_goes_on_where_it_ended() {
    let server = Server::shared();
    let id = server.trained()["checkpoint_id"].as_str().expect("the run has a checkpoint").to_owned();
    let path = format!("/api/v1/models/{id}/file");
    let whole = server.get(&path);
    let size = whole.bytes.len();
    let part =
        |range: &str, of: &str| Answer::of(server.request("GET", &path).header("range", range).header("if-range", of));
    let rest = part("bytes=1000-", whole.header("etag"));
    assert_eq!((rest.status, rest.header("accept-ranges")), (206, "bytes"));
    assert_eq!(rest.header("content-range"), format!("bytes 1000-{}/{size}", size - 1));
    assert_eq!(rest.header("content-length"), (size - 1000).to_string());
    assert_eq!(rest.bytes, whole.bytes[1000..]);
    let other = part("bytes=1000-", "\"other\"");
    assert_eq!((other.status, other.bytes.len()), (200, size));
    let beyond = part(&format!("bytes={size}-"), whole.header("etag"));
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    beyond.expect_problem(416, "no-such-bytes");
}

#[test]
fn unknown_models_and_wrong_parameters_are_refused() {
    let server = Server::shared();
    for path in
        [format!("/api/v1/models/{NO_ID}"), format!("/api/v1/models/{NO_ID}/file"), "/api/v1/models/no-id".into()]
    {
        server.get(&path).expect_problem(404, "not-found");
    }
    for (query, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor")] {
        let problem = server.get(&format!("/api/v1/models?{query}")).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], field, "{query}");
    }
    server.get("/api/v1/models?limits=1").expect_problem(422, "invalid-request");
}

#[test]
fn a_finished_run_stands_on_its_datasets_leaderboard() {
    let server = Server::shared();
    let run = server.trained();
    let dataset = run["dataset_id"].as_str().expect("the run has a dataset");
    let board = server.get(&format!("/api/v1/leaderboard?dataset_id={dataset}")).expect(200);
    let row = board["items"].as_array().into_iter().flatten().find(|row| row["run_id"] == run["id"]);
    let row = row.expect("the run has a row");
    assert_eq!((&row["checkpoint_id"], &row["evaluation"]), (&run["checkpoint_id"], &run["evaluation"]));
    assert_eq!(row["evaluation"]["n"], 20, "the whole test split");
    assert!(row["rank"].as_u64().is_some_and(|rank| rank >= 1));

    server.get(&format!("/api/v1/leaderboard?dataset_id={NO_ID}")).expect_problem(404, "not-found");
    server.get("/api/v1/leaderboard").expect_problem(422, "invalid-request");
    let problem = server.get("/api/v1/leaderboard?dataset_id=x").expect_problem(422, "invalid-request");
    assert_eq!(problem["field"], "dataset_id");
}

#[test]
fn a_finished_run_says_what_its_results_rest_on() {
    let server = Server::shared();
    let run = server.trained();
    let id = run["id"].as_str().expect("an id");
    let whole = server.get(&format!("/api/v1/runs/{id}/provenance")).expect(200);
    assert_eq!((&whole["config_hash"], &whole["seed"]), (&run["config_hash"], &run["experiment"]["seed"]));
    let environment = &whole["attempts"][0]["environment"];
    assert!(
        environment["code"]["compiler"].as_str().is_some_and(|compiler| compiler.starts_with("rustc ")),
        "{whole:#}"
    );
    for field in ["host", "os", "device", "dtype"] {
        assert!(environment[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {whole:#}");
    }
    assert!(environment["kernels"]["operations"].is_string() && environment["threads"].is_u64(), "{whole:#}");
    assert!(whole["wall_seconds"].as_f64() >= whole["active_seconds"].as_f64(), "{whole:#}");
    assert!(whole["active_seconds"].as_f64() > Some(0.0) && whole["peak_memory_bytes"].as_u64() > Some(1 << 20));
    let (checkpoint, score) = (&whole["checkpoint"], &whole["scores"][0]);
    assert_eq!((&checkpoint["choice"]["rule"], &score["claimed"]), (&json!("last"), &json!(false)), "{whole:#}");
    assert_eq!(score["checkpoint_sha256"], checkpoint["sha256"]);
    assert_eq!(score["dataset"]["content_hash"], whole["dataset"]["content_hash"]);
    assert_eq!(score["environment"], *environment, "the same worker has trained and measured");
    server.get(&format!("/api/v1/runs/{NO_ID}/provenance")).expect_problem(404, "not-found");
}

#[test]
fn published_scores_are_claims_with_sources_and_never_among_measured_ones() {
    let server = Server::shared();
    let all = server.get("/api/v1/published").expect(200);
    let rows = all["items"].as_array().expect("rows");
    assert!(all["version"].as_u64() >= Some(1) && rows.len() > 30, "{all:#}");
    assert!(rows.iter().all(|row| row["source"].is_string() && row["protocol"].is_string()), "{all:#}");
    let mazes = server.get("/api/v1/published?benchmark=maze-hard").expect(200);
    let metrics: Vec<&Value> = mazes["items"].as_array().expect("rows").iter().map(|row| &row["metric"]).collect();
    assert!(metrics.contains(&&json!("exact")) && metrics.contains(&&json!("any_optimal")), "{mazes:#}");
    let run = server.trained();
    let dataset = run["dataset_id"].as_str().expect("an id");
    let none = server.get(&format!("/api/v1/published?dataset_id={dataset}")).expect(200);
    assert_eq!(none["items"], json!([]), "nobody has published on Sudoku of its side");
    assert!(none["same_test_split"].is_null(), "its test split is nobody's benchmark");
    server.get(&format!("/api/v1/published?dataset_id={NO_ID}")).expect_problem(404, "not-found");
    server.get("/api/v1/published?benchmark=chess").expect_problem(422, "invalid-request");
}
