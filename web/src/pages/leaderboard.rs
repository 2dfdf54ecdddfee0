//! Leaderboards: which configurations solve a set of test puzzles best, measured in one way.

mod choice;
mod row;
mod table;

use crate::{
    api,
    components::{
        page::Page,
        problem::{Empty, Problems, Waiting},
    },
    load,
    query::query_signal,
    session::ForWriters,
};
use choice::{Choice, Filter, label};
use hrm_types::{
    Page as ListPage,
    leaderboard::{Board, Leaderboard},
    problem::Problem,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;
use std::time::Duration;
use table::Table;

/// Between looks for new scores.
const PAUSE: Duration = Duration::from_secs(10);

/// The page at `/leaderboard`; `?board=ID` or `?dataset=ID` chooses one, `?order=` and `?show=` how it is looked at, and
/// `?snapshot=SHA256` shows one as it was kept.
#[component]
pub(crate) fn LeaderboardPage() -> impl IntoView {
    let query = use_query_map();
    let snapshot = Memo::new(move |_| query.with(|query| query.get("snapshot")));
    view! {
        <Page title="Leaderboards" lead="Who solves which puzzles best: a row for each configuration with all its seeds, measured here or claimed.">
            {move || match snapshot.get() {
                Some(sha256) => view! { <Snapshot sha256 /> }.into_any(),
                None => view! { <Boards /> }.into_any(),
            }}
        </Page>
    }
}

#[component]
fn Boards() -> impl IntoView {
    let (board, choose) = query_signal("board");
    let (dataset, _) = query_signal("dataset");
    let boards = load::load(move || {
        let dataset = dataset.get().and_then(|id| id.parse().ok());
        api::scores::list_boards(dataset)
    });
    let chosen = Memo::new(move |_| {
        let wanted = board.get();
        boards.value.with(|page| chosen(page.as_ref()?, wanted.as_deref()).map(|board| board.id.clone()))
    });
    let none = move || boards.value.with(|page| page.as_ref().is_some_and(|page| page.items.is_empty()));
    let gone = Memo::new(move |_| {
        let is_there = |page: &ListPage<Board>, id: &String| page.items.iter().any(|board| board.id == *id);
        board.with(|id| {
            boards.value.with(|page| page.as_ref().zip(id.as_ref()).is_some_and(|(page, id)| !is_there(page, id)))
        })
    });
    let waits = move || boards.value.with(Option::is_none) && boards.problem.with(Option::is_none);
    let choose = Callback::new(move |id: String| choose.set(Some(id)));
    let shown = Signal::derive(move || chosen.get().unwrap_or_default());
    view! {
        <Problems of=boards.problem />
        <Show when=waits>
            <Waiting />
        </Show>
        <Show when=move || gone.get()>
            <p class="note">"The leaderboard that the address names has no score that you may see."</p>
        </Show>
        <Show when=none>
            <Empty title="No score yet">
                "A run is scored on the test puzzles of its dataset when it ends."
                <ForWriters>" "<a href="/runs/new">"Queue one"</a>", or "<a href="/models">"evaluate a model"</a>"."</ForWriters>
            </Empty>
        </Show>
        <Show when=move || chosen.with(Option::is_some)>
            <Choice boards=boards.value chosen=shown choose />
        </Show>
        {move || chosen.get().map(|id| view! { <Current id /> })}
    }
}

/// The board that is asked for, else the one with the most scores.
fn chosen<'a>(page: &'a ListPage<Board>, wanted: Option<&str>) -> Option<&'a Board> {
    let named = page.items.iter().find(|board| Some(board.id.as_str()) == wanted);
    named.or_else(|| page.items.iter().max_by_key(|board| board.scores))
}

/// A leaderboard as it stands now.
#[component]
fn Current(id: String) -> impl IntoView {
    let (order, set_order) = query_signal("order");
    let order = Memo::new(move |_| order.get().unwrap_or_default());
    let filter = Filter::from_query();
    let board = {
        let id = id.clone();
        load::poll(
            move || {
                let (id, order) = (id.clone(), order.get());
                async move { api::scores::get_board(&id, &order).await }
            },
            |_| Some(PAUSE),
        )
    };
    let order_by = move |key: String| set_order.set((!key.is_empty()).then_some(key));
    let address = api::address(&format!("/leaderboards/{id}"));
    let export = move |format: &str| {
        let order = api::scores::ordered(&order.get());
        let joint = if order.is_empty() { "?" } else { "&" };
        format!("{address}{order}{joint}format={format}")
    };
    let (csv, json) = (export.clone(), export);
    view! {
        <Problems of=board.problem />
        <div class="board-bar">
            {filter.view()}
            <div class="board-links">
                <a class="button" href=move || csv("csv") rel="external" download="">"CSV"</a>
                <a class="button" href=move || json("json") rel="external">"JSON"</a>
                <ForWriters><Keep id=id.clone() order /></ForWriters>
            </div>
        </div>
        <Shown board=board.value filter about=false order_by=Some(Callback::new(order_by)) />
    }
}

/// A button that keeps the leaderboard as it stands, and then the link to what was kept.
#[component]
fn Keep(id: String, order: Memo<String>) -> impl IntoView {
    let kept = RwSignal::new(None::<Result<String, Problem>>);
    let keep = move |_| {
        let (id, order) = (id.clone(), order.get_untracked());
        spawn_local(async move {
            let answer = api::scores::keep_board(&id, &order).await;
            kept.try_set(Some(answer.map(|snapshot| snapshot.sha256).map_err(|problem| *problem)));
        });
    };
    view! {
        <button type="button" on:click=keep>"Keep as it stands"</button>
        <span role="status">
            {move || match kept.get() {
                None => ().into_any(),
                Some(Ok(sha256)) => view! { <a href=format!("/leaderboard?snapshot={sha256}")>"Permanent link"</a> }.into_any(),
                Some(Err(problem)) => view! { <span class="bad">{problem.detail}</span> }.into_any(),
            }}
        </span>
    }
}

/// A leaderboard that was kept.
#[component]
fn Snapshot(sha256: String) -> impl IntoView {
    let address = api::address(&format!("/leaderboard-snapshots/{sha256}"));
    let board = load::load(move || {
        let sha256 = sha256.clone();
        async move { api::scores::get_snapshot(&sha256).await }
    });
    let filter = Filter::from_query();
    view! {
        <Problems of=board.problem />
        <div class="notice">
            <strong>"As it was kept"</strong>
            <p>"This address is the hash of what it shows: it can never show anything else. "<a href=address rel="external">"Its JSON"</a>", "<a href="/leaderboard">"the leaderboards of today"</a>"."</p>
        </div>
        <Shown board=board.value filter about=true order_by=None />
    }
}

#[component]
fn Shown(
    board: RwSignal<Option<Leaderboard>>,
    filter: Filter,
    /// Whether it says which puzzles it is about.
    about: bool,
    /// Orders it by a column; absent where it is fixed.
    order_by: Option<Callback<String>>,
) -> impl IntoView {
    // Drawn anew only when it is another; what was opened stays open then, too.
    let board = Memo::new(move |_| board.get());
    let opened = RwSignal::new(Vec::new());
    move || {
        board.with(|board| match board {
            None => view! { <Waiting /> }.into_any(),
            Some(board) => view! {
                {about.then(|| view! { <p class="board-about">{label(&board.task, &board.protocol)}</p> })}
                <Table board=board.clone() filter order_by opened />
            }
            .into_any(),
        })
    }
}
