//! Every page of the lab, at a server that has something to show on each.

use super::tab::Tab;
use crate::api::server::Server;
use serde_json::json;

/// Name and address of every page; trains a tiny run, so that the pages of single things have theirs.
pub(super) fn all(server: &Server) -> Vec<(&'static str, String)> {
    let run = server.trained();
    let id = |field: &str| run[field].as_str().unwrap_or_else(|| panic!("the run has no {field}: {run:#}")).to_owned();
    of(&id("id"), &id("dataset_id"), &id("checkpoint_id"), &batch(server))
}

/// A batch that has ended.
pub(super) fn batch(server: &Server) -> String {
    let puzzles = [
        "3.5...1.....5...6...4.31..64.5.5...6",
        "..13.4..6...........5.31.1.4.52.4.1.",
        "2.63..3.....5..624......6.5..2..3.6.",
        ".2.14.6.4...1...6.5..2...36......62.",
        "1................2..................",
    ];
    let queued = server.post("/api/v1/batches", &json!({"puzzles": puzzles, "model": "sudoku-6x6"})).expect(201);
    let id = queued["job"]["id"].as_str().expect("an id").to_owned();
    while server.get(&format!("/api/v1/batches/{id}")).expect(200)["job"]["state"] != "succeeded" {}
    id
}

/// Name and address of every page, with these for the pages of single things.
pub(super) fn of(run: &str, dataset: &str, model: &str, batch: &str) -> Vec<(&'static str, String)> {
    vec![
        ("solve", "/".into()),
        ("maze", "/solve/maze".into()),
        ("arc", "/solve/arc".into()),
        ("runs", "/runs".into()),
        ("new-run", "/runs/new".into()),
        ("run", format!("/runs/{run}")),
        ("queue", "/queue".into()),
        ("batches", "/batches".into()),
        ("batch", format!("/batches/{batch}")),
        ("compare", format!("/compare?runs={run}")),
        ("leaderboard", format!("/leaderboard?dataset={dataset}")),
        ("datasets", "/datasets".into()),
        ("dataset", format!("/datasets/{dataset}")),
        ("models", "/models".into()),
        ("model", format!("/models/{model}")),
        ("team", "/team".into()),
        ("about", "/about".into()),
        ("missing", "/no/such/page".into()),
    ]
}

/// Opens a page and waits until everything on it has arrived.
pub(super) async fn open(tab: &Tab, page: &str) {
    tab.open(page).await;
    tab.until("return !document.querySelector('.waiting') && document.fonts.status === 'loaded'").await;
}
