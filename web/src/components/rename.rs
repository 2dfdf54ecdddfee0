//! What something stored is called, and who may read it.

use super::{
    field::{Refusal, TextField, Tick},
    problem::Problems,
};
use crate::{api::Answer, session};
use leptos::{prelude::*, task::spawn_local};
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
    let (refusal, said) = (Refusal::new(), RwSignal::new(String::new()));
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        refusal.clear();
        let saving = save.run((name.get_untracked().trim().into(), public.get_untracked()));
        spawn_local(async move {
            match saving.await {
                Ok(()) => drop(said.try_set("Saved.".into())),
                Err(problem) => refusal.set(*problem),
            }
        });
    };
    let changed = move || {
        known.with(|known| {
            known.as_ref().is_some_and(|known| name.with(|name| name.trim() != known.0) || public.get() != known.1)
        })
    };
    view! {
        <form on:submit=submit>
            <TextField id label="Name" value=name wrong=refusal.of("name") />
            <Show when=session::has_accounts>
                <Tick label=readers on=public />
            </Show>
            <p class="form-end">
                <button type="submit" disabled=move || !changed()>"Save"</button>
                <span class="hint" role="status">{said}</span>
            </p>
            <Problems of=refusal.beside(&["name"]) />
        </form>
    }
}
