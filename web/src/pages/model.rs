//! One model: how good it is, what it is called, and what can be done with it.

mod aliases;
mod change;

use crate::{
    api,
    components::{
        ago::Ago,
        began_with::BeganWith,
        claimed::Claimed,
        confirm::Confirm,
        copy::CopyButton,
        interval::Interval,
        leaked::Leaked,
        measure::Measure,
        of_id::of_id,
        page::Page,
        problem::{Problems, Waiting},
        stated::Stated,
    },
    format, listing,
    load::{self, Loaded},
    pages::{
        models::{solve_address, solves},
        run::protocol,
    },
    session,
};
use aliases::Aliases;
use change::Change;
use hrm_types::{account::Scope, board::Kind, ids::CheckpointId, model::Model, problem::Problem, provenance::Choice};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// The page at `/models/{id}`.
#[component]
pub(crate) fn ModelPage() -> impl IntoView {
    of_id("model", "models", |id: CheckpointId| view! { <ModelView id /> }.into_any())
}

#[component]
fn ModelView(id: CheckpointId) -> impl IntoView {
    let model = load::load(move || api::models::get_model(id));
    let value = model.value;
    let title =
        Memo::new(move |_| value.with(|model| model.as_ref().map_or_else(|| "Model".into(), |m| m.name.clone())));
    // What ships keeps its name and stays.
    let is_own = Memo::new(move |_| value.with(|model| model.as_ref().is_some_and(|model| model.stated.is_none())));
    let refused = RwSignal::new(None::<Problem>);
    let navigate = use_navigate();
    let gone = Callback::new(move |()| navigate("/models", NavigateOptions::default()));
    let delete = move || {
        spawn_local(async move {
            match api::models::delete_model(id).await {
                // Nobody is taken from the page that was opened meanwhile.
                Ok(()) => drop(gone.try_run(())),
                Err(problem) => drop(refused.try_set(Some(*problem))),
            }
        });
    };
    let question = Signal::derive(move || format!("Delete {} with its scores and aliases?", title.get()));
    let actions = move || {
        view! {
            {move || {
                let address = value.with(|model| model.as_ref().and_then(solve_address))?;
                Some(view! { <a class="button primary" href=address>"Solve with it"</a> })
            }}
            <a class="button" href=api::solving::checkpoint_address(id) rel="external" download="">"Download"</a>
            <Show when=|| session::may(Scope::Write)>
                // Nothing stored here trains a model of token sequences.
                <Show when=move || value.with(|model| model.as_ref().is_some_and(|model| model.kind.parse::<Kind>().is_ok()))>
                    <a class="button" href=format!("/runs/new?model={id}")>"Train it further"</a>
                </Show>
                <Show when=move || is_own.get()><Confirm label="Delete" question act=delete /></Show>
            </Show>
        }
    };
    view! {
        <Page title actions>
            <Problems of=model.problem />
            <Problems of=refused />
            <Show when=move || value.with(Option::is_none) && model.problem.with(Option::is_none)>
                <Waiting />
            </Show>
            <Show when=move || value.with(Option::is_some)>
                {move || value.with(|model| model.as_ref().map(facts))}
                <Scores model />
                <Show when=|| session::may(Scope::Write)>
                    <section class="part" aria-labelledby="names-title">
                        <h2 id="names-title">"Name and aliases"</h2>
                        <div class="halves"><Show when=move || is_own.get()><Change model /></Show><Aliases id /></div>
                    </section>
                </Show>
                <Settings model />
            </Show>
        </Page>
    }
}

