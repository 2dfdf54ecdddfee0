//! What a run's results rest on: programs, machines, data, and how its checkpoint was chosen.

use crate::{
    api,
    components::{ago::Ago, began_with::BeganWith, claimed::Claimed, interval::Interval, problem::Problems},
    format, load,
};
use hrm_types::{
    ids::RunId,
    provenance::{Attempt, Choice, RunProvenance, Score},
    run::{Run, RunState},
};
use leptos::prelude::*;

#[component]
pub(super) fn Origin(id: RunId, run: RwSignal<Option<Run>>) -> impl IntoView {
    // Fetched anew when its state, its attempt or its checkpoint changes.
    let edition = Memo::new(move |_| {
        run.with(|run| {
            // A first step tells that its worker has said on what it computes.
            let standing = |run: &Run| {
                (run.state.as_str(), run.attempt, run.step > 0, run.checkpoint_id, run.evaluation.is_some())
            };
            run.as_ref().map(standing)
        })
    });
    let origin = load::load(move || {
        edition.track();
        api::runs::get_provenance(id)
    });
    let started =
        move || run.with(|run| run.as_ref().is_some_and(|run| run.state != RunState::Queued || run.attempt > 0));
    view! {
        <Show when=started>
            <section class="origin" aria-label="Provenance">
                <h2>"What it rests on"</h2>
                <Problems of=origin.problem />
                {move || origin.value.with(|origin| origin.as_ref().map(|origin| told(origin, run)))}
                <p><a href=api::address(&format!("/runs/{id}/provenance")) rel="external">"All of it as JSON"</a></p>
            </section>
        </Show>
    }
}

fn told(origin: &RunProvenance, run: RwSignal<Option<Run>>) -> impl IntoView + use<> {
    let fact = |name: &'static str, value: Option<String>| {
        value.map(|value| view! { <div><dt>{name}</dt><dd>{value}</dd></div> })
    };
    let dataset = origin.dataset.as_ref().map(|dataset| {
        let name = dataset.name.clone().unwrap_or_else(|| "a dataset not stored here".into());
        let stored = run.with_untracked(|run| run.as_ref().and_then(|run| run.dataset_id));
        let link = stored.map(|id| format!("/datasets/{id}"));
        let hash = format::short_hash(&dataset.content_hash);
        view! { <div><dt>"Data"</dt><dd><a href=link>{name}</a>" "<code title=dataset.content_hash.clone()>{hash}</code></dd></div> }
    });
    let checkpoint = origin.checkpoint.as_ref().map(|checkpoint| {
        let model = format!("/models/{}", checkpoint.id);
        let short = format::short_hash(&checkpoint.sha256);
        let chosen = checkpoint.choice.as_ref().map(chosen).unwrap_or_default();
        view! {
            <div>
                <dt>"Checkpoint"</dt>
                <dd>
                    <a href=model title=checkpoint.sha256.clone()><code>{short}</code></a>
                    {format!(" {}, step {}{chosen}", format::bytes(checkpoint.size), format::count(checkpoint.step))}
                </dd>
            </div>
        }
    });
    let began = run.with_untracked(|run| run.as_ref().and_then(|run| run.experiment.start_from.clone()));
    let began = began.map(|sha256| view! { <div><dt>"Began with"</dt><dd><BeganWith sha256 /></dd></div> });
    let attempts = origin.attempts.iter().map(attempt).collect_view();
    let scores = (origin.scores.len() > 1).then(|| origin.scores.iter().map(score).collect_view());
    view! {
        <dl class="facts">
            {dataset}
            {began}
            {checkpoint}
            {fact("Worked on for", origin.active_seconds.map(format::duration))}
            {fact("On the clock", origin.wall_seconds.map(format::duration))}
            {fact("Most memory", origin.peak_memory_bytes.map(format::bytes))}
        </dl>
        <ol class="attempts">{attempts}</ol>
        {scores.map(|scores| view! { <h3>"All scores"</h3><ul class="scores">{scores}</ul> })}
    }
}

fn chosen(choice: &Choice) -> String {
    match choice {
        Choice::Last => ", the last state".into(),
        Choice::BestOnValidation { exact, n, candidates } => format!(
            ", best of {} on validation ({} of {})",
            format::counted((*candidates).into(), "state"),
            format::count((*exact).into()),
            format::count((*n).into())
        ),
    }
}

fn attempt(attempt: &Attempt) -> impl IntoView + use<> {
    let machine = attempt.environment.as_ref().map_or_else(
        || "on a machine that was not noted".to_owned(),
        |environment| {
            let commit = environment.code.commit.as_deref().map(format::short_hash);
            let changed = if environment.code.dirty == Some(true) { " with changes" } else { "" };
            format!(
                "{} on {}, {}, {}; program {}{changed}",
                environment.device,
                environment.host,
                format::counted(environment.threads.into(), "thread"),
                environment.kernels.products,
                commit.unwrap_or_else(|| environment.code.version.clone())
            )
        },
    );
    let from =
        if attempt.from_step > 0 { format!("from step {}, ", format::count(attempt.from_step)) } else { String::new() };
    view! { <li>{format!("Attempt {}: {from}{machine}, ", attempt.attempt)}<Ago at=attempt.begun_at /></li> }
}

fn score(score: &Score) -> impl IntoView + use<> {
    let data = score.dataset.name.clone().unwrap_or_else(|| format::short_hash(&score.dataset.content_hash));
    view! {
        <li>
            <Interval evaluation=score.evaluation.clone() />
            {format!(" on {data} ({}), {} ", score.split.as_str(), super::protocol(&score.evaluation.protocol))}
            <Claimed claimed=score.claimed />
        </li>
    }
}
