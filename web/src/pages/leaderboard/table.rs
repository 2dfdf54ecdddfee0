//! A leaderboard's table: what can be ordered by, and a row for each configuration.

use super::{
    choice::Filter,
    row::{Opened, row},
};
use crate::format;
use hrm_types::leaderboard::{Better, Leaderboard, Reference};
use leptos::prelude::*;

/// A column that is shown: its key where it orders, its heading, whether its values stand at the right. What the mean is of
/// stands before it.
type Heading = (&'static str, &'static str, bool);

const HEADINGS: [Heading; 9] = [
    ("rank", "Rank", true),
    ("name", "Configuration", false),
    ("mean", ", mean over seeds", false),
    ("n", "Seeds", true),
    ("difference", "Against the paper", true),
    ("train_count", "Trained on", false),
    ("parameters", "Weights", true),
    ("mean_steps", "ACT steps", true),
    ("device_hours", "Device time", true),
];

#[component]
pub(super) fn Table(
    board: Leaderboard,
    filter: Filter,
    order_by: Option<Callback<String>>,
    opened: RwSignal<Opened>,
) -> impl IntoView {
    let headings = HEADINGS.map(|heading| head(&board, heading, order_by)).into_iter().collect_view();
    let reference = board.reference.clone();
    let (about, metric) = (reference.as_ref().map(paper), board.metric.clone());
    let what = measured(&metric);
    let line = reference.map(|reference| reference.score);
    let rows = move || {
        let shown: Vec<_> = board.rows.iter().filter(|row| filter.shows(row)).collect();
        if shown.is_empty() {
            return view! { <tr><td colspan="9" class="muted">"No row of this kind."</td></tr> }.into_any();
        }
        shown.into_iter().map(|shown| row(shown, what, line, opened)).collect_view().into_any()
    };
    view! {
        {about}
        <table class="rows leaderboard">
            <caption class="hidden">{format!("Scores by {metric}")}</caption>
            <thead>
                <tr>{headings}</tr>
            </thead>
            {rows}
        </table>
    }
}

/// What scores by a metric say of a puzzle.
fn measured(metric: &str) -> &'static str {
    match metric {
        "solved" => "Solved",
        "pass@2" => "Pass@2",
        _ => "Exact",
    }
}

/// A heading; a button where one may order by it.
fn head(
    board: &Leaderboard,
    (key, title, right): Heading,
    order_by: Option<Callback<String>>,
) -> impl IntoView + use<> {
    let title = if key == "mean" { format!("{}{title}", measured(&board.metric)) } else { title.to_owned() };
    let column = board.columns.iter().find(|column| column.key == key);
    let better = column.and_then(|column| column.better);
    let first = board.order.first().map(|first| (first.trim_start_matches('-') == key, first.starts_with('-')));
    let sorted = match first {
        Some((true, true)) => Some("descending"),
        Some((true, false)) => Some("ascending"),
        _ => None,
    };
    let content = match (order_by, better) {
        (Some(order_by), Some(better)) => {
            // The better end first; pressed again, the other one.
            let best_first = if better == Better::Higher { format!("-{key}") } else { key.to_owned() };
            let other = if better == Better::Higher { key.to_owned() } else { format!("-{key}") };
            let next = if board.order.first() == Some(&best_first) { other } else { best_first };
            let arrow = match sorted {
                Some("descending") => " ↓",
                Some(_) => " ↑",
                None => "",
            };
            view! { <button type="button" class="quiet head" on:click=move |_| order_by.run(next.clone())>{title}{arrow}</button> }
                .into_any()
        }
        _ => title.into_any(),
    };
    view! { <th scope="col" class:right=right aria-sort=sorted>{content}</th> }
}

/// The paper's figure, in words.
fn paper(reference: &Reference) -> impl IntoView + use<> {
    let figure = format!(
        "{}: {}; reproduced if within {}",
        reference.system,
        format::percent(reference.score),
        format::percent(reference.tolerance)
    );
    let trained =
        reference.train_count.map(|count| format!(" and trained on {}", format::counted(count.into(), "puzzle")));
    view! { <p class="board-paper"><i class="paper-line"></i>{figure}{trained}". "<span class="muted">{reference.source.clone()}</span></p> }
}