/// What it is and where it comes from.
fn facts(model: &Model) -> impl IntoView + use<> {
    let fact = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let run = match model.run_id {
        Some(run) => {
            view! { <a href=format!("/runs/{run}")>"its run"</a>", "{format::counted(model.step, "step")} }.into_any()
        }
        None => view! { {format::counted(model.step, "step")}", not here" }.into_any(),
    };
    let chosen = match &model.choice {
        Some(Choice::Last) => "after the last step".to_owned(),
        Some(Choice::BestOnValidation { exact, n, candidates }) => {
            format!("best of {candidates} on validation, {exact} of {n}")
        }
        None => "not known".into(),
    };
    let began = model.experiment.start_from.clone();
    let began = began.map(|sha256| fact("Began with", view! { <BeganWith sha256 /> }.into_any()));
    let used = model.default.then(|| fact("Used", "where no model is named".into_any()));
    let sha256 = model.sha256.clone();
    view! {
        <dl class="facts standing-strip">
            {fact("Solves", solves(model).into_any())}
            {fact("Weights", format::count(model.parameters).into_any())}
            {fact("Trained by", run)}
            {began}
            {fact("Chosen", chosen.into_any())}
            {used}
            {session::has_accounts().then(|| fact("Read by", format::readers(model.public, &model.team).into_any()))}
            {fact("File", format::bytes(model.size).into_any())}
            {fact("Stored", view! { <Ago at=model.created_at /> }.into_any())}
            <div class="wide-fact">
                <dt>"SHA-256"</dt>
                <dd class="hash-line">
                    <code class="hash">{model.sha256.clone()}</code>
                    <CopyButton label="Copy" text=Signal::stored(sha256) />
                </dd>
            </div>
        </dl>
    }
}

/// The newest score, those that were asked for, and the form that asks for one.
#[component]
fn Scores(model: Loaded<Model>) -> impl IntoView {
    let newest = move || {
        let scored = |model: &Model| model.evaluation.clone().map(|score| (score, model.claimed));
        model.value.with(|model| match model.as_ref().and_then(scored) {
            None => unmeasured(model.as_ref().and_then(|model| model.stated)).into_any(),
            Some((score, claimed)) => view! {
                <p class="newest-score">
                    <Interval evaluation=score.clone() />
                    <Claimed claimed in_full=true />
                    <span class="aside">
                        {format!(
                            "{} of {} held-out puzzles right in every cell, {:.1} % of the cells; {}; {:.1} ACT steps on average.",
                            format::count(score.exact.into()),
                            format::count(score.n.into()),
                            score.accuracy * 100.0,
                            protocol(&score.protocol),
                            score.mean_steps,
                        )}
                    </span>
                </p>
                <Leaked score />
            }
            .into_any(),
        })
    };
    let id = model.value.with_untracked(|model| model.as_ref().map(|model| model.id));
    view! {
        <section class="part" aria-labelledby="scores-title">
            <h2 id="scores-title">"Scores"</h2>
            {newest}
            {id.map(|id| view! { <Measure id model /> })}
        </section>
    }
}

/// What is told of a model without a score: the one that it ships with, if it does.
fn unmeasured(stated: Option<hrm_types::model::Stated>) -> impl IntoView {
    let told = stated.map(|stated| {
        view! {
            <p class="newest-score">
                <Stated stated />
                <span class="aside">"What it was measured to reach before it shipped: halting by Q, on the test puzzles of its own configuration."</span>
            </p>
        }
    });
    view! { {told}<p class="muted">"Nothing was measured here yet."</p> }
}

/// The experiment that trained it.
#[component]
fn Settings(model: Loaded<Model>) -> impl IntoView {
    let text =
        Memo::new(move |_| model.value.with(|model| model.as_ref().map(|model| listing::toml(&model.experiment))));
    let hash = move || model.value.with(|model| model.as_ref().map(|model| model.dataset_hash.clone()));
    view! {
        <section class="part settings" aria-labelledby="settings-title">
            <h2 id="settings-title">"What trained it"</h2>
            <p class="muted">"The experiment in the file's header. Trained on the puzzles with the hash " <code class="hash">{hash}</code></p>
            <pre tabindex="0" role="region" aria-label="The experiment">{move || text.get()}</pre>
        </section>
    }
}
