//! In which teams somebody is, each of which can be left, and another one joined. For administrators.

use super::{Changed, teams::AllTeams};
use crate::api;
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
    let others = move || {
        teams.value.with(|page| {
            let items = page.iter().flat_map(|page| &page.items);
            let others = items.filter(|team| !mine.contains(&team.id));
            others.map(|team| view! { <option value=team.id.to_string()>{team.name.clone()}</option> }).collect_view()
        })
    };
    let join = move |event: web_sys::Event| {
        if let Ok(team) = event_target_value(&event).parse() {
            change("PUT", team);
        }
    };
    view! {
        <div class="membership">
            <ul class="tags">{user.teams.iter().map(tag).collect_view()}</ul>
            <select aria-label=format!("Add {name} to a team") on:change=join>
                <option value="">"Add to …"</option>
                {others}
            </select>
        </div>
    }
}
