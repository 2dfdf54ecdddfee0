//! Runs: the queue and everything that was trained, newest first.

use crate::{
    api,
    components::{
        ago::Ago,
        page::Page,
        problem::{Empty, Problems, Waiting},
        progress::{Progress, standing},
        state::StateMark,
    },
    format, load,
};
use hrm_types::{
    Page as ListPage,
    ids::RunId,
    problem::Problem,
    run::{Run, RunState},
    worker::Worker,
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Between looks at the list while something moves, and while nothing does.
const BUSY: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(6);

/// The page at `/runs`.
#[component]
pub(crate) fn RunsPage() -> impl IntoView {
    let newest = load::poll(
        || api::runs::list_runs(None),
        |page: Option<&ListPage<Run>>| {
            let moving = page.is_some_and(|page| page.items.iter().any(|run| !run.state.is_final()));
            Some(if moving { BUSY } else { IDLE })
        },
    );
    let workers = load::poll(api::runs::list_workers, |_| Some(IDLE));
    let older = Older::new();
    let refused = RwSignal::new(None::<Problem>);
    let runs = Memo::new(move |_| newest.value.with(|page| page.as_ref().map(|page| older.after(page))));
    let cancel = move |id: RunId| {
        spawn_local(async move {
            refused.try_set(api::runs::ask(id, "cancel").await.err().map(|problem| *problem));
            newest.refresh();
        });
    };
    view! {
        <Page
            title="Runs"
            lead="What is being trained, what waits, and what came of it."
            actions=|| view! { <a class="button primary" href="/runs/new">"New run"</a> }
        >
            <Problems of=newest.problem />
            <Problems of=refused />
            <NoWorker workers=workers.value />
            {move || runs.with(|runs| match runs {
                None => view! { <Waiting /> }.into_any(),
                Some(runs) if runs.is_empty() => nothing().into_any(),
                Some(_) => ().into_any(),
            })}
            <Show when=move || runs.with(|runs| runs.as_ref().is_some_and(|runs| !runs.is_empty()))>
                <Table runs cancel />
            </Show>
            <More newest=newest.value older />
        </Page>
    }
}

fn nothing() -> impl IntoView {
    view! {
        <Empty title="No run yet">
            "Choose an experiment, change what you like, and "
            <a href="/runs/new">"queue the first run"</a>
            ". It trains here, its curves are live, and its score goes to the leaderboard."
        </Empty>
    }
}

/// Where the list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// No older page was fetched yet: where the newest ends.
    AfterNewest,
    Cursor(String),
    /// The oldest run is shown.
    Nothing,
}

/// Pages beyond the newest, which are fetched on request and not again.
#[derive(Clone, Copy)]
struct Older {
    runs: RwSignal<Vec<Run>>,
    /// What comes after them.
    next: RwSignal<Next>,
}

impl Older {
    fn new() -> Self {
        Self { runs: RwSignal::new(Vec::new()), next: RwSignal::new(Next::AfterNewest) }
    }

    /// The newest page and then the older runs, each run once.
    fn after(self, newest: &ListPage<Run>) -> Vec<Run> {
        let mut all = newest.items.clone();
        self.runs.with(|older| {
            for run in older {
                if !newest.items.iter().any(|newer| newer.id == run.id) {
                    all.push(run.clone());
                }
            }
        });
        all
    }
}

#[component]
fn More(newest: RwSignal<Option<ListPage<Run>>>, older: Older) -> impl IntoView {
    let next = Memo::new(move |_| match older.next.get() {
        Next::Cursor(cursor) => Some(cursor),
        Next::Nothing => None,
        Next::AfterNewest => newest.with(|page| page.as_ref().and_then(|page| page.next_cursor.clone())),
    });
    let problem = RwSignal::new(None::<Problem>);
    let fetch = move |_| {
        let Some(cursor) = next.get_untracked() else { return };
        spawn_local(async move {
            match api::runs::list_runs(Some(&cursor)).await {
                Ok(page) => {
                    older.next.try_set(page.next_cursor.map_or(Next::Nothing, Next::Cursor));
                    older.runs.try_update(|runs| runs.extend(page.items));
                }
                Err(error) => drop(problem.try_set(Some(*error))),
            }
        });
    };
    view! {
        <Problems of=problem />
        <Show when=move || next.with(Option::is_some)>
            <button type="button" class="more" on:click=fetch>"Older runs"</button>
        </Show>
    }
}

