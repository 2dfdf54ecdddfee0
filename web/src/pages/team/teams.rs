//! Teams, which own what their members make: who is in which, and the form that makes one. For administrators.

use crate::{
    api,
    components::{
        field::{Refusal, TextField},
        problem::Problems,
    },
    load::{self, Loaded},
};
use hrm_types::{
    Page,
    account::{Team, User},
    ids::TeamId,
    problem::Problem,
};
use leptos::{prelude::*, task::spawn_local};

/// The teams, shared by what on the page names them.
#[derive(Clone, Copy)]
pub(super) struct AllTeams(pub(super) Loaded<Page<Team>>);

/// Fetches the teams for everything below; called once.
pub(super) fn provide() {
    provide_context(AllTeams(load::load(api::team::list_teams)));
}

/// The names of all teams.
pub(super) fn names() -> Vec<String> {
    let all = expect_context::<AllTeams>().0;
    all.value.with(|page| page.iter().flat_map(|page| &page.items).map(|team| team.name.clone()).collect())
}

/// The teams, and the form that makes one.
#[component]
pub(super) fn Teams() -> impl IntoView {
    let all = expect_context::<AllTeams>().0;
    let (refusal, name, said) = (Refusal::new(), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        refusal.clear();
        let wanted = name.get_untracked().trim().to_owned();
        spawn_local(async move {
            match api::team::create_team(&wanted).await {
                Ok(team) => {
                    said.try_set(format!("{} has no members yet.", team.name));
                    name.try_set(String::new());
                    all.refresh();
                }
                Err(problem) => refusal.set(*problem),
            }
        });
    };
    let tags = move || names().into_iter().map(|name| view! { <li class="tag">{name}</li> }).collect_view();
    view! {
        <section class="part" aria-labelledby="teams-title">
            <h2 id="teams-title">"Teams"</h2>
            <p class="muted">"Runs, datasets and models belong to a team. Others do not see them, unless they are public."</p>
            <Problems of=all.problem />
            <ul class="tags">{tags}</ul>
            <form class="line" on:submit=submit>
                <TextField id="team-name" label="A new team" value=name wrong=refusal.of("name") placeholder="puzzlers" />
                <div class="line-end">
                    <button type="submit" disabled=move || name.with(|name| name.trim().is_empty())>"Make it"</button>
                    <span class="hint" role="status">{said}</span>
                </div>
            </form>
            <Problems of=refusal.beside(&["name"]) />
        </section>
    }
}

/// The teams of a user: each can be left, and another one joined.
#[component]
pub(super) fn Membership(user: User, all: Loaded<Page<User>>, refused: RwSignal<Option<Problem>>) -> impl IntoView {
    let teams = expect_context::<AllTeams>().0;
    let (id, name) = (user.id, user.name.clone());
    let change = move |method: &'static str, team: TeamId| {
        spawn_local(async move {
            refused.try_set(api::team::change_member(method, team, id).await.err().map(|problem| *problem));
            all.refresh();
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
