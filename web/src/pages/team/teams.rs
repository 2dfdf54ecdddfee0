//! Teams, which own what their members make: each can be renamed and deleted, and a form makes one. For administrators.

use super::Changed;
use crate::{
    api, browser,
    components::{
        ago::Ago,
        confirm::Confirm,
        field::{Refusal, TextField},
        problem::Problems,
    },
    load::{self, Loaded},
    working_team,
};
use hrm_types::{Page, account::Team, ids::TeamId, problem::Problem};
use leptos::{html, prelude::*, task::spawn_local};

/// The teams, shared by what on the page names them.
#[derive(Clone, Copy)]
pub(super) struct AllTeams(pub(super) Loaded<Page<Team>>);

impl AllTeams {
    pub(super) fn here() -> Self {
        expect_context()
    }

    fn ids(self) -> Vec<TeamId> {
        self.0.value.with(|page| page.iter().flat_map(|page| &page.items).map(|team| team.id).collect())
    }

    fn find(self, id: TeamId) -> Option<Team> {
        self.0.value.with(|page| page.iter().flat_map(|page| &page.items).find(|team| team.id == id).cloned())
    }
}

/// Fetches the teams for everything below; called once.
pub(super) fn provide() {
    let changed = Changed::here();
    provide_context(AllTeams(load::load(move || {
        changed.track();
        api::team::list_teams()
    })));
}

/// The names of all teams.
pub(super) fn names() -> Vec<String> {
    let all = AllTeams::here().0;
    all.value.with(|page| page.iter().flat_map(|page| &page.items).map(|team| team.name.clone()).collect())
}

/// The teams, and the form that makes one.
#[component]
pub(super) fn Teams() -> impl IntoView {
    let (all, changed) = (AllTeams::here(), Changed::here());
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
                    changed.tell();
                }
                Err(problem) => refusal.set(*problem),
            }
        });
    };
    view! {
        <section class="part" aria-labelledby="teams-title">
            <h2 id="teams-title" tabindex="-1">"Teams"</h2>
            <p class="muted">"Runs, datasets and models belong to a team. Others do not see them, unless they are public."</p>
            <Problems of=all.0.problem />
            <table class="rows team-rows">
                <thead>
                    <tr>
                        <th scope="col">"Team"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col"><span class="hidden">"Rename or delete"</span></th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || all.ids() key=|id| *id let:id>
                        <Row id said />
                    </For>
                </tbody>
            </table>
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

/// A team, with what an administrator may do to it. What is made without accounts belongs to the local one, which stays as it
/// is.
#[component]
fn Row(id: TeamId, said: RwSignal<String>) -> impl IntoView {
    let (all, changed) = (AllTeams::here(), Changed::here());
    let team = Memo::new(move |_| all.find(id));
    let name = Memo::new(move |_| team.with(|team| team.as_ref().map(|team| team.name.clone()).unwrap_or_default()));
    let (renaming, refused) = (RwSignal::new(false), RwSignal::new(None::<Problem>));
    let delete = move || {
        refused.set(None);
        let gone = format!("{} is deleted.", name.get_untracked());
        spawn_local(async move {
            match api::team::delete_team(id).await {
                Ok(()) => {
                    said.try_set(gone);
                    browser::focus("teams-title");
                    changed.tell();
                }
                Err(problem) => drop(refused.try_set(Some(*problem))),
            }
        });
    };
    let question = Signal::derive(move || format!("Delete the team {}? Its members stay users.", name.get()));
    let button = NodeRef::<html::Button>::new();
    // The focus comes back from the form.
    Effect::new(move |before: Option<bool>| {
        let now = renaming.get();
        if let Some(button) = button.get().filter(|_| before == Some(true) && !now) {
            // A button on the page takes it.
            let _ = button.focus();
        }
        now
    });
    view! {
        <tr>
            <th scope="row">
                <Show when=move || renaming.get() fallback=move || name>
                    <Rename id name renaming refused />
                </Show>
                <Problems of=refused />
            </th>
            <td data-label="Since">{move || team.with(|team| team.as_ref().map(|team| view! { <Ago at=team.created_at /> }))}</td>
            <td class="right">
                <Show when=move || id != TeamId::LOCAL && !renaming.get()>
                    <button type="button" class="quiet" node_ref=button on:click=move |_| renaming.set(true)>
                        "Rename"<span class="hidden">" the team "{name}</span>
                    </button>
                    <Confirm label="Delete" question act=delete />
                </Show>
            </td>
        </tr>
    }
}

/// The form that gives a team another name.
#[component]
fn Rename(
    id: TeamId,
    name: Memo<String>,
    renaming: RwSignal<bool>,
    refused: RwSignal<Option<Problem>>,
) -> impl IntoView {
    let changed = Changed::here();
    let wanted = RwSignal::new(name.get_untracked());
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            // A field on the page takes it.
            let _ = field.focus();
        }
    });
    let close = move || {
        refused.set(None);
        renaming.set(false);
    };
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let (before, wanted) = (name.get_untracked(), wanted.get_untracked().trim().to_owned());
        if wanted == before {
            return close();
        }
        spawn_local(async move {
            match api::team::rename_team(id, &wanted).await {
                Ok(team) => {
                    working_team::renamed(&before, &team.name);
                    changed.tell();
                    refused.try_set(None);
                    renaming.try_set(false);
                }
                Err(problem) => drop(refused.try_set(Some(*problem))),
            }
        });
    };
    let escape = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape" {
            close();
        }
    };
    view! {
        <form class="team-name" on:submit=save on:keydown=escape>
            <input
                type="text"
                maxlength="64"
                required
                autocomplete="off"
                spellcheck="false"
                aria-label=move || format!("New name of the team {}", name.get())
                node_ref=field
                prop:value=wanted
                on:input=move |event| wanted.set(event_target_value(&event))
            />
            <button type="submit" class="primary">"Save"</button>
            <button type="button" on:click=move |_| close()>"Leave as it is"</button>
        </form>
    }
}