#[component]
fn NoWorker(workers: RwSignal<Option<ListPage<Worker>>>) -> impl IntoView {
    move || {
        workers.with(|workers| {
            let none = workers.as_ref().is_some_and(|page| page.items.is_empty());
            none.then(|| {
                view! {
                    <div class="notice warn" role="status">
                        <strong>"No live worker"</strong>
                        <p>"Queued runs wait until one reports. "<code>"hrm serve"</code>" starts one by itself; another machine joins with "<code>"hrm worker"</code>"."</p>
                    </div>
                }
            })
        })
    }
}

#[component]
fn Table(runs: Memo<Option<Vec<Run>>>, cancel: impl Fn(RunId) + Copy + Send + Sync + 'static) -> impl IntoView {
    let ids = move || runs.get().unwrap_or_default().into_iter().map(|run| run.id).collect::<Vec<_>>();
    view! {
        <table class="rows runs">
            <thead>
                <tr>
                    <th scope="col">"Run"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"Progress"</th>
                    <th scope="col" class="right">"Exact accuracy"</th>
                    <th scope="col" class="right">"Weights"</th>
                    <th scope="col">"Queued"</th>
                    <th scope="col"><span class="hidden">"Cancel"</span></th>
                </tr>
            </thead>
            <tbody>
                <For each=ids key=|id| *id let:id>
                    {row(id, runs, cancel)}
                </For>
            </tbody>
        </table>
    }
}

/// A row that changes with its run while its elements, and with them the focus, stay.
fn row(
    id: RunId,
    runs: Memo<Option<Vec<Run>>>,
    cancel: impl Fn(RunId) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let run = Memo::new(move |_| runs.with(|runs| runs.iter().flatten().find(|run| run.id == id).cloned()));
    let cell = move |show: fn(&Run) -> AnyView| view! { <div class="value">{move || run.with(|run| run.as_ref().map(show))}</div> };
    let cancellable = Memo::new(move |_| {
        run.with(|run| run.as_ref().is_some_and(|run| !run.state.is_final() && !run.cancel_requested))
    });
    view! {
        <tr>
            <th scope="row">{cell(|run| view! { <a href=format!("/runs/{}", run.id)>{run.name.clone()}</a> }.into_any())}</th>
            <td data-label="State">{cell(state_view)}</td>
            <td data-label="Progress">{cell(|run| view! { <Progress run=run.clone() /> }.into_any())}</td>
            <td data-label="Exact accuracy" class="right">{cell(accuracy_view)}</td>
            <td data-label="Weights" class="right">{cell(weights_view)}</td>
            <td data-label="Queued">{cell(|run| view! { <Ago at=run.created_at /> }.into_any())}</td>
            <td class="right">
                <Show when=move || cancellable.get()>
                    <button type="button" class="quiet" on:click=move |_| cancel(id)>"Cancel"</button>
                </Show>
            </td>
        </tr>
    }
}

fn state_view(run: &Run) -> AnyView {
    let standing = standing(run).map(|words| view! { <span class="standing">{words}</span> });
    view! { <StateMark state=run.state />{standing} }.into_any()
}

/// The score on the test split, or the newest in training while there is none.
fn accuracy_view(run: &Run) -> AnyView {
    let training = run.last_metrics.as_ref().and_then(|metrics| metrics.exact_accuracy);
    match (&run.evaluation, training) {
        (Some(score), _) => {
            view! { <b>{format::percent(score.exact_accuracy)}</b>" "<span class="muted">"test"</span> }.into_any()
        }
        (None, Some(share)) if run.state == RunState::Running => {
            view! { {format::percent(share)}" "<span class="muted">"training"</span> }.into_any()
        }
        (None, Some(share)) => view! { <span class="muted">{format::percent(share)}" training"</span> }.into_any(),
        (None, None) => view! { <span class="muted">"–"</span> }.into_any(),
    }
}

fn weights_view(run: &Run) -> AnyView {
    match run.parameters {
        Some(weights) => view! { <span title=format::count(weights)>{format::short_count(weights)}</span> }.into_any(),
        None => view! { <span class="muted">"–"</span> }.into_any(),
    }
}
