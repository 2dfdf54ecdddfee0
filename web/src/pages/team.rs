//! Team: who is here, who else has an account, and with what programs come in.

mod invitations;
mod members;
mod membership;
mod mine;
mod secret;
mod teams;
mod tokens;

use crate::{
    api,
    components::{
        page::Page,
        problem::{Problems, Waiting},
    },
    load,
    session::{self, Session, SignOut},
    working_team,
};
use hrm_types::account::{Me, Role, Scope};
use invitations::Invitations;
use leptos::prelude::*;
use members::Members;
use mine::Mine;
use teams::Teams;
use tokens::Tokens;

/// The page at `/team`.
#[component]
pub(crate) fn TeamPage() -> impl IntoView {
    let me = load::load(api::team::get_me);
    let content = move || {
        me.value.with(|me| match me {
            None => view! { <Waiting /> }.into_any(),
            Some(me) if !me.accounts => nobody().into_any(),
            Some(me) => accounts(me).into_any(),
        })
    };
    view! {
        <Page title="Team" lead="Who may do what here: people, teams that own what is made, and tokens for programs.">
            <Problems of=me.problem />
            {content}
        </Page>
    }
}

/// Tells everything on the page that names people or teams, its frame too, that they have changed.
#[derive(Clone, Copy)]
struct Changed {
    again: Trigger,
    session: Session,
}

impl Changed {
    /// The one of this page, to be taken where the context is at hand.
    fn here() -> Self {
        expect_context()
    }

    /// What reads this is told.
    fn track(self) {
        self.again.track();
    }

    fn tell(self) {
        self.again.notify();
        self.session.look();
    }
}

/// What the page says while there are no accounts.
fn nobody() -> impl IntoView {
    view! {
        <section class="part" aria-labelledby="first-title">
            <h2 id="first-title">"There are no accounts"</h2>
            <p class="prose">
                "This server listens on this machine alone, and whoever uses this machine is its one local owner: nobody signs in, and everything may be done. To let others in, make the first account on the command line. It is an administrator's, and from then on everybody signs in, here, too."
            </p>
            <pre tabindex="0" role="region" aria-label="Commands that make the first account">
                "hrm user add ann                 # asks for a password\nhrm serve --bind 0.0.0.0:8080    # a proxy before it should speak TLS"
            </pre>
            <p class="prose">"Then this page invites the others, and makes the tokens that programs send."</p>
        </section>
    }
}

fn accounts(me: &Me) -> impl IntoView + use<> {
    let admin = me.scopes.contains(&Scope::Admin);
    let scopes = me.scopes.clone();
    let known = me.teams.clone();
    let (name, role) = (me.name.clone(), me.role);
    let makes = me.scopes.contains(&Scope::Write);
    let owned = move || {
        let teams = session::me().map_or_else(|| known.clone(), |me| me.teams);
        let teams: Vec<_> = teams.into_iter().map(|team| team.name).collect();
        match teams.as_slice() {
            _ if !makes => String::new(),
            [] => "You are a member of no team, which could own what you make; ask an admin.".to_owned(),
            [one] => format!("What you make belongs to the team {one}."),
            [first, ..] => {
                let chosen = working_team::signal().get().unwrap_or_else(|| first.clone());
                format!("What you make belongs to the team {chosen}, which is chosen above among {}.", teams.join(", "))
            }
        }
    };
    provide_context(Changed { again: Trigger::new(), session: Session::here() });
    view! {
        <section class="part" aria-labelledby="you-title">
            <h2 id="you-title">"You"</h2>
            <p class="prose">
                "You are "<b>{name}</b>", "{role_words(role)}". "{owned}
            </p>
            <p class="page-actions">
                <SignOut />
                <a class="button" href="/password" rel="external">"Change password"</a>
            </p>
        </section>
        <Mine />
        <Tokens scopes />
        {admin.then(|| { teams::provide(); view! { <Members /><Teams /><Invitations /> } })}
    }
}

/// A role, and what it means.
pub(crate) fn role_words(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a viewer, who reads and solves",
        Role::Member => "a member, who makes and changes things, too",
        Role::Admin => "an admin, who may do everything",
    }
}

/// The roles as a field's options.
fn role_options() -> Vec<(String, String)> {
    let label = |role: Role| match role {
        Role::Viewer => "viewer: reads and solves",
        Role::Member => "member: makes and changes, too",
        Role::Admin => "admin: everything",
    };
    Role::ALL.map(|role| (role.as_str().to_owned(), label(role).to_owned())).to_vec()
}

/// The role of that name.
fn role_named(name: &str) -> Role {
    Role::ALL.into_iter().find(|role| role.as_str() == name).unwrap_or(Role::Viewer)
}
