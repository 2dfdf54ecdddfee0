//! Datasets: generated, listed, browsed, refused.

use super::server::Server;
use hrm_types::sudoku::Grid;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn request(name: &str, seed: u64) -> Value {
    json!({"name": name, "generate": {"side": 4, "train": 130, "test": 30, "givens": [5, 8], "seed": seed}})
}

#[test]
fn a_dataset_is_generated_listed_and_browsed() {
    let server = Server::shared();
    let answer = server.post("/api/v1/datasets", &request("it-browsed", 11));
    let dataset = answer.expect(201);
    let id = dataset["id"].as_str().expect("it has an id");
    assert_eq!(answer.header("location"), format!("/api/v1/datasets/{id}"));
    assert_eq!(
        (&dataset["train_count"], &dataset["test_count"], &dataset["side"]),
        (&json!(130), &json!(30), &json!(4))
    );
    assert_eq!(dataset["generated"], request("", 11)["generate"]);
    assert_eq!(server.get(&format!("/api/v1/datasets/{id}")).expect(200), dataset);
    let page = server.get("/api/v1/datasets?limit=100").expect(200);
    assert!(page["items"].as_array().is_some_and(|items| items.contains(&dataset)));

    let train = all_puzzles(&server, id, "train");
    let test = all_puzzles(&server, id, "test");
    assert_eq!((train.len(), test.len()), (130, 30));
    let questions: BTreeSet<&str> =
        train.iter().chain(&test).filter_map(|puzzle| puzzle["question"].as_str()).collect();
    assert_eq!(questions.len(), 160, "no puzzle is there twice, in neither split");
    for (position, puzzle) in train.iter().enumerate() {
        assert_eq!(puzzle["position"], position);
        let grid = |key: &str| puzzle[key].as_str().expect("a grid").parse::<Grid>().expect("a grid");
        assert!(grid("answer").solves(&grid("question")), "{puzzle}");
        assert!((5..=8).contains(&grid("question").givens()), "{puzzle}");
    }
}

/// Every puzzle of a split, page by page.
fn all_puzzles(server: &Server, id: &str, split: &str) -> Vec<Value> {
    let mut puzzles = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/v1/datasets/{id}/puzzles?split={split}&limit=60{cursor}")).expect(200);
        puzzles.extend(page["items"].as_array().expect("a page has items").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return puzzles,
        }
    }
}

#[test]
fn the_same_puzzles_or_name_are_stored_once() {
    let server = Server::shared();
    server.post("/api/v1/datasets", &request("it-once", 12)).expect(201);
    let name = server.post("/api/v1/datasets", &request("it-once", 13)).expect_problem(409, "conflict");
    assert_eq!(name["field"], "name");
    let content = server.post("/api/v1/datasets", &request("it-twice", 12)).expect_problem(409, "conflict");
    assert_eq!(content["field"], "generate");
    assert!(content["detail"].as_str().is_some_and(|detail| detail.contains("it-once")), "{content:#}");
}

#[test]
fn lists_are_paged_newest_first() {
    let server = Server::without_worker();
    let mut ids: Vec<Value> = (0..5)
        .map(|i| server.post("/api/v1/datasets", &request(&format!("it-{i}"), i)).expect(201)["id"].clone())
        .collect();
    ids.reverse();
    let mut seen = Vec::new();
    let mut path = "/api/v1/datasets?limit=2".to_owned();
    loop {
        let page = server.get(&path).expect(200);
        let items = page["items"].as_array().expect("a page has items");
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|dataset| dataset["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/datasets?limit=2&cursor={next}");
    }
    assert_eq!(seen, ids);
}

#[test]
fn wrong_settings_are_refused_with_the_field() {
    let server = Server::shared();
    let check = |key: &str, value: Value, kind: &str, field: &str| {
        let mut body = request("it-wrong", 14);
        *(if key == "name" { &mut body["name"] } else { &mut body["generate"][key] }) = value;
        let problem = server.post("/api/v1/datasets", &body).expect_problem(422, kind);
        assert_eq!(problem["field"], field, "{body}: {problem:#}");
    };
    check("seed", json!(u64::MAX), "invalid-experiment", "generate.seed");
    check("side", json!(5), "invalid-experiment", "generate.side");
    check("train", json!(0), "invalid-experiment", "generate.train");
    check("test", json!(0), "invalid-experiment", "generate.test");
    check("givens", json!([9, 5]), "invalid-experiment", "generate.givens");
    check("givens", json!([1, 5]), "invalid-experiment", "generate.givens");
    check("seed", json!(u64::MAX), "invalid-experiment", "generate.seed");
    check("train", json!("many"), "invalid-request", "generate.train");
    check("more", json!(1), "invalid-request", "generate.more");
    check("name", json!(""), "invalid-request", "name");
    check("name", json!("a/b"), "invalid-request", "name");
    check("name", json!("0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77"), "invalid-request", "name");
    // There are only 288 grids of side 4, so so many puzzles with so many givens do not exist.
    let impossible =
        json!({"name": "it-wrong", "generate": {"side": 4, "train": 4_000, "test": 900, "givens": [15, 15]}});
    let problem = server.post("/api/v1/datasets", &impossible).expect_problem(422, "invalid-request");
    assert_eq!(problem["field"], "generate");
}

#[test]
fn unknown_datasets_and_wrong_parameters_are_refused() {
    let server = Server::shared();
    server.get("/api/v1/datasets/0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77").expect_problem(404, "not-found");
    server.get("/api/v1/datasets/0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77/puzzles").expect_problem(404, "not-found");
    server.get("/api/v1/datasets/x").expect_problem(404, "not-found");
    server.get("/api/v1/datasets/%00").expect_problem(422, "invalid-request");
    for (query, field) in [("split=dev", "split"), ("cursor=-1", "cursor"), ("limit=1000", "limit")] {
        let path = format!("/api/v1/datasets/0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77/puzzles?{query}");
        assert_eq!(server.get(&path).expect_problem(422, "invalid-request")["field"], field, "{query}");
    }
}
