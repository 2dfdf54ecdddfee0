//! New run: an experiment of `configs/` as a form, what is changed in it, and the button that queues it.

mod estimate;
mod fields;
mod fitting;
mod form;
mod puzzles;
mod start;
mod summary;

use crate::{
    api::{self, runs::RunFilter},
    components::{
        page::Page,
        problem::{Empty, ProblemNotice, Problems, Waiting},
        select::{Options, Select},
    },
    load::{self, Loaded},
    session,
    working_team::ForTeam,
};
use fields::{Data, Fields};
use fitting::{Wanted, choose_first};
use form::{DATASET, FieldError, Form, SOURCE, START};
use hrm_types::{
    Page as ListPage,
    account::Scope,
    dataset::Dataset,
    experiment::{Experiment, ExperimentFile},
    ids::{CheckpointId, RunId},
    problem::Problem,
    run::Run,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use puzzles::Puzzles;
use start::StartChoice;
use summary::Summary;

/// Runs queued at once at most.
const MOST_SEEDS: u32 = 20;

/// What the form starts from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Base {
    /// What it is called: a file of `configs/`, an earlier run, or a model.
    pub(crate) title: String,
    pub(crate) experiment: Experiment,
}

/// The form's signals.
#[derive(Clone, Copy)]
pub(crate) struct FormState {
    pub(crate) base: RwSignal<Option<Base>>,
    pub(crate) form: RwSignal<Form>,
    /// What the server refused, until the form changes.
    pub(crate) refused: RwSignal<Option<FieldError>>,
    /// What is stored to train on.
    pub(crate) datasets: Loaded<ListPage<Dataset>>,
    /// What was trained lately, for how long this one will take.
    pub(crate) past: Loaded<ListPage<Run>>,
    /// Runs to queue, one for each seed from the form's on.
    pub(crate) seeds: RwSignal<u32>,
}

impl FormState {
    /// Starts anew from `base`.
    pub(crate) fn start(self, base: Base) {
        self.form.set(Form::of(&base.experiment));
        self.refused.set(None);
        self.base.set(Some(base));
    }

    /// Starts anew from `base`, but keeps the dataset and the name that were chosen.
    fn restart(self, base: Base) {
        let before = self.base.with_untracked(|base| base.as_ref().map(|base| Form::of(&base.experiment)));
        let before = before.unwrap_or_default();
        let kept = self.form.with_untracked(|form| {
            let chosen = |path: &'static str| {
                Some((path, form.get(path).to_owned())).filter(|(_, text)| text != before.get(path))
            };
            let dataset = chosen(DATASET).filter(|_| form.get(SOURCE) == "stored");
            let source = dataset.is_some().then(|| (SOURCE, "stored".to_owned()));
            [chosen("name"), dataset, source]
        });
        self.start(base);
        for (path, text) in kept.into_iter().flatten() {
            self.set(path, text);
        }
    }

    /// Changes a field.
    pub(crate) fn set(self, path: &str, text: String) {
        self.refused.set(None);
        self.form.update(|form| form.set(path, text));
    }

    /// What is wrong with the form, if something is.
    pub(crate) fn error(self) -> Option<FieldError> {
        self.refused.get().or_else(|| self.form.with(|form| form.experiment().err()))
    }

    /// The stored dataset of that name or id; absent also until the list is there.
    pub(crate) fn dataset(self, name: &str) -> Option<Dataset> {
        self.datasets.value.with(|page| {
            let mut known = page.iter().flat_map(|page| page.items.iter());
            known.find(|dataset| dataset.name == name || dataset.id.to_string() == name).cloned()
        })
    }

    /// What the form asks to train on, as far as it is known.
    fn puzzles(self) -> Option<Puzzles> {
        self.form.with(|form| Puzzles::of(form, |name| self.dataset(name)))
    }

    /// What is wrong with one field.
    pub(crate) fn error_at(self, path: &str) -> Option<String> {
        self.error().filter(|error| error.path == path).map(|error| error.problem)
    }
}

/// The page at `/runs/new`; `?from=RUN` starts from an earlier run, `?model=ID` trains that model further, `?experiment=NAME`
/// starts from a file, `?kind=KIND&side=N` from one that fits; `?dataset=ID` trains on that dataset.
#[component]
pub(crate) fn NewRunPage() -> impl IntoView {
    view! {
        <Show when=|| session::may(Scope::Write) fallback=readers>
            <FormPage />
        </Show>
    }
}

/// What somebody finds here who may not queue a run.
fn readers() -> impl IntoView {
    view! {
        <Page title="New run" lead="Runs are queued by members of the lab.">
            <p>"You may look at everything and solve with every model. To train one, ask an admin to make you a member."</p>
            <p><a href="/runs">"All runs"</a></p>
        </Page>
    }
}

