//! One run: where it stands, its live curves, its settings, and what came of it.

mod about;
mod charts;
mod feed;
mod origin;
mod outcome;
mod puzzles;
mod states;

pub(crate) use outcome::protocol;

use crate::{
    api,
    components::{
        ago::Ago,
        log::Log,
        of_id::of_id,
        page::Page,
        problem::{Problems, Waiting},
        progress::{Progress, standing},
        state::StateMark,
        wish::{Wish, WishButtons, of_run},
    },
    format, listing,
    session::ForWriters,
};
use about::About;
use charts::Charts;
use feed::Feed;
use hrm_types::{
    ids::RunId,
    problem::Problem,
    run::{Run, RunState},
};
use leptos::{prelude::*, task::spawn_local};
use origin::Origin;
use outcome::OutcomePanel;
use puzzles::Puzzles;
use states::States;

/// The page at `/runs/{id}`.
#[component]
pub(crate) fn RunPage() -> impl IntoView {
    of_id("run", "runs", |id: RunId| view! { <RunView id /> }.into_any())
}

#[component]
fn RunView(id: RunId) -> impl IntoView {
    let feed = Feed::open(id);
    let refused = RwSignal::new(None::<Problem>);
    let run = feed.run;
    let title = Memo::new(move |_| run.with(|run| run.as_ref().map_or_else(|| "Run".into(), |run| run.name.clone())));
    // The model whose answers are known.
    let scored = Memo::new(move |_| run.with(|run| run.as_ref().filter(|run| run.evaluation.is_some())?.checkpoint_id));
    let ended = Memo::new(move |_| run.with(|run| run.as_ref().is_none_or(|run| run.state.is_final())));
    let wishes = Memo::new(move |_| run.with(|run| run.as_ref().map(of_run).unwrap_or_default()));
    let ask = move |wish: Wish| {
        refused.set(None);
        spawn_local(async move {
            match api::runs::ask(id, wish.asked_at()).await {
                Ok(changed) => feed.change(changed),
                Err(problem) => drop(refused.try_set(Some(*problem))),
            }
        });
    };
    let actions = move || {
        view! {
            <ForWriters><WishButtons wishes name=title ask /></ForWriters>
            <Show when=move || run.with(Option::is_some)>
                <a class="button" href=format!("/compare?runs={id}")>"Compare"</a>
                <ForWriters><a class="button" href=format!("/runs/new?from={id}")>"Run it again"</a></ForWriters>
            </Show>
        }
    };
    view! {
        <Page title actions>
            <Problems of=feed.problem />
            <Problems of=refused />
            <Show when=move || run.with(Option::is_none) && feed.problem.with(Option::is_none)>
                <Waiting />
            </Show>
            <Show when=move || run.with(Option::is_none) && feed.problem.with(Option::is_some)>
                <p><a href="/runs">"All runs"</a></p>
            </Show>
            <Show when=move || run.with(Option::is_some)>
                <About run />
                <Standing feed />
                {move || failure(run)}
                <OutcomePanel run />
                <Charts points=feed.points run />
                {move || scored.get().map(|checkpoint| view! { <Puzzles id checkpoint /> })}
                <section class="run-log" aria-label="Log">
                    <h2>"Log"</h2>
                    <Log of=format!("/runs/{id}") ended />
                </section>
                <States id run />
                <Origin id run />
                <Settings run />
            </Show>
        </Page>
    }
}

/// The strip below the heading: state, progress, and the facts that change.
#[component]
fn Standing(feed: Feed) -> impl IntoView {
    let run = feed.run;
    // Steps and times change many times a minute; these words only when there is something to know.
    let news = Memo::new(move |before: Option<&String>| {
        let state = run.with(|run| run.as_ref().map_or("", |run| run.state.as_str()));
        if before.is_none() || state.is_empty() {
            String::new()
        } else if feed.lost.get() {
            "Connection lost, trying again.".to_owned()
        } else {
            format!("The run is {state}.")
        }
    });
    let with = move |show: fn(&Run) -> AnyView| move || run.with(|run| run.as_ref().map(show));
    view! {
        <section class="standing-strip" aria-label="Where it stands">
            <p class="hidden" role="status">{news}</p>
            <div class="standing-now">
                {with(|run| view! { <StateMark state=run.state /> }.into_any())}
                {with(|run| view! { <span class="standing">{standing(run)}</span> }.into_any())}
                <Show when=move || feed.lost.get()>
                    <span class="standing bad">"connection lost, trying again …"</span>
                </Show>
            </div>
            {with(|run| view! { <Progress run=run.clone() /> }.into_any())}
            <dl class="facts">{with(facts)}</dl>
        </section>
    }
}

fn facts(run: &Run) -> AnyView {
    let fact = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let trained = run.last_metrics.as_ref().map(|metrics| format::duration(metrics.elapsed_seconds));
    let weights = run.parameters.map(format::count);
    let dash = |text: Option<String>| text.unwrap_or_else(|| "–".into()).into_any();
    let ended = run.finished_at.map(|at| fact("Ended", view! { <Ago at /> }.into_any()));
    let attempt = (run.attempt > 1).then(|| fact("Attempt", run.attempt.to_string().into_any()));
    view! {
        {fact("Queued", view! { <Ago at=run.created_at /> }.into_any())}
        {fact("Started", run.started_at.map_or_else(|| dash(None), |at| view! { <Ago at /> }.into_any()))}
        {ended}
        {fact("Trained for", dash(trained))}
        {fact("Weights", dash(weights))}
        {fact("Seed", run.experiment.seed.to_string().into_any())}
        {attempt}
    }
    .into_any()
}

fn failure(run: RwSignal<Option<Run>>) -> impl IntoView {
    run.with(|run| {
        let failed = run.as_ref().filter(|run| run.state == RunState::Failed)?;
        let reason = failed.reason.clone().unwrap_or_else(|| "No reason was given.".into());
        Some(view! { <div class="notice bad" role="alert"><strong>"It failed"</strong><p>{reason}</p></div> })
    })
}

/// Everything that decided the run.
#[component]
fn Settings(run: RwSignal<Option<Run>>) -> impl IntoView {
    let text = Memo::new(move |_| run.with(|run| run.as_ref().map(|run| listing::toml(&run.experiment))));
    let hash = move || run.with(|run| run.as_ref().map(|run| run.config_hash.clone()));
    view! {
        <section class="settings" aria-label="Settings">
            <h2>"Settings"</h2>
            <p class="muted">"The experiment as it was queued. Hash " <code class="hash">{hash}</code></p>
            <pre tabindex="0">{move || text.get()}</pre>
        </section>
    }
}
