//! One dataset: its facts, what leaks between its splits, its puzzles page by page, and what can be done with it.

mod browse;
mod change;
mod leaks;

pub(crate) use browse::drawn;

use crate::{
    api,
    components::{
        ago::Ago,
        confirm::Confirm,
        copy::CopyButton,
        of_id::of_id,
        page::Page,
        problem::{Problems, Waiting},
    },
    format, load,
    pages::datasets::made,
    session,
};
use browse::Browse;
use change::Change;
use hrm_types::{account::Scope, board::Kind, dataset::Dataset, ids::DatasetId, problem::Problem};
use leaks::Leaks;
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// The page at `/datasets/{id}`.
#[component]
pub(crate) fn DatasetPage() -> impl IntoView {
    of_id("dataset", "datasets", |id: DatasetId| view! { <DatasetView id /> }.into_any())
}

#[component]
fn DatasetView(id: DatasetId) -> impl IntoView {
    let dataset = load::load(move || api::data::get_dataset(id));
    let value = dataset.value;
    let title = Memo::new(move |_| value.with(|d| d.as_ref().map_or_else(|| "Dataset".into(), |d| d.name.clone())));
    let refused = RwSignal::new(None::<Problem>);
    let navigate = use_navigate();
    let gone = Callback::new(move |()| navigate("/datasets", NavigateOptions::default()));
    let delete = move || {
        spawn_local(async move {
            match api::data::delete_dataset(id).await {
                // Nobody is taken from the page that was opened meanwhile.
                Ok(()) => drop(gone.try_run(())),
                Err(problem) => drop(refused.try_set(Some(*problem))),
            }
        });
    };
    let question = Signal::derive(move || format!("Delete {} with its puzzles?", title.get()));
    let actions = move || {
        view! {
            <Show when=|| session::may(Scope::Write)>
                <a class="button primary" href=format!("/runs/new?dataset={id}")>"Train on it"</a>
            </Show>
            <a class="button" href=format!("/leaderboard?dataset={id}")>"Leaderboard"</a>
            <Show when=|| session::may(Scope::Write)><Confirm label="Delete" question act=delete /></Show>
        }
    };
    view! {
        <Page title actions>
            <Problems of=dataset.problem />
            <Problems of=refused />
            <Show when=move || value.with(Option::is_none) && dataset.problem.with(Option::is_none)>
                <Waiting />
            </Show>
            <Show when=move || value.with(Option::is_some)>
                {move || value.with(|dataset| dataset.as_ref().map(facts))}
                {move || value.with(|dataset| dataset.as_ref().map(|dataset| view! { <Leaks dataset=dataset.clone() /> }))}
                // The puzzles of a stored dataset never change, whatever is changed about it.
                {value.get_untracked().map(|dataset| view! { <Browse dataset /> })}
                <Show when=|| session::may(Scope::Write)>
                    <section class="part narrow" aria-labelledby="change-title">
                        <h2 id="change-title">"Name"</h2>
                        <Change dataset />
                    </section>
                </Show>
            </Show>
        </Page>
    }
}

/// What it holds and where it comes from.
fn facts(dataset: &Dataset) -> impl IntoView + use<> {
    let fact = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let count = |n: u32| format::count(n.into()).into_any();
    let license = dataset.license.clone().map(|license| fact("Licence", license.into_any()));
    let hash = |name: &'static str, hash: String| {
        let copied = hash.clone();
        view! {
            <div class="wide-fact">
                <dt>{name}</dt>
                <dd class="hash-line"><code class="hash">{hash}</code><CopyButton label="Copy" text=Signal::stored(copied) /></dd>
            </div>
        }
    };
    view! {
        <dl class="facts standing-strip">
            {fact("Puzzles", side_words(dataset).into_any())}
            {fact("To train on", count(dataset.train_count))}
            {fact("To validate", count(dataset.validation_count))}
            {fact("To test", count(dataset.test_count))}
            {fact("Comes from", made(dataset).into_any())}
            {license}
            {session::has_accounts().then(|| fact("Read by", format::readers(dataset.public, &dataset.team).into_any()))}
            {fact("Stored", view! { <Ago at=dataset.created_at /> }.into_any())}
            {hash("Hash of all puzzles", dataset.content_hash.clone())}
            {dataset.test_hash.clone().map(|test| hash("Hash of the test puzzles", test))}
        </dl>
    }
}

/// Kind and size, in words.
pub(crate) fn side_words(dataset: &Dataset) -> String {
    let kind = match dataset.kind {
        Kind::Sudoku => "Sudoku",
        Kind::Maze => "mazes",
        Kind::Arc => "ARC, within",
    };
    format!("{kind} {0} × {0}", dataset.side)
}

/// How many puzzles each split has, in words.
pub(crate) fn count_words(dataset: &Dataset) -> String {
    let validation = match dataset.validation_count {
        0 => String::new(),
        count => format!(" · {} to validate", format::count(count.into())),
    };
    let train = format::counted(dataset.train_count.into(), "puzzle");
    format!("{train} to train on{validation} · {} to test", format::count(dataset.test_count.into()))
}
