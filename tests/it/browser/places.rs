//! Every page of the lab, at a server that has something to show on each.

use super::tab::Tab;
use crate::api::server::Server;

/// Name and address of every page; trains a tiny run, so that the pages of single things have theirs.
pub(super) fn all(server: &Server) -> Vec<(&'static str, String)> {
    let run = server.trained();
    let id = |field: &str| run[field].as_str().unwrap_or_else(|| panic!("the run has no {field}: {run:#}")).to_owned();
    of(&id("id"), &id("dataset_id"), &id("checkpoint_id"))
}

/// Name and address of every page, with these for the pages of single things.
pub(super) fn of(run: &str, dataset: &str, model: &str) -> Vec<(&'static str, String)> {
    vec![
        ("solve", "/".into()),
        ("maze", "/solve/maze".into()),
        ("arc", "/solve/arc".into()),
        ("runs", "/runs".into()),
        ("new-run", "/runs/new".into()),
        ("run", format!("/runs/{run}")),
        ("queue", "/queue".into()),
        ("compare", format!("/compare?runs={run}")),
        ("leaderboard", format!("/leaderboard?dataset={dataset}")),
        ("datasets", "/datasets".into()),
        ("dataset", format!("/datasets/{dataset}")),
        ("models", "/models".into()),
        ("model", format!("/models/{model}")),
        ("team", "/team".into()),
        ("missing", "/no/such/page".into()),
    ]
}

/// Opens a page and waits until everything on it has arrived.
pub(super) async fn open(tab: &Tab, page: &str) {
    tab.open(page).await;
    tab.until("return !document.querySelector('.waiting') && document.fonts.status === 'loaded'").await;
}