#[component]
fn FormPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let state = FormState {
        base: RwSignal::new(None),
        form: RwSignal::new(Form::default()),
        refused: RwSignal::new(None),
        datasets: load::load(api::data::list_datasets),
        past: load::load(|| async {
            let filter = RunFilter { state: Some("succeeded".into()), ..RunFilter::default() };
            api::runs::list_runs(&filter, None).await
        }),
        seeds: RwSignal::new(1),
    };
    let experiments = load::load(api::runs::list_experiments);
    let earlier = query.get("from").and_then(|id| id.parse().ok()).map(Earlier::Run);
    let earlier = earlier.or_else(|| query.get("model").and_then(|id| id.parse().ok()).map(Earlier::Model));
    let missing = RwSignal::new(None::<Problem>);
    if let Some(earlier) = earlier {
        start_from(state, earlier, missing);
    }
    choose_first(state, experiments, &Wanted::of(&query), move || earlier.is_some() && missing.with(Option::is_none));
    let none = move || experiments.value.with(|files| files.as_ref().is_some_and(|files| files.items.is_empty()));
    view! {
        <Page title="New run" lead="Choose an experiment, change what you like, and queue it.">
            <Problems of=experiments.problem />
            <Problems of=missing />
            <Show when=move || missing.with(Option::is_some)>
                <p class="muted">"What to start from cannot be had. Choose an experiment instead."</p>
            </Show>
            <Show when=move || state.base.with(Option::is_none) && experiments.problem.with(Option::is_none)>
                {move || if none() && (earlier.is_none() || missing.with(Option::is_some)) {
                    view! { <Empty title="No experiment to start from">"The server came without files in "<code>"configs/"</code>"."</Empty> }.into_any()
                } else {
                    view! { <Waiting /> }.into_any()
                }}
            </Show>
            <Show when=move || state.base.with(Option::is_some)>
                <FormView state experiments />
            </Show>
        </Page>
    }
}

/// What is there already, and the form starts from.
#[derive(Debug, Clone, Copy)]
enum Earlier {
    Run(RunId),
    /// Trained further.
    Model(CheckpointId),
}

impl Earlier {
    /// What the form starts from, and the file of the model that is trained further.
    async fn base(self) -> api::Answer<(Base, Option<String>)> {
        match self {
            Self::Run(id) => {
                let run = api::runs::get_run(id).await?;
                Ok((Base { title: format!("the run {}", run.name), experiment: run.experiment }, None))
            }
            Self::Model(id) => {
                let model = api::models::get_model(id).await?;
                let base = Base { title: format!("the model {}", model.name), experiment: model.experiment };
                Ok((base, Some(model.sha256)))
            }
        }
    }
}

/// What a model is called that was trained further from one of that name.
fn further(name: &str) -> String {
    let end = "-further";
    let kept: String = name.chars().take(64 - end.len()).collect();
    kept + end
}

fn start_from(state: FormState, earlier: Earlier, missing: RwSignal<Option<Problem>>) {
    spawn_local(async move {
        match earlier.base().await {
            // The page may have been left meanwhile.
            Ok((base, model)) if state.base.try_get_untracked().is_some() => {
                let name = base.experiment.name.clone();
                state.start(base);
                if let Some(sha256) = model {
                    // Of two models of one name the newer would be meant by it.
                    state.set("name", further(&name));
                    state.set(START, sha256);
                }
            }
            Ok(_) => {}
            Err(problem) => drop(missing.try_set(Some(*problem))),
        }
    });
}

#[component]
fn FormView(state: FormState, experiments: Loaded<ListPage<ExperimentFile>>) -> impl IntoView {
    let problem = RwSignal::new(None::<Problem>);
    let busy = RwSignal::new(false);
    let navigate = use_navigate();
    let queue = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let experiment = match state.form.with_untracked(Form::experiment) {
            Ok(experiment) => experiment,
            Err(error) => return fields::focus(&error.path),
        };
        busy.set(true);
        problem.set(None);
        let navigate = navigate.clone();
        spawn_local(async move {
            let answer = queued(experiment, state.seeds.get_untracked()).await;
            // Whoever has gone elsewhere meanwhile stays there: a signal that is gone gives the value back.
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(address) => navigate(&address, NavigateOptions::default()),
                Err(refusal) => refuse(state, problem, *refusal),
            }
        });
    };
    view! {
        <form class="new-run" on:submit=queue>
            <div class="new-run-fields">
                <Choice state experiments />
                <Fields title="Run" state settings=form::IDENTITY />
                <Data state />
                <fieldset class="group">
                    <legend>"Weights"</legend>
                    <div class="group-fields"><StartChoice state /></div>
                </fieldset>
                <Fields title="Training" state settings=form::TRAINING />
                <Fields title="Model" state settings=form::MODEL />
                <details class="fine">
                    <summary>"All other settings"</summary>
                    <Fields title="Fine settings" state settings=form::FINE />
                </details>
            </div>
            <aside class="new-run-side" aria-label="What will be queued">
                <Summary state />
                {move || problem.get().map(|problem| view! { <ProblemNotice problem /> })}
                <Seeds state />
                <ForTeam />
                <button type="submit" class="primary" aria-disabled=move || busy.get().to_string()>
                    {move || match (busy.get(), state.seeds.get()) {
                        (true, _) => "Queueing …".to_owned(),
                        (false, 1) => "Queue the run".to_owned(),
                        (false, seeds) => format!("Queue {seeds} runs"),
                    }}
                </button>
            </aside>
        </form>
    }
}

