//! Teams, which own what their members make: each can be renamed and deleted, and a form makes one. For administrators.

use super::Changed;
use crate::{
    api, browser,
    components::{ago::Ago, confirm::Confirm, field::TextField, problem::Problems, submission::Submission},
    load::{self, Loaded},
    working_team,
};
use hrm_types::{Page, account::Team, ids::TeamId};
use leptos::{html, prelude::*};

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
    let (sent, name) = (Submission::new(), RwSignal::new(String::new()));
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if !sent.begin() {
            return;
        }
        let wanted = name.get_untracked().trim().to_owned();
        let made = move |team: Team| {
            sent.say(format!("{} has no members yet.", team.name));
            name.set(String::new());
        };
        let make = async move {
            let team = api::team::create_team(&wanted).await?;
            changed.tell();
            Ok(team)
        };
        sent.send(make, made);
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
                        <Row id said=sent.said />
                    </For>
                </tbody>
            </table>
            <form class="line" on:submit=submit>
                <TextField id="team-name" label="A new team" value=name wrong=sent.refusal.of("name") placeholder="puzzlers" />
                <div class="line-end">
                    <button type="submit" disabled=move || name.with(|name| name.trim().is_empty()) aria-disabled=move || sent.busy().to_string()>
                        "Make it"
                    </button>
                    <span class="hint" role="status">{sent.said}</span>
                </div>
            </form>
            <Problems of=sent.refusal.beside(&["name"]) />
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
    let (renaming, sent) = (RwSignal::new(false), Submission::new());
    let delete = move || {
        if !sent.begin() {
            return;
        }
        said.set(String::new());
        let words = format!("{} is deleted.", name.get_untracked());
        let delete = async move {
            api::team::delete_team(id).await?;
            changed.tell();
            Ok(())
        };
        sent.send(delete, move |()| {
            said.set(words);
            browser::focus("teams-title");
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
                    <Rename id name renaming sent />
                </Show>
                <Problems of=sent.refusal.beside(&[]) />
            </th>
            <td data-label="Since">{move || team.with(|team| team.as_ref().map(|team| view! { <Ago at=team.created_at /> }))}</td>
            <td class="right">
                <Show when=move || id != TeamId::LOCAL && !renaming.get()>
                    <button type="button" class="quiet" node_ref=button on:click=move |_| renaming.set(true)>
                        "Rename"<span class="hidden">" the team "{name}</span>
                    </button>
                    <Confirm label="Delete" about=name.get_untracked() question act=delete />
                </Show>
            </td>
        </tr>
    }
}

/// The form that gives a team another name.
#[component]
fn Rename(id: TeamId, name: Memo<String>, renaming: RwSignal<bool>, sent: Submission) -> impl IntoView {
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
        sent.refusal.clear();
        renaming.set(false);
    };
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let (before, wanted) = (name.get_untracked(), wanted.get_untracked().trim().to_owned());
        if wanted == before {
            return close();
        }
        if !sent.begin() {
            return;
        }
        let rename = async move {
            let team = api::team::rename_team(id, &wanted).await?;
            working_team::renamed(&before, &team.name);
            changed.tell();
            Ok(())
        };
        sent.send(rename, move |()| renaming.set(false));
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
