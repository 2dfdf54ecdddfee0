//! The frame around every page: router, header, navigation.

use crate::{
    clock,
    components::page,
    pages::{
        datasets::DatasetsPage, leaderboard::LeaderboardPage, missing::MissingPage, new_run::NewRunPage, run::RunPage,
        runs::RunsPage, solve::SolvePage,
    },
    theme::ThemeToggle,
};
use leptos::prelude::*;
use leptos_router::{
    components::{A, FlatRoutes, Route, Router},
    path,
};

/// The whole page.
#[component]
pub(crate) fn App() -> impl IntoView {
    clock::start();
    page::start();
    view! {
        <Router>
            <a class="skip" href="#main">"Skip to the content"</a>
            <Header />
            <main id="main">
                <FlatRoutes fallback=MissingPage>
                    <Route path=path!("/") view=SolvePage />
                    <Route path=path!("/runs") view=RunsPage />
                    <Route path=path!("/runs/new") view=NewRunPage />
                    <Route path=path!("/runs/:id") view=RunPage />
                    <Route path=path!("/leaderboard") view=LeaderboardPage />
                    <Route path=path!("/datasets") view=DatasetsPage />
                </FlatRoutes>
            </main>
        </Router>
    }
}

#[component]
fn Header() -> impl IntoView {
    view! {
        <header class="top">
            <a class="brand" href="/">
                <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
                    <path class="brand-on" d="M1 1h6v6H1zM8 8h6v6H8zM15 8h6v6h-6zM8 15h6v6H8zM15 15h6v6h-6z" />
                    <path class="brand-off" d="M8 1h6v6H8zM15 1h6v6h-6zM1 8h6v6H1zM1 15h6v6H1z" />
                </svg>
                "HRM Lab"
            </a>
            <nav aria-label="Pages">
                <A href="/" exact=true>"Solve"</A>
                <A href="/runs">"Runs"</A>
                <A href="/leaderboard">"Leaderboard"</A>
                <A href="/datasets">"Datasets"</A>
            </nav>
            <div class="top-end">
                <a href="/api/docs/" rel="external">"API"</a>
                <ThemeToggle />
            </div>
        </header>
    }
}
