//! Compared runs of which some are gone: the others are compared, and of each that is gone it is said, with the way to leave it
//! out.

use crate::api;
use hrm_types::{comparison::Comparison, ids::RunId, problem::Problem};
use leptos::prelude::*;

/// What is there of runs that are to be compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The runs that are there; nothing if none is.
    pub(super) comparison: Option<Comparison>,
    /// Those that are not.
    pub(super) gone: Vec<RunId>,
}

/// Compares the runs that are there. Of those in `gone` it is known that they are not.
pub(super) async fn compare(ids: Vec<RunId>, gone: &[RunId]) -> api::Answer<Found> {
    let (mut gone, here): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| gone.contains(id));
    if here.is_empty() {
        return Ok(Found { comparison: None, gone });
    }
    let refused = match api::scores::compare(&here).await {
        Err(problem) if is_missing(&problem) => problem,
        answer => return answer.map(|comparison| Found { comparison: Some(comparison), gone }),
    };
    // The answer names none: each is asked for.
    let mut left = Vec::new();
    for id in &here {
        let is_gone = api::runs::get_run(*id).await.is_err_and(|problem| is_missing(&problem));
        if is_gone { gone.push(*id) } else { left.push(*id) }
    }
    if left.len() == here.len() {
        return Err(refused);
    }
    let comparison = if left.is_empty() { None } else { Some(api::scores::compare(&left).await?) };
    Ok(Found { comparison, gone })
}

fn is_missing(problem: &Problem) -> bool {
    problem.status == 404
}

/// What is said of the runs that are gone.
#[component]
pub(super) fn Gone(runs: Memo<Vec<RunId>>, without: Callback<RunId>) -> impl IntoView {
    let notice = move |id: RunId| {
        let words = format!("The run {id} is gone");
        let label = format!("Leave out: {id}");
        view! {
            <div class="notice warn" role="status">
                <strong>{words}</strong>
                <p>"It was deleted, or you may not see it. The others are compared."</p>
                <button type="button" aria-label=label on:click=move |_| without.run(id)>"Leave out"</button>
            </div>
        }
    };
    move || runs.get().into_iter().map(notice).collect_view()
}
