//! Names that move from model to model: those that this one has, and a form that gives it another.

use crate::{
    api,
    components::{
        field::{Refusal, TextField},
        problem::Problems,
    },
    load,
};
use hrm_types::ids::CheckpointId;
use leptos::{prelude::*, task::spawn_local};

/// The alias that most labs want.
const CHAMPION: &str = "champion";

/// The aliases of a model.
#[component]
pub(super) fn Aliases(id: CheckpointId) -> impl IntoView {
    let all = load::load(api::models::list_aliases);
    let (refusal, name) = (Refusal::new(), RwSignal::new(String::new()));
    let said = RwSignal::new(String::new());
    let held = move |name: &str| {
        all.value
            .with(|page| page.iter().flat_map(|page| &page.items).find(|alias| alias.name == name).map(|a| a.model_id))
    };
    let give = move |alias: String| {
        let before = untrack(|| held(&alias));
        spawn_local(async move {
            match api::models::set_alias(id, &alias).await {
                Ok(()) => {
                    let taken = before.is_some_and(|before| before != id);
                    said.try_set(format!(
                        "It is {alias} now{}.",
                        if taken { ", and another model no more" } else { "" }
                    ));
                    name.try_set(String::new());
                    all.refresh();
                }
                Err(problem) => refusal.set(*problem),
            }
        });
    };
    let take = move |alias: String| {
        spawn_local(async move {
            match api::models::remove_alias(id, &alias).await {
                Ok(()) => {
                    said.try_set(format!("{alias} is free."));
                    all.refresh();
                }
                Err(problem) => refusal.set(*problem),
            }
        });
    };
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        refusal.clear();
        give(name.get_untracked().trim().to_owned());
    };
    let mine = Memo::new(move |_| {
        all.value.with(|page| {
            let items = page.iter().flat_map(|page| &page.items);
            items.filter(|alias| alias.model_id == id).map(|alias| alias.name.clone()).collect::<Vec<_>>()
        })
    });
    let tag = move |alias: String| {
        let (name, named) = (alias.clone(), alias.clone());
        view! {
            <li class="tag">
                {alias}
                <button type="button" class="quiet" on:click=move |_| take(name.clone())>
                    "Take"<span class="hidden">" the alias "{named}</span>
                </button>
            </li>
        }
    };
    view! {
        <div class="aliases">
            <h3>"Aliases"</h3>
            <p class="muted">"A name that moves: whoever asks for it gets the model that has it now."</p>
            <Problems of=all.problem />
            <Show when=move || mine.with(|mine| !mine.is_empty())>
                <ul class="tags">{move || mine.get().into_iter().map(tag).collect_view()}</ul>
            </Show>
            <form class="line" on:submit=submit>
                <TextField id="alias" label="Alias" value=name wrong=refusal.of("name") placeholder=CHAMPION />
                <div class="line-end">
                    <button type="submit" disabled=move || name.with(|name| name.trim().is_empty())>"Give"</button>
                    <Show when=move || !mine.with(|mine| mine.iter().any(|alias| alias == CHAMPION))>
                        <button type="button" on:click=move |_| give(CHAMPION.into())>"Make it the champion"</button>
                    </Show>
                </div>
            </form>
            <p class="hint" role="status">{said}</p>
            <Problems of=refusal.beside(&["name"]) />
        </div>
    }
}
