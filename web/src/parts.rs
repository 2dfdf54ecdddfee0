//! Pages whose program is a file of its own, fetched when one is first shown. The first load is the frame and the solving
//! page; `web/bundle` cuts the rest off at the functions marked `wasm_split`, each with what it alone uses.

use crate::{
    browser,
    components::{page::Page, problem::Waiting},
    pages::{
        about::AboutPage, arc::ArcPage, batch::BatchPage, batches::BatchesPage, compare::ComparePage,
        dataset::DatasetPage, datasets::DatasetsPage, leaderboard::LeaderboardPage, maze::MazePage, model::ModelPage,
        models::ModelsPage, new_run::NewRunPage, queue::QueuePage, run::RunPage, runs::RunsPage, team::TeamPage,
    },
};
use leptos::{
    prelude::*,
    task::spawn_local,
    wasm_split::{SplitLoaderError, wasm_split},
};
use std::pin::Pin;

/// What shows a page, once its part is there.
type Show = fn() -> AnyView;

/// A part on its way.
type Loading = Pin<Box<dyn Future<Output = Result<Show, SplitLoaderError>>>>;

/// Declares pages and the part that each is in: a function for each that fetches its part.
macro_rules! pages {
    ($($part:ident { $($name:ident: $page:ident),* $(,)? })*) => {$($(
        #[doc = concat!("Fetches what `", stringify!($page), "` needs.")]
        pub(crate) fn $name() -> Loading {
            #[wasm_split($part, wasm_split_path = leptos::wasm_split, fallible)]
            fn $name() -> Result<Show, SplitLoaderError> {
                Ok(|| view! { <$page /> }.into_any())
            }
            Box::pin($name())
        }
    )*)*};
}

pages! {
    training { runs: RunsPage, new_run: NewRunPage, run: RunPage, queue: QueuePage }
    scores { leaderboard: LeaderboardPage, compare: ComparePage }
    data { datasets: DatasetsPage, dataset: DatasetPage, models: ModelsPage, model: ModelPage }
    batches { batches: BatchesPage, batch: BatchPage }
    team { team: TeamPage, about: AboutPage }
    boards { maze: MazePage, arc: ArcPage }
}

/// A page from a part; it waits for the part, and tries again when asked to if that does not come.
#[component]
pub(crate) fn Part(load: fn() -> Loading) -> impl IntoView {
    let show = RwSignal::new(None::<Result<Show, ()>>);
    let fetch = move || {
        spawn_local(async move {
            let part = load().await;
            show.try_set(Some(part.map_err(drop)));
        });
    };
    fetch();
    move || {
        match show.get() {
        None => view! { <Waiting /> }.into_any(),
        Some(Ok(show)) => show(),
        Some(Err(())) => view! {
            <Page title="This page did not arrive" lead="The server does not answer, or it was updated since this page was opened.">
                <p class="page-actions">
                    <button type="button" class="primary" on:click=move |_| fetch()>"Try again"</button>
                    <button type="button" on:click=|_| browser::reload()>"Reload"</button>
                </p>
            </Page>
        }
        .into_any(),
    }
    }
}
