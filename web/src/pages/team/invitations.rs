//! Invitations: who may become a user, and the form that invites somebody. For administrators.

use super::{Changed, role_named, role_options, secret::Secret, teams, tokens::until};
use crate::{
    api, browser,
    components::{
        confirm::Confirm,
        field::{ChoiceField, TextField},
        problem::Problems,
        submission::Submission,
    },
    load::{self, Loaded},
};
use hrm_types::{
    Page,
    account::{CreateInvitation, Invitation},
    problem::Problem,
};
use leptos::{prelude::*, task::spawn_local};

/// Invitations that can still be accepted.
#[component]
pub(super) fn Invitations() -> impl IntoView {
    let changed = Changed::here();
    let all = load::load(move || {
        changed.track();
        api::team::list_invitations()
    });
    let open = move || {
        all.value.with(|page| {
            let items = page.as_ref().map(|page| page.items.as_slice()).filter(|items| !items.is_empty())?;
            Some(table(items, all))
        })
    };
    view! {
        <section class="part" aria-labelledby="invitations-title">
            <h2 id="invitations-title">"Invitations"</h2>
            <p class="muted">"Whoever opens an invitation's address within a week chooses a password and is that user."</p>
            <Problems of=all.problem />
            {open}
            <Invite all />
        </section>
    }
}

fn table(invitations: &[Invitation], all: Loaded<Page<Invitation>>) -> impl IntoView + use<> {
    let refused = RwSignal::new(None::<Problem>);
    let row = |invitation: &Invitation| {
        let id = invitation.id;
        let take_back = move || {
            spawn_local(async move {
                refused.try_set(api::team::take_invitation_back(id).await.err().map(|problem| *problem));
                all.refresh();
            });
        };
        let question = Signal::stored(format!("Take the invitation of {} back?", invitation.name));
        view! {
            <tr>
                <th scope="row">{invitation.name.clone()}</th>
                <td data-label="Role">{invitation.role.as_str()}</td>
                <td data-label="Team">{invitation.team.clone()}</td>
                <td data-label="Until">{until(invitation.expires_at)}</td>
                <td class="right"><Confirm label="Take back" about=invitation.name.clone() question act=take_back /></td>
            </tr>
        }
    };
    view! {
        <Problems of=refused />
        <table class="rows team-rows">
            <thead>
                <tr>
                    <th scope="col">"Invited"</th>
                    <th scope="col">"Role"</th>
                    <th scope="col">"Team"</th>
                    <th scope="col">"Until"</th>
                    <th scope="col"><span class="hidden">"Take back"</span></th>
                </tr>
            </thead>
            <tbody>{invitations.iter().map(row).collect_view()}</tbody>
        </table>
    }
}

/// The form, and the address of the invitation it made.
#[component]
fn Invite(all: Loaded<Page<Invitation>>) -> impl IntoView {
    let (name, role) = (RwSignal::new(String::new()), RwSignal::new("member".to_owned()));
    let team = RwSignal::new(String::new());
    let (sent, made) = (Submission::new(), RwSignal::new(None::<String>));
    let refusal = sent.refusal;
    let options = Signal::derive(|| teams::names().into_iter().map(|name| (name.clone(), name)).collect::<Vec<_>>());
    Effect::new(move |_| {
        let first = options.with(|options| options.last().map(|(name, _)| name.clone()));
        if let Some(first) = first.filter(|_| team.with_untracked(String::is_empty)) {
            team.set(first);
        }
    });
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if !sent.begin() {
            return;
        }
        made.set(None);
        let request = CreateInvitation {
            name: name.get_untracked().trim().into(),
            role: role_named(&role.get_untracked()),
            team: team.get_untracked(),
        };
        sent.send(async move { api::team::invite(&request).await }, move |created| {
            made.set(Some(format!("{}{}", browser::origin(), created.path)));
            name.set(String::new());
            all.refresh();
        });
    };
    view! {
        <form class="line" on:submit=submit>
            <TextField id="invite-name" label="Name" value=name wrong=refusal.of("name") placeholder="bob" />
            <ChoiceField id="invite-role" label="Role" value=role options=Signal::stored(role_options()) />
            <ChoiceField id="invite-team" label="Team" value=team options wrong=refusal.of("team") />
            <div class="line-end">
                <button type="submit" class="primary" disabled=move || name.with(|name| name.trim().is_empty()) aria-disabled=move || sent.busy().to_string()>
                    "Invite"
                </button>
            </div>
        </form>
        <Problems of=refusal.beside(&["name", "team"]) />
        <Secret title="The invitation's address" made note="It is shown this once: give it to nobody but the invited person." />
    }
}
