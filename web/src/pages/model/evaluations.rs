//! Evaluations that were asked for: where each stands, and its score.

use crate::{
    api,
    components::{ago::Ago, interval::Interval, job::JobProgress, problem::Problems, state::StateMark},
    load::{self, Loaded},
    pages::run::protocol,
};
use hrm_types::{
    Page,
    ids::{CheckpointId, DatasetId, JobId},
    job::{EvaluationJob, Job},
    model::Model,
    problem::Problem,
    run::RunState,
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Between looks while one of them has not ended, and while all have.
const BUSY: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(15);

/// How long to wait before the next look.
#[expect(clippy::unnecessary_wraps, reason = "what polls also takes that no look follows")]
pub(super) fn pause(asked: Option<&Page<EvaluationJob>>) -> Option<Duration> {
    let moving = asked.is_some_and(|page| page.items.iter().any(|one| !one.job.state.is_final()));
    Some(if moving { BUSY } else { IDLE })
}

/// The evaluations of one model; the model is fetched again when one of them ends.
#[component]
pub(super) fn Evaluations(id: CheckpointId, asked: Loaded<Page<EvaluationJob>>, model: Loaded<Model>) -> impl IntoView {
    let refused = RwSignal::new(None::<Problem>);
    let datasets = load::load(api::data::list_datasets);
    let of_it = Memo::new(move |_| {
        asked.value.with(|page| {
            let items = page.iter().flat_map(|page| &page.items);
            items.filter(|one| one.spec.checkpoint_id == id).cloned().collect::<Vec<_>>()
        })
    });
    let measured = Memo::new(move |_| of_it.with(|all| all.iter().filter(|one| one.evaluation.is_some()).count()));
    Effect::new(move |before: Option<usize>| {
        let now = measured.get();
        if before.is_some_and(|before| before < now) {
            model.refresh();
        }
        now
    });
    let cancel = move |job: JobId| {
        spawn_local(async move {
            refused.try_set(api::models::cancel_job(job).await.err().map(|problem| *problem));
            asked.refresh();
        });
    };
    let named = move |id: DatasetId| {
        datasets.value.with(|page| {
            let found = page.iter().flat_map(|page| &page.items).find(|dataset| dataset.id == id);
            found.map_or_else(|| "a dataset".to_owned(), |dataset| dataset.name.clone())
        })
    };
    let row = move |one: EvaluationJob| {
        let (dataset, job) = (one.spec.dataset_id, one.job.id);
        let moving = !one.job.state.is_final() && !one.job.cancel_requested;
        view! {
            <tr>
                <th scope="row">
                    <a href=format!("/datasets/{dataset}")>{move || named(dataset)}</a>
                    <span class="aside">{format!("{} puzzles, {}", one.spec.split.as_str(), protocol(&one.spec.protocol))}</span>
                </th>
                <td data-label="State"><span><StateMark state=one.job.state />{standing(&one.job)}</span></td>
                <td data-label="Score">{outcome(&one)}</td>
                <td data-label="Queued"><Ago at=one.job.created_at /></td>
                <td class="right">
                    {moving.then(|| view! { <button type="button" class="quiet" on:click=move |_| cancel(job)>"Cancel"</button> })}
                </td>
            </tr>
        }
    };
    view! {
        <Problems of=asked.problem />
        <Problems of=refused />
        <Show when=move || of_it.with(|all| !all.is_empty())>
            <table class="rows evaluations">
                <thead>
                    <tr>
                        <th scope="col">"Measured on"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Score"</th>
                        <th scope="col">"Queued"</th>
                        <th scope="col"><span class="hidden">"Cancel"</span></th>
                    </tr>
                </thead>
                <tbody>{move || of_it.get().into_iter().map(row).collect_view()}</tbody>
            </table>
        </Show>
    }
}

fn outcome(one: &EvaluationJob) -> AnyView {
    match &one.evaluation {
        Some(score) => view! { <Interval evaluation=score.clone() /> }.into_any(),
        None if one.job.state == RunState::Running => view! { <JobProgress job=one.job.clone() /> }.into_any(),
        None => view! { <span class="muted">"–"</span> }.into_any(),
    }
}

/// Why a job stands where it does, in words.
pub(crate) fn standing(job: &Job) -> Option<impl IntoView + use<>> {
    let words = match job.state {
        _ if job.cancel_requested && !job.state.is_final() => Some("stopping …".to_owned()),
        RunState::Running => job.phase.clone(),
        RunState::Succeeded => None,
        _ => job.reason.clone(),
    };
    words.map(|words| view! { <span class="standing">{words}</span> })
}
