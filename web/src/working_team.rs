//! The team that one works for: what is made belongs to it. Who is in several chooses, and this browser remembers it.

use crate::{
    browser,
    components::select::{Options, Select},
    session,
};
use hrm_types::account::Me;
use leptos::prelude::*;
use std::cell::RefCell;

/// Where the choice is kept in the browser.
const KEY: &str = "team";

thread_local! {
    /// What requests name; nothing for the team that one joined first.
    static NAMED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The chosen team's name; nothing for who has no choice.
#[derive(Clone, Copy)]
struct Chosen(RwSignal<Option<String>>);

/// Nothing chosen yet; called once, at the root.
pub(crate) fn start() {
    provide_context(Chosen(RwSignal::new(None)));
}

/// Takes up the choice of an earlier visit, now that it is known who this is.
pub(crate) fn settle(me: &Me, chosen: RwSignal<Option<String>>) {
    let team = pick(&names(me), browser::remembered(KEY).as_deref()).map(str::to_owned);
    name(team.clone());
    chosen.try_set(team);
}

/// The signal that [`settle`] sets, to be taken where the context is at hand.
pub(crate) fn signal() -> RwSignal<Option<String>> {
    expect_context::<Chosen>().0
}

/// The team that a request is for, as its header `hrm-team`.
pub(crate) fn header() -> Option<String> {
    NAMED.with_borrow(Clone::clone)
}

fn name(team: Option<String>) {
    NAMED.set(team);
}

/// Goes on working for the chosen team under its new name.
pub(crate) fn renamed(before: &str, now: &str) {
    if header().as_deref() == Some(before) {
        browser::remember(KEY, now);
        name(Some(now.to_owned()));
    }
}

/// The teams that one can choose among.
fn names(me: &Me) -> Vec<String> {
    if me.accounts { me.teams.iter().map(|team| team.name.clone()).collect() } else { Vec::new() }
}

/// The team that is worked for: the one that was kept, if one is still in it, or else the first; none without a choice.
fn pick<'a>(teams: &'a [String], kept: Option<&str>) -> Option<&'a str> {
    let found = teams.iter().find(|team| Some(team.as_str()) == kept).or(teams.first());
    found.filter(|_| teams.len() > 1).map(String::as_str)
}

/// The choice, in the frame of every page; nothing for who has none.
#[component]
pub(crate) fn TeamChoice() -> impl IntoView {
    let chosen = signal();
    let teams = Memo::new(move |_| session::me().map(|me| names(&me)).filter(|teams| teams.len() > 1));
    let choose = move |team: String| {
        browser::remember(KEY, &team);
        name(Some(team.clone()));
        chosen.set(Some(team));
    };
    let options = Signal::derive(move || {
        let option = |team: String| (team.clone(), team);
        teams.get().unwrap_or_default().into_iter().map(option).collect::<Options>()
    });
    let value = Signal::derive(move || chosen.get().unwrap_or_default());
    view! {
        <Show when=move || teams.with(Option::is_some)>
            <label class="team-choice" title="What you make belongs to this team">
                <span class="hidden">"Team that what you make belongs to"</span>
                <Select options value choose />
            </label>
        </Show>
    }
}

/// Whose it will be, where something is made; nothing for who has no choice.
#[component]
pub(crate) fn ForTeam() -> impl IntoView {
    let chosen = signal();
    move || {
        chosen.get().map(|team| view! { <p class="hint for-team">"It will belong to the team "<b>{team}</b>"."</p> })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_team_or_the_first_of_several() {
        let teams = ["ann's", "puzzlers"].map(str::to_owned);
        assert_eq!(pick(&teams, Some("puzzlers")), Some("puzzlers"));
        assert_eq!(pick(&teams, Some("left")), Some("ann's"));
        assert_eq!(pick(&teams, None), Some("ann's"));
        assert_eq!(pick(&teams[..1], Some("ann's")), None, "one team is no choice");
    }
}
