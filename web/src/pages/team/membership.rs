//! In which teams somebody is, each of which can be left, and another one joined. For administrators.

use super::{Changed, teams::AllTeams};
use crate::{
    api,
    components::{change::Change, select::Options},
};
use hrm_types::{
    account::{Team, User},
    ids::TeamId,
    problem::Problem,
};
use leptos::{prelude::*, task::spawn_local};

/// The teams of a user.
#[component]
pub(super) fn Membership(user: User, refused: RwSignal<Option<Problem>>) -> impl IntoView {
    let (teams, changed) = (AllTeams::here().0, Changed::here());
    let (id, name) = (user.id, user.name.clone());
    let change = move |method: &'static str, team: TeamId| {
        spawn_local(async move {
            refused.try_set(api::team::change_member(method, team, id).await.err().map(|problem| *problem));
            changed.tell();
        });
    };
    let tag = |team: &Team| {
        let (team_id, label) = (team.id, format!(" {} from {}", user.name, team.name));
        view! {
            <li class="tag">
                {team.name.clone()}
                <button type="button" class="quiet" on:click=move |_| change("DELETE", team_id)>
                    "Take out"<span class="hidden">{label}</span>
                </button>
            </li>
        }
    };
    let mine: Vec<TeamId> = user.teams.iter().map(|team| team.id).collect();
    let options = Signal::derive(move || {
        teams.value.with(|page| {
            let items = page.iter().flat_map(|page| &page.items);
            let others = items.filter(|team| !mine.contains(&team.id));
            let others = others.map(|team| (team.id.to_string(), team.name.clone()));
            std::iter::once((String::new(), "Add to …".to_owned())).chain(others).collect::<Options>()
        })
    });
    let join = move |team: String| {
        if let Ok(team) = team.parse() {
            change("PUT", team);
        }
    };
    view! {
        <div class="membership">
            <ul class="tags">{user.teams.iter().map(tag).collect_view()}</ul>
            <Change label=format!("Add {name} to a team") options value=Signal::stored(String::new()) button="Add" change=join />
        </div>
    }
}
