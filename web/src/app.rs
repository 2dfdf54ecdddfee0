//! The frame around every page: router, header, navigation.

use crate::{
    browser, clock,
    components::page,
    pages::{missing::MissingPage, solve::SolvePage},
    parts::{self, Part},
    session::{self, Ended, Replaced, WhoAmI},
    theme::ThemeToggle,
    working_team::{self, TeamChoice},
};
use leptos::prelude::*;
use leptos_router::{
    components::{A, FlatRoutes, Route, Router},
    hooks::use_location,
    path,
};

/// The whole page.
#[component]
pub(crate) fn App() -> impl IntoView {
    clock::start();
    page::start();
    working_team::start();
    session::start();
    view! {
        <Router>
            <a class="skip" href="#main" on:click=skip>"Skip to the content"</a>
            <Header />
            <main id="main">
                <Ended />
                <Replaced />
                <FlatRoutes fallback=MissingPage>
                    <Route path=path!("/") view=SolvePage />
                    <Route path=path!("/solve/maze") view=|| view! { <Part load=parts::maze /> } />
                    <Route path=path!("/solve/arc") view=|| view! { <Part load=parts::arc /> } />
                    <Route path=path!("/runs") view=|| view! { <Part load=parts::runs /> } />
                    <Route path=path!("/runs/new") view=|| view! { <Part load=parts::new_run /> } />
                    <Route path=path!("/runs/:id") view=|| view! { <Part load=parts::run /> } />
                    <Route path=path!("/queue") view=|| view! { <Part load=parts::queue /> } />
                    <Route path=path!("/batches") view=|| view! { <Part load=parts::batches /> } />
                    <Route path=path!("/batches/:id") view=|| view! { <Part load=parts::batch /> } />
                    <Route path=path!("/leaderboard") view=|| view! { <Part load=parts::leaderboard /> } />
                    <Route path=path!("/compare") view=|| view! { <Part load=parts::compare /> } />
                    <Route path=path!("/datasets") view=|| view! { <Part load=parts::datasets /> } />
                    <Route path=path!("/datasets/:id") view=|| view! { <Part load=parts::dataset /> } />
                    <Route path=path!("/models") view=|| view! { <Part load=parts::models /> } />
                    <Route path=path!("/models/:id") view=|| view! { <Part load=parts::model /> } />
                    <Route path=path!("/about") view=|| view! { <Part load=parts::about /> } />
                    <Route path=path!("/team") view=|| view! { <Part load=parts::team /> } />
                </FlatRoutes>
            </main>
        </Router>
    }
}

/// Moves the focus alone: what stands behind an address's `#` may be a puzzle.
fn skip(event: web_sys::MouseEvent) {
    event.prevent_default();
    browser::focus_heading();
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
                <Main href="/" stands_for=|path| path == "/" || path.starts_with("/solve/") || path.starts_with("/batches")>"Solve"</Main>
                <Main href="/runs" stands_for=|path| path.starts_with("/runs") || path == "/compare">"Runs"</Main>
                <A href="/queue">"Queue"</A>
                <A href="/leaderboard">"Leaderboards"</A>
                <A href="/datasets">"Datasets"</A>
                <A href="/models">"Models"</A>
            </nav>
            <div class="top-end">
                <A href="/about">"About"</A>
                <a href="/api/docs/" rel="external">"API"</a>
                <TeamChoice />
                <WhoAmI />
                <ThemeToggle />
            </div>
        </header>
    }
}

/// A link to the first of some pages, which stands for all of them.
#[component]
fn Main(href: &'static str, stands_for: fn(&str) -> bool, children: Children) -> impl IntoView {
    let path = use_location().pathname;
    let here = move || path.with(|path| stands_for(path));
    view! { <a href=href aria-current=move || here().then_some("page")>{children()}</a> }
}
