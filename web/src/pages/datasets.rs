//! Datasets: what is stored, with pictures of its first puzzles, and forms that make more.

mod generate;
mod generations;
mod import;

use crate::{
    api,
    components::{
        ago::Ago,
        page::Page,
        problem::{Empty, Problems, Waiting},
    },
    format, load,
    pages::dataset::{count_words, drawn, side_words},
    paging::{More, Pages},
    session::{self, ForWriters},
};
use generate::Generate;
use generations::Generations;
use hrm_types::{
    account::Scope,
    board::Kind,
    dataset::{Dataset, Split},
    ids::DatasetId,
};
use import::Import;
use leptos::prelude::*;

/// Puzzles drawn of each dataset.
const PICTURES: u32 = 5;

/// The page at `/datasets`.
#[component]
pub(crate) fn DatasetsPage() -> impl IntoView {
    let datasets = Pages::open(|a: &Dataset, b| a.id == b.id, |cursor| Box::pin(api::data::list(cursor)));
    let list = move || {
        datasets.items.with(|items| match items {
            None if datasets.problem.with(Option::is_some) => ().into_any(),
            None => view! { <Waiting /> }.into_any(),
            Some(items) if items.is_empty() => view! {
                <Empty title="No dataset yet">
                    <ForWriters>"Generate one here, or import a file. "</ForWriters>
                    "A run that generates its puzzles stores them, too."
                </Empty>
            }
            .into_any(),
            Some(_) => ().into_any(),
        })
    };
    let stored = move || datasets.items.with(|items| items.clone().unwrap_or_default());
    view! {
        <Page title="Datasets" lead="Puzzles to train on and held-out puzzles to score with, known by the hash of their content.">
            <div class="datasets-layout">
                <div class="datasets">
                    {list}
                    // What is there stays, with its pictures, when older ones come.
                    <For each=stored key=|dataset| (dataset.id, dataset.name.clone(), dataset.public) let:dataset>
                        <Entry dataset />
                    </For>
                    <More pages=datasets label="Older datasets" />
                </div>
                <Show when=|| session::may(Scope::Write)>
                    <Side stored=move || datasets.refresh() />
                </Show>
            </div>
        </Page>
    }
}

/// Where datasets come from: the generator, or a file.
#[component]
fn Side(stored: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let from_file = RwSignal::new(false);
    let choice = move |file: bool, label: &'static str| {
        view! {
            <button type="button" aria-pressed=move || (from_file.get() == file).to_string() on:click=move |_| from_file.set(file)>
                {label}
            </button>
        }
    };
    let generations = Generations::watch(stored);
    view! {
        <div class="make">
            <div class="segments" role="group" aria-label="How to make a dataset">
                {choice(false, "Generate")}
                {choice(true, "Import a file")}
            </div>
            <div hidden=move || from_file.get()><Generate stored generations /></div>
            <div hidden=move || !from_file.get()><Import stored /></div>
            {generations.view()}
        </div>
    }
}

#[component]
fn Entry(dataset: Dataset) -> impl IntoView {
    let (id, kind, is_public) = (dataset.id, dataset.kind, dataset.public);
    let leaks = dataset.leaks.map(|leaks| match leaks.test_in_train {
        0 => " No test puzzle is trained on, in any symmetric form.".to_owned(),
        1 => " 1 test puzzle is trained on in a symmetric form!".to_owned(),
        leaked => format!(" {} are trained on in a symmetric form!", format::counted(leaked.into(), "test puzzle")),
    });
    let stored = dataset.name.clone();
    view! {
        <article class="dataset">
            <header>
                <h2><a href=format!("/datasets/{id}")>{dataset.name.clone()}</a></h2>
                <span class="dataset-links">
                    <a href=format!("/leaderboard?dataset={id}")>"Leaderboard"<span class="hidden">" of "{stored}</span></a>
                </span>
            </header>
            <p class="dataset-facts">
                {format!("{} · {}.", side_words(&dataset), count_words(&dataset))}
                {leaks}
                <span class="aside">{made(&dataset)}"; stored " <Ago at=dataset.created_at />{move || (is_public && session::has_accounts()).then_some(" · public")}</span>
            </p>
            <Pictures id kind split={if dataset.test_count > 0 { Split::Test } else { Split::Train }} />
        </article>
    }
}

/// Where a dataset comes from, in words.
pub(crate) fn made(dataset: &Dataset) -> String {
    match &dataset.generated {
        None => format!("From {}", dataset.origin),
        Some(spec) => {
            let givens = spec.givens.map(|[low, high]| format!(", {low} to {high} givens")).unwrap_or_default();
            let maze = spec.maze.map(|style| format!(", {style}")).unwrap_or_default();
            format!("Generated with seed {}{givens}{maze}", spec.seed)
        }
    }
}

#[component]
fn Pictures(id: DatasetId, kind: Kind, split: Split) -> impl IntoView {
    let puzzles = load::load(move || api::data::list_puzzles(id, split, PICTURES));
    let pictures = move || {
        puzzles.value.with(|page| {
            let items = page.iter().flat_map(|page| page.items.iter());
            items.filter_map(|puzzle| drawn(kind, puzzle, false)).collect_view()
        })
    };
    view! {
        <Problems of=puzzles.problem />
        <div class="pictures">{pictures}</div>
    }
}