/// Queues a run, or one for each of several seeds; where they can be watched.
async fn queued(experiment: Experiment, seeds: u32) -> api::Answer<String> {
    if seeds <= 1 {
        return api::runs::create_run(experiment).await.map(|run| format!("/runs/{}", run.id));
    }
    let first = experiment.seed;
    let seeds = (0..u64::from(seeds)).map(|i| first + i).collect();
    api::runs::create_sweep(experiment, seeds).await.map(|sweep| format!("/runs?sweep={}", sweep.id))
}

/// How many runs are queued at once.
#[component]
fn Seeds(state: FormState) -> impl IntoView {
    let change = move |event: web_sys::Event| {
        let seeds = event_target_value(&event).trim().parse().unwrap_or(1).clamp(1, MOST_SEEDS);
        state.seeds.set(seeds);
    };
    let hint = move || {
        let first = state.form.with(|form| form.experiment().map_or(0, |experiment| experiment.seed));
        match state.seeds.get() {
            1 => String::from("One run. A score means more with the spread of several."),
            seeds => format!("Seeds {first} to {}, queued as one sweep.", first + u64::from(seeds) - 1),
        }
    };
    view! {
        <div class="field">
            <label for="seeds">"Runs, each with a seed of its own"</label>
            <input id="seeds" type="number" min="1" max=MOST_SEEDS prop:value=move || state.seeds.get().to_string() on:change=change />
            <p class="hint">{hint}</p>
        </div>
    }
}

/// Shows a refusal at its field where it names one, else beside the button.
fn refuse(state: FormState, problem: RwSignal<Option<Problem>>, refusal: Problem) {
    let field = refusal.field.as_deref().map(|field| field.trim_start_matches("experiment."));
    match field {
        Some(path) if fields::exists(path) => {
            state.refused.try_set(Some(FieldError { path: path.into(), problem: refusal.detail.clone() }));
            problem.try_set(None);
            fields::focus(path);
        }
        _ => drop(problem.try_set(Some(refusal))),
    }
}

/// Which experiment the form starts from.
#[component]
fn Choice(state: FormState, experiments: Loaded<ListPage<ExperimentFile>>) -> impl IntoView {
    let title = Memo::new(move |_| state.base.with(|base| base.as_ref().map(|base| base.title.clone())));
    let choose = move |name: String| {
        let file = experiments.value.with_untracked(|files| {
            files.iter().flat_map(|page| page.items.iter()).find(|file| file.name == name).cloned()
        });
        if let Some(file) = file {
            state.restart(Base { title: file.name, experiment: file.experiment });
        }
    };
    let names = Memo::new(move |_| {
        let names =
            |page: &ListPage<ExperimentFile>| page.items.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
        experiments.value.with(|files| files.as_ref().map(names).unwrap_or_default())
    });
    // What the form starts from may be no file: then its title stands for it, with no value to go back to.
    let value = Signal::derive(move || {
        title.get().filter(|title| names.with(|names| names.contains(title))).unwrap_or_default()
    });
    let options = Signal::derive(move || {
        let elsewhere = title.get().filter(|_| value.with(String::is_empty)).map(|title| (String::new(), title));
        elsewhere.into_iter().chain(names.get().into_iter().map(|name| (name.clone(), name))).collect::<Options>()
    });
    let description = move || {
        state
            .base
            .with(|base| base.as_ref().map(|base| base.experiment.description.clone()))
            .filter(|text| !text.is_empty())
    };
    view! {
        <div class="field experiment">
            <label for="experiment">"Experiment"</label>
            <Select id="experiment" name="experiment" options value choose />
            <p class="hint">{description}</p>
        </div>
    }
}
