//! What a model is called, and who may read it.

use crate::{
    api::{self, models::ChangeModel},
    components::{
        field::{Refusal, TextField},
        problem::Problems,
    },
    load::Loaded,
    session,
};
use hrm_types::model::Model;
use leptos::{prelude::*, task::spawn_local};

/// The form that changes both.
#[component]
pub(super) fn Change(model: Loaded<Model>) -> impl IntoView {
    let known = model.value.get_untracked();
    let name = RwSignal::new(known.as_ref().map(|model| model.name.clone()).unwrap_or_default());
    let public = RwSignal::new(known.as_ref().is_some_and(|model| model.public));
    let (refusal, said) = (Refusal::new(), RwSignal::new(String::new()));
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        refusal.clear();
        let Some(id) = model.value.with_untracked(|model| model.as_ref().map(|model| model.id)) else { return };
        let wanted =
            ChangeModel { name: Some(name.get_untracked().trim().into()), public: Some(public.get_untracked()) };
        spawn_local(async move {
            match api::models::change_model(id, &wanted).await {
                Ok(changed) => {
                    said.try_set("Saved.".into());
                    model.value.try_set(Some(changed));
                }
                Err(problem) => refusal.set(*problem),
            }
        });
    };
    let changed = move || {
        model.value.with(|model| {
            model
                .as_ref()
                .is_some_and(|model| name.with(|name| name.trim() != model.name) || public.get() != model.public)
        })
    };
    view! {
        <form on:submit=submit>
            <TextField id="model-name" label="Name" value=name wrong=refusal.of("name") />
            // Where there are no accounts, everything is the local owner's.
            <Show when=|| session::me().is_some_and(|me| me.accounts)>
                <label class="check">
                    <input type="checkbox" prop:checked=public on:change=move |event| public.set(event_target_checked(&event)) />
                    "Everybody with an account may solve with it and download it"
                </label>
            </Show>
            <p class="form-end">
                <button type="submit" disabled=move || !changed()>"Save"</button>
                <span class="hint" role="status">{said}</span>
            </p>
            <Problems of=refusal.beside(&["name"]) />
        </form>
    }
}
