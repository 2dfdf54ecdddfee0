//! A job of the queue: what it is called, how far it is, and why it stands there.

use super::progress::telling;
use crate::format;
use hrm_types::{
    job::{Job, JobKind},
    run::RunState,
};
use leptos::prelude::*;

/// Its name, which leads to what it makes, with its kind and owner, and with its seed where it is one of a sweep.
#[component]
pub(crate) fn JobName(job: Job) -> impl IntoView {
    let priority = (job.priority != 0).then(|| format!(", priority {}", job.priority));
    let seed = job.seed.filter(|_| job.sweep_id.is_some()).map(|seed| format!(", seed {seed}"));
    view! {
        <a href=leads_to(&job)>{job.name.clone()}</a>
        <span class="aside">{job.kind.as_str()}" of "{job.owner}{seed}{priority}</span>
    }
}

/// Where what a job makes is to be seen: a score with the others of its model.
fn leads_to(job: &Job) -> String {
    match (job.kind, job.model_id, job.dataset_id) {
        (JobKind::Training, ..) => format!("/runs/{}", job.id),
        (JobKind::Batch, ..) => format!("/batches/{}", job.id),
        (JobKind::Evaluation, Some(model), _) => format!("/models/{model}"),
        (JobKind::Evaluation, None, _) => "/models".to_owned(),
        (JobKind::Generation, _, Some(dataset)) => format!("/datasets/{dataset}"),
        (JobKind::Generation, _, None) => "/datasets".to_owned(),
    }
}

/// What it counts, of how many.
#[component]
pub(crate) fn JobProgress(job: Job) -> impl IntoView {
    let noun = if job.kind == JobKind::Training { "step" } else { "puzzle" };
    let words = match job.total {
        Some(total) => format!("{} of {}", format::count(job.done), format::counted(total, noun)),
        None if job.done > 0 => format::counted(job.done, noun),
        None => String::new(),
    };
    let bar = job.total.filter(|&total| total > 0 && !job.state.is_final()).map(|total| {
        let share = (job.done as f64 / total as f64).min(1.0) * 100.0;
        view! {
            <span class="bar" role="progressbar" aria-label=words.clone() aria-valuemin="0" aria-valuemax="100" aria-valuenow=format!("{share:.0}")>
                <i style:width=format!("{share:.2}%")></i>
            </span>
        }
    });
    view! { <span class="progress"><span class="progress-steps">{words}</span>{bar}</span> }
}

/// Why a job stands where it does, in words.
pub(crate) fn standing(job: &Job) -> Option<impl IntoView + use<>> {
    let words = match job.state {
        _ if job.cancel_requested && !job.state.is_final() => Some("stopping …".to_owned()),
        RunState::Running => job.phase.clone(),
        RunState::Succeeded => None,
        _ => telling(job.state, job.reason.as_ref()),
    };
    words.map(|words| view! { <span class="standing">{words}</span> })
}
