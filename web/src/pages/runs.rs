//! Runs: everything that was trained, is being trained or waits for it, newest first.

mod columns;
mod look;
mod older;
mod table;
mod word;

use crate::{
    api::{
        self,
        runs::RunFilter,
        scores::{listed, parsed},
    },
    browser,
    components::{
        no_worker::NoWorker,
        page::Page,
        problem::{Empty, Problems, Waiting},
        sweep::SweepLine,
        wish::Wish,
    },
    load,
    session::{self, ForWriters},
};
use hrm_types::{account::Scope, ids::RunId, problem::Problem};
use leptos::{prelude::*, task::spawn_local};
use look::Look;
use older::{More, Newest, Older};
use std::time::Duration;
use table::{Actions, Table};

/// Between looks at the list while something moves, and while nothing does.
const BUSY: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(6);

/// Where the ticked runs are kept while the tab is open, for who looks at one of them and comes back.
const CHOSEN: &str = "chosen-runs";

/// The page at `/runs`, filtered and with columns as its address says.
#[component]
pub(crate) fn RunsPage() -> impl IntoView {
    let look = Look::from_query();
    let filter = Memo::new(move |_| look.filter());
    let newest = load::poll(
        move || {
            let filter = filter.get();
            async move { api::runs::list_runs(&filter, None).await.map(|page| (filter, page)) }
        },
        |newest: Option<&Newest>| {
            let moving = newest.is_some_and(|(_, page)| page.items.iter().any(|run| !run.state.is_final()));
            Some(if moving { BUSY } else { IDLE })
        },
    );
    let workers = load::poll(api::runs::list_workers, |_| Some(IDLE));
    let older = Older::below(newest.value);
    let datasets = load::load(api::data::list_datasets);
    let datasets = Memo::new(move |_| datasets.value.get().map(|page| page.items).unwrap_or_default());
    let refused = RwSignal::new(None::<Problem>);
    let runs = Memo::new(move |_| newest.value.with(|newest| newest.as_ref().map(|(_, page)| older.after(page))));
    let rows = Signal::derive(move || runs.with(|runs| runs.as_ref().map_or(0, Vec::len)));
    let ask = move |(id, wish): (RunId, Wish)| {
        spawn_local(async move {
            refused.try_set(api::runs::ask(id, wish.asked_at()).await.err().map(|problem| *problem));
            newest.refresh();
        });
    };
    let of_sweep = move || {
        let id = look.sweep.with(|sweep| sweep.as_ref().and_then(|sweep| sweep.parse().ok()))?;
        let changed = Callback::new(move |()| newest.refresh());
        Some(view! { <SweepLine id listed=true changed /> })
    };
    let chosen = RwSignal::new(browser::kept(CHOSEN).map(|text| parsed(&text)).unwrap_or_default());
    Effect::new(move |_| {
        let text = chosen.with(|chosen| listed(chosen));
        browser::keep(CHOSEN, &text);
    });
    let actions = Actions { chosen, ask: Callback::new(ask) };
    view! {
        <Page
            title="Runs"
            lead="What is being trained, what waits, and what came of it."
            actions=|| view! {
                <a class="button" href="/queue">"Queue"</a>
                <ForWriters><a class="button primary" href="/runs/new">"New run"</a></ForWriters>
            }
        >
            <Problems of=newest.problem />
            <Problems of=refused />
            <NoWorker workers />
            {of_sweep}
            {look.view(datasets)}
            {move || runs.with(|runs| match runs {
                None if newest.problem.with(Option::is_some) => ().into_any(),
                None => view! { <Waiting /> }.into_any(),
                Some(runs) if runs.is_empty() && filter.with(RunFilter::is_empty) => nothing().into_any(),
                Some(runs) if runs.is_empty() => view! { <p class="muted">"No run is like that."</p> }.into_any(),
                Some(_) => ().into_any(),
            })}
            <Show when=move || runs.with(|runs| runs.as_ref().is_some_and(|runs| !runs.is_empty()))>
                <Table runs look actions />
            </Show>
            <More filter newest=newest.value older rows />
            <Chosen chosen />
        </Page>
    }
}

/// What is ticked, and what to do with it.
#[component]
fn Chosen(chosen: RwSignal<Vec<RunId>>) -> impl IntoView {
    let count = move || chosen.with(Vec::len);
    let link = move || format!("/compare?runs={}", chosen.with(|chosen| listed(chosen)));
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
    if !session::may(Scope::Write) {
        return view! { <Empty title="No run yet">"What members queue is listed here, with its curves and its score."</Empty> }
            .into_any();
    }
    view! {
        <Empty title="No run yet">
            "Choose an experiment, change what you like, and "
            <a href="/runs/new">"queue the first run"</a>
            ". It trains here, its curves are live, and its score goes to the leaderboard."
        </Empty>
    }
    .into_any()
}
