//! The columns that the table of runs can show.

use crate::{
    components::{
        ago::Ago,
        claimed::Claimed,
        progress::{Progress, standing},
        state::StateMark,
    },
    format,
};
use hrm_types::run::{BestMetrics, Run, RunState};
use leptos::prelude::*;

/// A column.
pub(super) struct Column {
    /// Its name in the address.
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    /// Whether its values stand at the right.
    pub(super) right: bool,
    pub(super) cell: fn(&Run) -> AnyView,
}

const fn left(key: &'static str, title: &'static str, cell: fn(&Run) -> AnyView) -> Column {
    Column { key, title, right: false, cell }
}

const fn right(key: &'static str, title: &'static str, cell: fn(&Run) -> AnyView) -> Column {
    Column { key, title, right: true, cell }
}

/// Every column beside the name, left to right.
pub(super) const COLUMNS: [Column; 18] = [
    left("state", "State", state),
    left("progress", "Progress", |run| view! { <Progress run=run.clone() /> }.into_any()),
    right("exact", "Exact accuracy", exact),
    right("training", "In training", |run| metric(run, |point| point.exact_accuracy.map(format::percent))),
    right("validation", "On validation", |run| {
        metric(run, |point| point.validation.map(|seen| format::percent(seen.exact_accuracy())))
    }),
    right("best-training", "Best in training", |run| best(run, |best| best.exact_accuracy.map(format::percent))),
    right("best-validation", "Best on validation", |run| best(run, |best| best.validation.map(format::percent))),
    right("best-loss", "Lowest loss", |run| best(run, |best| best.loss.map(format::value))),
    right("loss", "Loss", |run| metric(run, |point| Some(format::value(point.loss)))),
    right("speed", "Sequences/s", |run| metric(run, |point| Some(format::value(point.sequences_per_second)))),
    right("trained", "Trained for", |run| metric(run, |point| Some(format::duration(point.elapsed_seconds)))),
    right("weights", "Weights", weights),
    right("seed", "Seed", |run| run.experiment.seed.to_string().into_any()),
    left("tags", "Tags", tags),
    left("owner", "Owner", |run| run.owner.clone().into_any()),
    right("priority", "Priority", |run| run.priority.to_string().into_any()),
    left("queued", "Queued", |run| view! { <Ago at=run.created_at /> }.into_any()),
    left("ended", "Ended", |run| run.finished_at.map_or_else(dash, |at| view! { <Ago at /> }.into_any())),
];

/// What is shown unless the address says otherwise.
pub(super) const ORDINARY: [&str; 6] = ["state", "progress", "exact", "weights", "tags", "queued"];

fn dash() -> AnyView {
    view! { <span class="muted">"–"</span> }.into_any()
}

fn state(run: &Run) -> AnyView {
    let standing = standing(run).map(|words| view! { <span class="standing">{words}</span> });
    view! { <StateMark state=run.state />{standing} }.into_any()
}

/// The score on the test split, or the newest in training while there is none.
fn exact(run: &Run) -> AnyView {
    let training = run.last_metrics.as_ref().and_then(|metrics| metrics.exact_accuracy);
    match (&run.evaluation, training) {
        (Some(score), _) => view! {
            <b>{format::percent(score.exact_accuracy)}</b>" "<span class="muted">"test"</span>" "
            <Claimed claimed=run.claimed />
        }
        .into_any(),
        (None, Some(share)) if run.state == RunState::Running => {
            view! { {format::percent(share)}" "<span class="muted">"training"</span> }.into_any()
        }
        (None, Some(share)) => view! { <span class="muted">{format::percent(share)}" training"</span> }.into_any(),
        (None, None) => dash(),
    }
}

fn metric(run: &Run, of: fn(&hrm_types::run::MetricPoint) -> Option<String>) -> AnyView {
    run.last_metrics.as_ref().and_then(of).map_or_else(dash, IntoAny::into_any)
}

fn best(run: &Run, of: fn(&BestMetrics) -> Option<String>) -> AnyView {
    run.best_metrics.as_ref().and_then(of).map_or_else(dash, IntoAny::into_any)
}

fn weights(run: &Run) -> AnyView {
    match run.parameters {
        Some(weights) => view! { <span title=format::count(weights)>{format::short_count(weights)}</span> }.into_any(),
        None => dash(),
    }
}

fn tags(run: &Run) -> AnyView {
    if run.tags.is_empty() {
        return dash();
    }
    let tags = run.tags.iter().map(|tag| {
        let link = format!("/runs?tag={}", crate::browser::query_value(tag));
        view! { <a class="badge" href=link>{tag.clone()}</a> }
    });
    view! { <span class="tags">{tags.collect_view()}</span> }.into_any()
}
