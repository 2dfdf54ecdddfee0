//! Everybody with an account: roles, teams, and who is kept out. For administrators.

use super::{Changed, membership::Membership, role_named};
use crate::{
    api, browser,
    components::{
        ago::Ago,
        change::Change,
        confirm::Confirm,
        problem::{Problems, Waiting},
    },
    load,
};
use hrm_types::{
    account::{ChangeUser, Role, User},
    problem::Problem,
};
use leptos::{prelude::*, task::spawn_local};

/// The users.
#[component]
pub(super) fn Members() -> impl IntoView {
    let changed = Changed::here();
    let users = load::load(move || {
        changed.track();
        api::team::list_users()
    });
    let refused = RwSignal::new(None::<Problem>);
    let list = move || {
        browser::hold_focus();
        users.value.with(|page| match page {
            None => view! { <Waiting /> }.into_any(),
            Some(page) => table(&page.items, changed, refused).into_any(),
        })
    };
    view! {
        <section class="part" aria-labelledby="members-title">
            <h2 id="members-title" tabindex="-1">"People"</h2>
            <p class="muted">"Accounts are not deleted, since what they made names them; who is kept out is refused with every session and token."</p>
            <Problems of=users.problem />
            <Problems of=refused />
            {list}
        </section>
    }
}

fn table(users: &[User], changed: Changed, refused: RwSignal<Option<Problem>>) -> impl IntoView + use<> {
    let row = |user: &User| {
        let (id, name, disabled, role) = (user.id, user.name.clone(), user.disabled, user.role);
        let change = move |wanted: ChangeUser| {
            spawn_local(async move {
                refused.try_set(api::team::change_user(id, &wanted).await.err().map(|problem| *problem));
                // Also after a refusal: somebody else may have changed what stands.
                changed.tell();
            });
        };
        let choose = move |wanted: String| change(ChangeUser { role: Some(role_named(&wanted)), disabled: None });
        let roles = Role::ALL.map(|role| (role.as_str().to_owned(), role.as_str().to_owned())).to_vec();
        let stands = Signal::stored(role.as_str().to_owned());
        let keep_out = move || change(ChangeUser { role: None, disabled: Some(true) });
        let let_in = move |_| change(ChangeUser { role: None, disabled: Some(false) });
        let question = Signal::stored(format!("Keep {name} out from now on?"));
        view! {
            <tr class:kept-out=disabled>
                <th scope="row">{name.clone()}{disabled.then(|| view! { <span class="aside">"kept out"</span> })}</th>
                <td data-label="Role">
                    <Change label=format!("Role of {name}") options=Signal::stored(roles) value=stands button="Change" change=choose />
                </td>
                <td data-label="Teams"><Membership user=user.clone() refused /></td>
                <td data-label="Since"><Ago at=user.created_at /></td>
                <td class="right">
                    {if disabled {
                        view! { <button type="button" class="quiet" aria-label=format!("Let in: {name}") on:click=let_in>"Let in"</button> }.into_any()
                    } else {
                        view! { <Confirm label="Keep out" about=name question act=keep_out /> }.into_any()
                    }}
                </td>
            </tr>
        }
    };
    view! {
        <table class="rows team-rows">
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Role"</th>
                    <th scope="col">"Teams"</th>
                    <th scope="col">"Since"</th>
                    <th scope="col"><span class="hidden">"Keep out"</span></th>
                </tr>
            </thead>
            <tbody>{users.iter().map(row).collect_view()}</tbody>
        </table>
    }
}
