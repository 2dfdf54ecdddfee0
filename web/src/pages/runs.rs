//! Runs: everything that was trained, is being trained or waits for it, newest first.

mod columns;
mod look;
mod table;

use crate::{
    api::{self, runs::RunFilter},
    components::{
        no_worker::NoWorker,
        page::Page,
        problem::{Empty, Problems, Waiting},
    },
    load,
};
use hrm_types::{Page as ListPage, ids::RunId, problem::Problem, run::Run};
use leptos::{prelude::*, task::spawn_local};
use look::Look;
use std::time::Duration;
use table::{Actions, Table};

/// Between looks at the list while something moves, and while nothing does.
const BUSY: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(6);

/// The page at `/runs`, filtered and with columns as its address says.
#[component]
pub(crate) fn RunsPage() -> impl IntoView {
    let look = Look::from_query();
    let filter = Memo::new(move |_| look.filter());
    let newest = load::poll(
        move || {
            let filter = filter.get();
            async move { api::runs::list_runs(&filter, None).await }
        },
        |page: Option<&ListPage<Run>>| {
            let moving = page.is_some_and(|page| page.items.iter().any(|run| !run.state.is_final()));
            Some(if moving { BUSY } else { IDLE })
        },
    );
    let workers = load::poll(api::runs::list_workers, |_| Some(IDLE));
    let older = Older::new();
    // Other filters, another list.
    Effect::new(move |before: Option<()>| {
        filter.track();
        if before.is_some() {
            older.forget();
        }
    });
    let datasets = load::load(api::data::list_datasets);
    let datasets = Memo::new(move |_| datasets.value.get().map(|page| page.items).unwrap_or_default());
    let refused = RwSignal::new(None::<Problem>);
    let runs = Memo::new(move |_| newest.value.with(|page| page.as_ref().map(|page| older.after(page))));
    let ask = move |(id, wish): (RunId, &'static str)| {
        spawn_local(async move {
            refused.try_set(api::runs::ask(id, wish).await.err().map(|problem| *problem));
            newest.refresh();
        });
    };
    let chosen = RwSignal::new(Vec::new());
    let actions = Actions { chosen, ask: Callback::new(ask) };
    view! {
        <Page
            title="Runs"
            lead="What is being trained, what waits, and what came of it."
            actions=|| view! { <a class="button" href="/queue">"Queue"</a><a class="button primary" href="/runs/new">"New run"</a> }
        >
            <Problems of=newest.problem />
            <Problems of=refused />
            <NoWorker workers />
            {look.view(datasets)}
            {move || runs.with(|runs| match runs {
                None => view! { <Waiting /> }.into_any(),
                Some(runs) if runs.is_empty() && filter.with(RunFilter::is_empty) => nothing().into_any(),
                Some(runs) if runs.is_empty() => view! { <p class="muted">"No run is like that."</p> }.into_any(),
                Some(_) => ().into_any(),
            })}
            <Show when=move || runs.with(|runs| runs.as_ref().is_some_and(|runs| !runs.is_empty()))>
                <Table runs look actions />
            </Show>
            <More filter newest=newest.value older />
            <Chosen chosen />
        </Page>
    }
}

/// What is ticked, and what to do with it.
#[component]
fn Chosen(chosen: RwSignal<Vec<RunId>>) -> impl IntoView {
    let count = move || chosen.with(Vec::len);
    let link = move || {
        let ids: Vec<String> = chosen.with(|chosen| chosen.iter().map(RunId::to_string).collect());
        format!("/compare?runs={}", ids.join(","))
    };
    view! {
        <Show when=move || { count() > 0 }>
            <div class="chosen-bar" role="status">
                <span>{move || format!("{} chosen", count())}</span>
                <a class="button primary" href=link>"Compare"</a>
                <button type="button" on:click=move |_| chosen.set(Vec::new())>"Clear"</button>
            </div>
        </Show>
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

    fn forget(self) {
        self.runs.set(Vec::new());
        self.next.set(Next::AfterNewest);
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
fn More(filter: Memo<RunFilter>, newest: RwSignal<Option<ListPage<Run>>>, older: Older) -> impl IntoView {
    let next = Memo::new(move |_| match older.next.get() {
        Next::Cursor(cursor) => Some(cursor),
        Next::Nothing => None,
        Next::AfterNewest => newest.with(|page| page.as_ref().and_then(|page| page.next_cursor.clone())),
    });
    let problem = RwSignal::new(None::<Problem>);
    let fetch = move |_| {
        let Some(cursor) = next.get_untracked() else { return };
        let filter = filter.get_untracked();
        spawn_local(async move {
            match api::runs::list_runs(&filter, Some(&cursor)).await {
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
