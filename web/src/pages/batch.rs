//! One batch: how far it is, what was answered to each of its puzzles, and all answers as a file.

mod results;

use crate::{
    api,
    components::{
        ago::Ago,
        confirm::Confirm,
        job::JobProgress,
        log::Log,
        of_id::of_id,
        page::Page,
        problem::{Problems, Waiting},
        state::StateMark,
        wish::{Wish, WishButtons, of_job},
    },
    format, live, load,
    pages::batches::{contents, right},
    session::{self, ForWriters},
};
use hrm_types::{account::Scope, batch::Batch, ids::JobId, problem::Problem, run::RunState};
use leptos::{html, prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use results::Results;
use std::time::Duration;

/// Between looks, should the stream of changes be away.
const PAUSE: Duration = Duration::from_secs(10);

/// The page at `/batches/{id}`.
#[component]
pub(crate) fn BatchPage() -> impl IntoView {
    of_id("batch", "batches", |id: JobId| view! { <BatchView id /> }.into_any())
}

#[component]
fn BatchView(id: JobId) -> impl IntoView {
    let batch = load::poll(
        move || api::batches::get_batch(id),
        |batch: Option<&Batch>| batch.is_none_or(|batch| !batch.job.state.is_final()).then_some(PAUSE),
    );
    let value = batch.value;
    let goes_on =
        Memo::new(move |_| value.with(|batch| batch.as_ref().is_some_and(|batch| !batch.job.state.is_final())));
    live::follow_queue(move || goes_on.get(), move |job| job.id == id, move || batch.refresh());
    let refused = RwSignal::new(None::<Problem>);
    let title = Memo::new(move |_| value.with(|batch| batch.as_ref().map_or_else(|| "Batch".into(), contents)));
    view! {
        <Page title actions=move || actions(id, batch, refused)>
            <Problems of=batch.problem />
            <Problems of=refused />
            <Show when=move || value.with(Option::is_none) && batch.problem.with(Option::is_none)>
                <Waiting />
            </Show>
            <div role="status">{move || value.with(|batch| batch.as_ref().map(standing))}</div>
            {move || value.with(|batch| batch.as_ref().map(facts))}
            <Show when=move || value.with(Option::is_some)>
                <Results id batch=value />
                {log(id, Memo::new(move |_| !goes_on.get()))}
            </Show>
        </Page>
    }
}

/// What its workers said, fetched for those who look.
fn log(id: JobId, ended: Memo<bool>) -> impl IntoView {
    let (details, open) = (NodeRef::<html::Details>::new(), RwSignal::new(false));
    let toggled = move |_| open.set(details.get_untracked().is_some_and(|details| details.open()));
    view! {
        <details class="part batch-log" node_ref=details on:toggle=toggled>
            <summary>"Log"</summary>
            <Show when=move || open.get()>
                <Log of=format!("/jobs/{id}") ended />
            </Show>
        </details>
    }
}

/// What can be asked of it, the files, and its end.
fn actions(id: JobId, batch: load::Loaded<Batch>, refused: RwSignal<Option<Problem>>) -> impl IntoView {
    let job = Memo::new(move |_| batch.value.with(|batch| batch.as_ref().map(|batch| batch.job.clone())));
    let navigate = use_navigate();
    let gone = Callback::new(move |()| navigate("/batches", NavigateOptions::default()));
    let delete = move || {
        spawn_local(async move {
            match api::batches::delete_batch(id).await {
                // Nobody is taken from the page that was opened meanwhile.
                Ok(()) => drop(gone.try_run(())),
                Err(problem) => drop(refused.try_set(Some(*problem))),
            }
        });
    };
    let ask = move |wish: Wish| {
        let Some(job) = job.get_untracked() else { return };
        spawn_local(async move {
            refused.try_set(api::runs::ask_job(&job, wish.asked_at()).await.err().map(|problem| *problem));
            batch.refresh();
        });
    };
    let wishes = Memo::new(move |_| job.with(|job| job.as_ref().map(of_job).unwrap_or_default()));
    let name = Memo::new(move |_| job.with(|job| job.as_ref().map(|job| job.name.clone()).unwrap_or_default()));
    let ended = Memo::new(move |_| job.with(|job| job.as_ref().is_some_and(|job| job.state.is_final())));
    let answered = Memo::new(move |_| batch.value.with(|batch| batch.as_ref().is_some_and(|batch| batch.answered > 0)));
    view! {
        <a class="button" href="/batches">"All batches"</a>
        <ForWriters><WishButtons wishes name ask /></ForWriters>
        <Show when=move || answered.get()>
            <a class="button" href=api::batches::file_address(id, "csv") rel="external" download="">"Answers as CSV"</a>
            <a class="button" href=api::batches::file_address(id, "json") rel="external" download="">"as JSON"</a>
        </Show>
        <Show when=move || ended.get() && session::may(Scope::Write)>
            <Confirm label="Delete" question=Signal::stored("Delete the batch with its puzzles and answers?".to_owned()) act=delete />
        </Show>
    }
}

/// How it stands and how far it is.
fn standing(batch: &Batch) -> impl IntoView + use<> {
    let job = batch.job.clone();
    let words = match job.state {
        _ if job.cancel_requested && !job.state.is_final() => Some("stopping …".to_owned()),
        RunState::Queued => job.reason.clone().or(job.waits_for.clone()),
        _ => job.reason.clone(),
    };
    view! {
        <p class="batch-standing">
            <StateMark state=job.state />
            {words.map(|words| view! { <span class="muted">{words}</span> })}
            <JobProgress job />
        </p>
    }
}

fn facts(batch: &Batch) -> impl IntoView + use<> {
    let fact = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let (job, spec) = (&batch.job, &batch.spec);
    let source = match (spec.dataset_id, spec.split) {
        (Some(id), Some(split)) => {
            let words = format!("the {} split of a dataset", split.as_str());
            view! { <a href=format!("/datasets/{id}?split={}", split.as_str())>{words}</a> }.into_any()
        }
        _ => "sent".into_any(),
    };
    let steps = spec.steps.map_or_else(|| "until it stops by itself".into(), |steps| format!("exactly {steps}"));
    let ended = job.finished_at.map(|at| fact("Ended", view! { <Ago at /> }.into_any()));
    let took = job
        .started_at
        .zip(job.finished_at)
        .map(|(from, to)| fact("Took", format::duration((to - from).as_seconds_f64()).into_any()));
    view! {
        <dl class="facts standing-strip">
            {fact("Right", right(batch).into_any())}
            {fact("Model", view! { <a href=format!("/models/{}", spec.checkpoint_id)>{job.name.clone()}</a> }.into_any())}
            {fact("Steps", steps.into_any())}
            {spec.attempts.map(|attempts| fact("Attempts", format!("at most {attempts}").into_any()))}
            {fact("Puzzles", source)}
            {fact("Queued", view! { <Ago at=job.created_at />" by "{job.owner.clone()} }.into_any())}
            {ended}
            {took}
        </dl>
    }
}
