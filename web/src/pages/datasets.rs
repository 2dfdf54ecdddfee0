//! Datasets: what is stored, with pictures of its first puzzles, and a form that generates one.

mod generate;

use crate::{
    api,
    components::{
        ago::Ago,
        page::Page,
        problem::{Empty, Problems, Waiting},
    },
    format,
    grid::picture::{picture, solve_link},
    load,
};
use generate::Generate;
use hrm_types::{
    Page as ListPage,
    board::Kind,
    dataset::{Dataset, Split, StoredPuzzle},
    ids::DatasetId,
};
use leptos::prelude::*;

/// Puzzles drawn of each dataset.
const PICTURES: u32 = 5;

/// The page at `/datasets`.
#[component]
pub(crate) fn DatasetsPage() -> impl IntoView {
    let datasets = load::load(api::data::list_datasets);
    let list = move || {
        datasets.value.with(|page| match page {
            None => view! { <Waiting /> }.into_any(),
            Some(page) if page.items.is_empty() => view! {
                <Empty title="No dataset yet">
                    "Generate one here, or import a file with "<code>"hrm data import"</code>". A run that generates its puzzles stores them, too."
                </Empty>
            }.into_any(),
            Some(page) => entries(page).into_any(),
        })
    };
    view! {
        <Page title="Datasets" lead="Puzzles to train on and held-out puzzles to score with, known by the hash of their content.">
            <Problems of=datasets.problem />
            <div class="datasets-layout">
                <div class="datasets">{list}</div>
                <Generate stored=move || datasets.refresh() />
            </div>
        </Page>
    }
}

fn entries(page: &ListPage<Dataset>) -> impl IntoView + use<> {
    page.items.iter().map(|dataset| view! { <Entry dataset=dataset.clone() /> }).collect_view()
}

#[component]
fn Entry(dataset: Dataset) -> impl IntoView {
    let (id, kind) = (dataset.id, dataset.kind);
    let made = dataset.generated.as_ref().map(|spec| {
        let givens = spec.givens.map(|[low, high]| format!(", {low} to {high} givens")).unwrap_or_default();
        format!("Generated with seed {}{givens}", spec.seed)
    });
    let leaks = dataset.leaks.map(|leaks| match leaks.test_in_train {
        0 => " No test puzzle is trained on, in any symmetric form.".to_owned(),
        leaked => format!(" {} are trained on in a symmetric form!", format::counted(leaked.into(), "test puzzle")),
    });
    view! {
        <article class="dataset">
            <header>
                <h2>{dataset.name.clone()}</h2>
                <a href=format!("/leaderboard?dataset={id}")>"Leaderboard"</a>
            </header>
            <p class="dataset-facts">
                {format!(
                    "{kind} {0} × {0} · {1} to train on · {2} to validate · {3} to test.",
                    dataset.side,
                    format::counted(dataset.train_count.into(), "puzzle"),
                    format::count(dataset.validation_count.into()),
                    format::count(dataset.test_count.into()),
                )}
                {leaks}
                <span class="aside">{made.unwrap_or_else(|| format!("From {}", dataset.origin))} "; stored " <Ago at=dataset.created_at /></span>
            </p>
            <Pictures id kind split={if dataset.test_count > 0 { Split::Test } else { Split::Train }} />
            <p class="dataset-hash">"Content " <code class="hash" title=dataset.content_hash.clone()>{dataset.content_hash.clone()}</code></p>
        </article>
    }
}

#[component]
fn Pictures(id: DatasetId, kind: Kind, split: Split) -> impl IntoView {
    let puzzles = load::load(move || api::data::list_puzzles(id, split, PICTURES));
    let pictures = move || {
        puzzles.value.with(|page| {
            let items = page.iter().flat_map(|page| page.items.iter());
            items.filter_map(|puzzle| drawn(kind, puzzle)).collect_view()
        })
    };
    view! {
        <Problems of=puzzles.problem />
        <div class="pictures">{pictures}</div>
    }
}

/// A puzzle's picture, which leads to where it can be solved.
fn drawn(kind: Kind, puzzle: &StoredPuzzle) -> Option<impl IntoView + use<>> {
    let svg = picture(kind, &puzzle.question, &puzzle.answer)?;
    let link = solve_link(kind, &puzzle.task, (&puzzle.question, &puzzle.answer), "");
    let title = format!("Solve this one (rating {})", puzzle.rating);
    Some(view! { <a class="picture" href=link title=title inner_html=svg></a> })
}
