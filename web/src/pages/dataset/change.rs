//! What a dataset is called, and who may read it.

use crate::{
    api,
    components::{
        field::{Refusal, TextField},
        problem::Problems,
    },
    load::Loaded,
    session,
};
use hrm_types::dataset::{ChangeDataset, Dataset};
use leptos::{prelude::*, task::spawn_local};

/// The form that changes both.
#[component]
pub(super) fn Change(dataset: Loaded<Dataset>) -> impl IntoView {
    let known = dataset.value.get_untracked();
    let name = RwSignal::new(known.as_ref().map(|dataset| dataset.name.clone()).unwrap_or_default());
    let public = RwSignal::new(known.as_ref().is_some_and(|dataset| dataset.public));
    let (refusal, said) = (Refusal::new(), RwSignal::new(String::new()));
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        refusal.clear();
        let Some(id) = dataset.value.with_untracked(|dataset| dataset.as_ref().map(|dataset| dataset.id)) else {
            return;
        };
        let wanted =
            ChangeDataset { name: Some(name.get_untracked().trim().into()), public: Some(public.get_untracked()) };
        spawn_local(async move {
            match api::data::change_dataset(id, &wanted).await {
                Ok(changed) => {
                    said.try_set("Saved.".into());
                    dataset.value.try_set(Some(changed));
                }
                Err(problem) => refusal.set(*problem),
            }
        });
    };
    let changed = move || {
        dataset.value.with(|dataset| {
            let differs = |known: &Dataset| name.with(|name| name.trim() != known.name) || public.get() != known.public;
            dataset.as_ref().is_some_and(differs)
        })
    };
    view! {
        <form on:submit=submit>
            <TextField id="dataset-name" label="Name" value=name wrong=refusal.of("name") />
            // Where there are no accounts, everything is the local owner's.
            <Show when=|| session::me().is_some_and(|me| me.accounts)>
                <label class="check">
                    <input type="checkbox" prop:checked=public on:change=move |event| public.set(event_target_checked(&event)) />
                    "Everybody with an account may read it, train on it and evaluate with it"
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
