//! What something stored is called, and who may read it.

use super::{
    field::{TextField, Tick},
    problem::Problems,
    submission::Submission,
};
use crate::{api::Answer, session};
use leptos::prelude::*;
use std::pin::Pin;

/// A change on its way.
pub(crate) type Saving = Pin<Box<dyn Future<Output = Answer<()>>>>;

/// The form that changes both.
#[component]
pub(crate) fn Rename(
    /// The id of the name's field.
    id: &'static str,
    /// Name and whether it is public, as they are stored.
    #[prop(into)]
    known: Signal<Option<(String, bool)>>,
    /// What everybody may do with it if it is public.
    readers: &'static str,
    /// Stores both.
    save: Callback<(String, bool), Saving>,
) -> impl IntoView {
    let (name, public) = known.get_untracked().unwrap_or_default();
    let (name, public) = (RwSignal::new(name), RwSignal::new(public));
    let sent = Submission::new();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if sent.begin() {
            let saving = save.run((name.get_untracked().trim().into(), public.get_untracked()));
            sent.send(saving, move |()| sent.say("Saved."));
        }
    };
    let changed = move || {
        known.with(|known| {
            known.as_ref().is_some_and(|known| name.with(|name| name.trim() != known.0) || public.get() != known.1)
        })
    };
    view! {
        <form on:submit=submit>
            <TextField id label="Name" value=name wrong=sent.refusal.of("name") />
            <Show when=session::has_accounts>
                <Tick label=readers on=public />
            </Show>
            <p class="form-end">
                <button type="submit" disabled=move || !changed() aria-disabled=move || sent.busy().to_string()>"Save"</button>
                <span class="hint" role="status">{sent.said}</span>
            </p>
            <Problems of=sent.refusal.beside(&["name"]) />
        </form>
    }
}
