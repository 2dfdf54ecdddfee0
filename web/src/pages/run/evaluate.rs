//! Another score for a run's model: other puzzles, another way of measuring.

use crate::{
    api,
    components::{field::Tick, interval::Interval, job::JobProgress, problem::Problems, state::StateMark},
    load,
};
use hrm_types::{
    dataset::Split,
    evaluation::Protocol,
    ids::{CheckpointId, JobId},
    job::{CreateEvaluation, EvaluationJob, LOCAL},
    problem::Problem,
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Between looks at a queued evaluation.
const PAUSE: Duration = Duration::from_secs(1);

#[component]
pub(super) fn Evaluate(checkpoint: CheckpointId, steps: u32, dataset: Option<String>) -> impl IntoView {
    let queued = RwSignal::new(None::<JobId>);
    view! {
        <details class="evaluate">
            <summary>"Measure it on other puzzles, or in another way"</summary>
            <Form checkpoint steps dataset queued />
            {move || queued.get().map(|id| view! { <Measured id /> })}
        </details>
    }
}

#[component]
fn Form(
    checkpoint: CheckpointId,
    steps: u32,
    dataset: Option<String>,
    queued: RwSignal<Option<JobId>>,
) -> impl IntoView {
    let datasets = load::load(api::data::list_datasets);
    let chosen = RwSignal::new(dataset.unwrap_or_default());
    let (depth, fixed) = (RwSignal::new(steps.to_string()), RwSignal::new(false));
    let refused = RwSignal::new(None::<Problem>);
    let options = move || {
        let chosen = chosen.get_untracked();
        datasets.value.with(|page| {
            let datasets = page.iter().flat_map(|page| page.items.iter()).filter(|dataset| dataset.test_count > 0);
            let option = |dataset: &hrm_types::dataset::Dataset| {
                let (id, name) = (dataset.id.to_string(), dataset.name.clone());
                let selected = id == chosen;
                view! { <option value=id selected=selected>{name}</option> }
            };
            datasets.map(option).collect_view()
        })
    };
    let queue = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let steps = depth.get_untracked().trim().parse().unwrap_or(0);
        let protocol = if fixed.get_untracked() { Protocol::fixed(steps) } else { Protocol::halting_by_q(steps) };
        let dataset = chosen.get_untracked();
        // Until something else is chosen the first one shows.
        let first = || {
            datasets
                .value
                .with_untracked(|page| page.as_ref()?.items.iter().find(|d| d.test_count > 0).map(|d| d.id.to_string()))
        };
        let dataset = if dataset.is_empty() { first().unwrap_or_default() } else { dataset };
        let request = CreateEvaluation {
            model: checkpoint.to_string(),
            dataset,
            split: Split::Test,
            protocol: Some(protocol),
            owner: LOCAL.into(),
            priority: 0,
        };
        spawn_local(async move {
            match api::models::create_evaluation(&request).await {
                Ok(created) => {
                    refused.try_set(None);
                    queued.try_set(Some(created.job.id));
                }
                Err(problem) => drop(refused.try_set(Some(*problem))),
            }
        });
    };
    view! {
        <form class="inline-form" on:submit=queue>
            <div class="field">
                <label for="evaluate-on">"Test puzzles of"</label>
                <select id="evaluate-on" on:change=move |event| chosen.set(event_target_value(&event))>{options}</select>
            </div>
            <div class="field narrow">
                <label for="evaluate-steps">"ACT steps at most"</label>
                <input id="evaluate-steps" type="number" min="1" max="1024" required prop:value=depth on:input=move |event| depth.set(event_target_value(&event)) />
            </div>
            <Tick label="always all of them" on=fixed />
            <button type="submit">"Measure"</button>
        </form>
        <Problems of=refused />
    }
}

/// A queued evaluation until it has its score.
#[component]
fn Measured(id: JobId) -> impl IntoView {
    let job = load::poll(
        move || api::models::get_evaluation(id),
        |job: Option<&EvaluationJob>| job.is_none_or(|job| !job.job.state.is_final()).then_some(PAUSE),
    );
    view! {
        <Problems of=job.problem />
        <div role="status" class="measured">
            {move || job.value.with(|job| job.as_ref().map(|job| {
                let score = job.evaluation.clone().map(|evaluation| view! { <Interval evaluation /> });
                view! { <StateMark state=job.job.state />" "<JobProgress job=job.job.clone() />{job.job.reason.clone()}{score} }
            }))}
        </div>
    }
}
