//! Leaderboards and comparisons.

use super::{
    Answer,
    transport::{get, post},
};
use crate::browser::query_value;
use hrm_types::{
    Page,
    comparison::{ComparedCurve, Comparison, Part, PuzzleComparison, Quantity, X},
    ids::{DatasetId, RunId},
    leaderboard::{Board, KeepLeaderboard, Leaderboard, LeaderboardSnapshot},
};

/// Runs compared at most.
pub(crate) const MOST_COMPARED: usize = 20;

pub(crate) async fn list_boards(dataset: Option<DatasetId>) -> Answer<Page<Board>> {
    match dataset {
        Some(dataset) => get(&format!("/leaderboards?limit=100&dataset_id={dataset}")).await,
        None => get("/leaderboards?limit=100").await,
    }
}

/// A leaderboard, its rows by `order` or, if that is empty, as it orders itself.
pub(crate) async fn get_board(id: &str, order: &str) -> Answer<Leaderboard> {
    get(&format!("/leaderboards/{}{}", query_value(id), ordered(order))).await
}

/// What was kept under an address.
pub(crate) async fn get_snapshot(sha256: &str) -> Answer<Leaderboard> {
    get(&format!("/leaderboard-snapshots/{}", query_value(sha256))).await
}

pub(crate) async fn keep_board(id: &str, order: &str) -> Answer<LeaderboardSnapshot> {
    let order = (!order.is_empty()).then(|| order.to_owned());
    post(&format!("/leaderboards/{}/snapshots", query_value(id)), &KeepLeaderboard { order, public: false }).await
}

/// A leaderboard's order as its query.
pub(crate) fn ordered(order: &str) -> String {
    if order.is_empty() { String::new() } else { format!("?order={}", query_value(order)) }
}

pub(crate) async fn compare(runs: &[RunId]) -> Answer<Comparison> {
    get(&format!("/comparisons?runs={}", listed(runs))).await
}

pub(crate) async fn compare_curves(runs: &[RunId], x: X, y: Quantity) -> Answer<Page<ComparedCurve>> {
    get(&format!("/comparisons/curves?runs={}&x={}&y={}&points=300", listed(runs), name(&x), name(&y))).await
}

pub(crate) async fn compare_puzzles(runs: &[RunId], part: Part, cursor: Option<&str>) -> Answer<PuzzleComparison> {
    let cursor = cursor.map(|cursor| format!("&cursor={}", query_value(cursor))).unwrap_or_default();
    get(&format!("/comparisons/puzzles?runs={}&part={}&limit=24{cursor}", listed(runs), name(&part))).await
}

/// Runs as an address lists them.
pub(crate) fn listed(runs: &[RunId]) -> String {
    runs.iter().map(RunId::to_string).collect::<Vec<_>>().join(",")
}

/// The ids in an address, each once; what is no id is left out.
pub(crate) fn parsed(listed: &str) -> Vec<RunId> {
    let mut ids = Vec::new();
    for id in listed.split(',').filter_map(|word| word.trim().parse().ok()) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The name by which a choice goes over the wire.
pub(crate) fn name(choice: &impl serde::Serialize) -> String {
    serde_json::to_value(choice).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
