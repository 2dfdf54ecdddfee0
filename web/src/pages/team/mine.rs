//! The caller's teams, and who else is in each.

use super::Changed;
use crate::{
    api, clock,
    components::problem::{Problems, Waiting},
    format, load, session,
};
use hrm_types::account::{Team, TeamMember};
use leptos::prelude::*;

/// The teams; nothing for who is in none.
#[component]
pub(super) fn Mine() -> impl IntoView {
    let teams = Memo::new(|_| session::me().map(|me| me.teams).unwrap_or_default());
    let title = move || if teams.with(Vec::len) == 1 { "Your team" } else { "Your teams" };
    view! {
        <Show when=move || teams.with(|teams| !teams.is_empty())>
            <section class="part" aria-labelledby="mine-title">
                <h2 id="mine-title">{title}</h2>
                <p class="muted">"Whoever is in a team sees what belongs to it and, unless a viewer, may change it."</p>
                <For each=move || teams.get() key=|team| (team.id, team.name.clone()) let:team>
                    <People team />
                </For>
            </section>
        </Show>
    }
}

/// Who is in a team.
#[component]
fn People(team: Team) -> impl IntoView {
    let (id, changed) = (team.id, Changed::here());
    let members = load::load(move || {
        changed.track();
        api::team::list_members(id)
    });
    let label = format!("In the team {}", team.name);
    let list = move || {
        members.value.with(|page| match page {
            None if members.problem.with(Option::is_some) => ().into_any(),
            None => view! { <Waiting /> }.into_any(),
            Some(page) => {
                let others = page.next_cursor.is_some().then(|| view! { <li class="muted">"and others"</li> });
                view! { <ul class="tags" aria-label=label.clone()>{page.items.iter().map(tag).collect_view()}{others}</ul> }
                    .into_any()
            }
        })
    };
    view! {
        <div class="team-people">
            <h3>{team.name}</h3>
            <Problems of=members.problem />
            {list}
        </div>
    }
}

fn tag(member: &TeamMember) -> impl IntoView + use<> {
    let joined = format!("In the team since {}", format::exact(member.joined_at, clock::offset_at(member.joined_at)));
    let me = session::me().is_some_and(|me| me.name == member.name);
    view! { <li class="tag" title=joined>{member.name.clone()}" "<span class="muted">{standing(member, me)}</span></li> }
}

/// What is to be known of somebody beside the name.
fn standing(member: &TeamMember, me: bool) -> String {
    let parts = [Some(member.role.as_str()), member.disabled.then_some("kept out"), me.then_some("you")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_by_role_and_standing() {
        let mut member: TeamMember = serde_json::from_value(serde_json::json!({
            "id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": "bob", "role": "member", "disabled": false,
            "joined_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap();
        assert_eq!(standing(&member, true), "member, you");
        member.disabled = true;
        assert_eq!(standing(&member, false), "member, kept out");
    }
}
