//! Who is signed in, and what that one may do.

use crate::{api, browser, working_team};
use hrm_types::account::{Me, Scope};
use leptos::{prelude::*, task::spawn_local};
use std::{cell::RefCell, time::Duration};

/// Between looks whether somebody has signed in again, in another tab.
const PAUSE: Duration = Duration::from_secs(3);

thread_local! {
    /// Whether the session has ended. Calls note it wherever they were made from, so that no part of the page owns it.
    static ENDED: ArcRwSignal<bool> = ArcRwSignal::new(false);
    /// Told when a request was refused because somebody else is signed in by now.
    static OTHER: ArcTrigger = ArcTrigger::new();
    /// Whom requests name as the one who makes them; nobody where there are no accounts.
    static NAMED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Who uses the page.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    /// The caller; nothing until the server has said who that is.
    me: RwSignal<Option<Me>>,
    team: RwSignal<Option<String>>,
    /// For whom the page was loaded, where another one is signed in by now.
    before: RwSignal<Option<String>>,
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
                let name = found.accounts.then(|| found.name.clone());
                self.before.update(|before| *before = loaded_for(before.take(), NAMED.take(), name.as_deref()));
                NAMED.set(name);
                self.me.set(Some(found));
                ended().maybe_update(std::mem::take);
            }
        });
    }
}

/// For whom the page was loaded, where that is another one than who is signed in `now`; `known` is who was up to now.
fn loaded_for(before: Option<String>, known: Option<String>, now: Option<&str>) -> Option<String> {
    before.or(known).filter(|name| Some(name.as_str()) != now)
}

/// Asks who is here; called once, at the root. A session is the browser's: in another tab it may end, and another one begin.
pub(crate) fn start() {
    let session = Session { me: RwSignal::new(None), team: working_team::signal(), before: RwSignal::new(None) };
    provide_context(session);
    let other = OTHER.with(Clone::clone);
    Effect::new(move |_| {
        other.track();
        session.look();
    });
    window_event_listener_untyped("visibilitychange", move |_| {
        if !document().hidden() {
            session.look();
        }
    });
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

/// Notes that somebody else is signed in by now.
pub(crate) fn note_other() {
    OTHER.with(ArcTrigger::notify);
}

/// Who makes a request, as its header `hrm-user`: the server refuses what is meant as another one's. Browsers send no other
/// letters in a header as they are.
pub(crate) fn header() -> Option<String> {
    NAMED.with_borrow(|name| name.clone().filter(|name| name.is_ascii()))
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

/// Signs out and goes to where one signs in. Where somebody else is signed in by now, who that is is shown instead.
#[component]
pub(crate) fn SignOut(#[prop(optional)] class: &'static str) -> impl IntoView {
    let refused = RwSignal::new(None::<String>);
    let leave = move |_| {
        refused.set(None);
        spawn_local(async move {
            match api::team::end_session().await {
                Ok(()) => browser::sign_in(),
                Err(problem) => drop(refused.try_set(Some(format!("Still signed in: {}", problem.title)))),
            }
        });
    };
    view! {
        <button type="button" class=class on:click=leave>"Sign out"</button>
        {move || refused.get().map(|words| view! { <span class="bad" role="alert">{words}</span> })}
    }
}

/// The caller's name and the way out, in the header; without accounts, the way to the page about them.
#[component]
pub(crate) fn WhoAmI() -> impl IntoView {
    let name = Memo::new(|_| me().filter(|me| me.accounts).map(|me| me.name));
    view! {
        <a href="/team" title=move || name.get().map(|name| format!("Signed in as {name}"))>
            <span>{move || name.get().unwrap_or_else(|| "Team".into())}</span>
        </a>
        <Show when=move || name.with(Option::is_some)>
            <SignOut class="quiet sign-out" />
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

/// Says that somebody else is signed in than when the page was loaded: what it shows may be the other one's.
#[component]
pub(crate) fn Replaced() -> impl IntoView {
    let before = Session::here().before;
    let words = move || {
        let name = me().map(|me| me.name).unwrap_or_default();
        before.get().map(|before| format!("{name} is signed in now, no longer {before}"))
    };
    view! {
        <Show when=move || before.with(Option::is_some)>
            <div class="notice warn session-ended" role="alert">
                <strong>{words}</strong>
                <p>"It was done in another tab. What is shown here may be out of date; what you typed is lost if you load it again."</p>
                <p class="page-actions">
                    <button type="button" on:click=|_| browser::reload()>"Load it again"</button>
                    <button type="button" on:click=move |_| before.set(None)>"Go on as it is"</button>
                </p>
            </div>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_for_whom_the_page_was_loaded() {
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(loaded_for(None, None, Some("ann")), None, "the first look");
        assert_eq!(loaded_for(None, name("ann"), Some("ann")), None);
        assert_eq!(loaded_for(None, name("ann"), Some("bob")), name("ann"));
        assert_eq!(loaded_for(name("ann"), name("bob"), Some("bob")), name("ann"), "a look later");
        assert_eq!(loaded_for(name("ann"), name("bob"), Some("ann")), None, "it is ann again");
    }
}
