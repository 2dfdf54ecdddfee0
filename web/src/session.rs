//! Who is signed in, and what that one may do.

use crate::{api, browser, working_team};
use hrm_types::account::{Me, Scope};
use leptos::{prelude::*, task::spawn_local};

/// The caller; nothing until the server has said who that is.
#[derive(Clone, Copy)]
struct Session(RwSignal<Option<Me>>);

/// Asks who is here; called once, at the root.
pub(crate) fn start() {
    let me = RwSignal::new(None);
    provide_context(Session(me));
    let team = working_team::signal();
    spawn_local(async move {
        // Without an answer the pages say what is wrong.
        if let Ok(found) = api::team::get_me().await {
            working_team::settle(&found, team);
            me.set(Some(found));
        }
    });
}

/// The caller, reactive.
pub(crate) fn me() -> Option<Me> {
    expect_context::<Session>().0.get()
}

/// Whether the caller may do that, reactive. Nothing is kept from one who is not known yet: the server decides anyway.
pub(crate) fn may(scope: Scope) -> bool {
    expect_context::<Session>().0.with(|me| me.as_ref().is_none_or(|me| me.scopes.contains(&scope)))
}

/// Signs out and goes to where one signs in.
pub(crate) fn leave() {
    spawn_local(async {
        if api::team::end_session().await.is_ok() {
            browser::sign_in();
        }
    });
}

/// The caller's name and the way out, in the header; without accounts, the way to the page about them.
#[component]
pub(crate) fn WhoAmI() -> impl IntoView {
    let name = Memo::new(|_| me().filter(|me| me.accounts).map(|me| me.name));
    view! {
        <a href="/team" title=move || name.get().map(|name| format!("Signed in as {name}"))>
            {move || name.get().unwrap_or_else(|| "Team".into())}
        </a>
        <Show when=move || name.with(Option::is_some)>
            <button type="button" class="quiet sign-out" on:click=|_| leave()>"Sign out"</button>
        </Show>
    }
}
