//! Who is signed in, and what that one may do.

use crate::{api, browser, working_team};
use hrm_types::account::{Me, Scope};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Between looks whether somebody has signed in again, in another tab.
const PAUSE: Duration = Duration::from_secs(3);

thread_local! {
    /// Whether the session has ended. Calls note it wherever they were made from, so that no part of the page owns it.
    static ENDED: ArcRwSignal<bool> = ArcRwSignal::new(false);
}

/// Who uses the page.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    /// The caller; nothing until the server has said who that is.
    me: RwSignal<Option<Me>>,
    team: RwSignal<Option<String>>,
}

impl Session {
    /// The one of this page, to be taken where the context is at hand.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    /// Asks who that is and what that one may do by now.
    pub(crate) fn look(self) {
        spawn_local(async move {
            // Without an answer the pages say what is wrong.
            if let Ok(found) = api::team::get_me().await {
                working_team::settle(&found, self.team);
                self.me.set(Some(found));
                ended().maybe_update(std::mem::take);
            }
        });
    }
}

/// Asks who is here; called once, at the root.
pub(crate) fn start() {
    let session = Session { me: RwSignal::new(None), team: working_team::signal() };
    provide_context(session);
    session.look();
    set_interval(
        move || {
            if ended().get_untracked() && !document().hidden() {
                session.look();
            }
        },
        PAUSE,
    );
}

fn ended() -> ArcRwSignal<bool> {
    ENDED.with(Clone::clone)
}

/// Notes that the server knows no caller any more.
pub(crate) fn note_ended() {
    ended().maybe_update(|ended| !std::mem::replace(ended, true));
}

/// The caller, reactive.
pub(crate) fn me() -> Option<Me> {
    Session::here().me.get()
}

/// Whether the caller may do that, reactive. Nothing is kept from one who is not known yet: the server decides anyway.
pub(crate) fn may(scope: Scope) -> bool {
    Session::here().me.with(|me| me.as_ref().is_none_or(|me| me.scopes.contains(&scope)))
}

/// Whether there are accounts, reactive: without them everything is the local owner's, and nothing is said of readers.
pub(crate) fn has_accounts() -> bool {
    Session::here().me.with(|me| me.as_ref().is_some_and(|me| me.accounts))
}

/// What is offered to those alone who may make and change things.
#[component]
pub(crate) fn ForWriters(children: ChildrenFn) -> impl IntoView {
    view! { <Show when=|| may(Scope::Write)>{children()}</Show> }
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

/// What is said once the session has ended, with the way to another one; what was typed stays until one leaves.
#[component]
pub(crate) fn Ended() -> impl IntoView {
    let ended = ended();
    view! {
        <Show when=move || ended.get()>
            <div class="notice warn session-ended" role="alert">
                <strong>"You are not signed in any more"</strong>
                <p>"What you typed is still here: sign in in another tab and go on, or sign in here and begin anew."</p>
                <p class="page-actions">
                    <button type="button" on:click=|_| browser::sign_in_beside()>"In another tab"</button>
                    <button type="button" on:click=|_| browser::sign_in()>"Sign in here"</button>
                </p>
            </div>
        </Show>
    }
}
