//! Names that move from model to model: those that this one has, and a form that gives it another.

use crate::{
    api,
    components::{field::TextField, problem::Problems, submission::Submission},
    load,
};
use hrm_types::ids::CheckpointId;
use leptos::prelude::*;

/// The alias that most labs want.
const CHAMPION: &str = "champion";

/// The aliases of a model.
#[component]
pub(super) fn Aliases(id: CheckpointId) -> impl IntoView {
    let all = load::load(api::models::list_aliases);
    let (sent, name) = (Submission::new(), RwSignal::new(String::new()));
    let held = move |name: &str| {
        all.value
            .with(|page| page.iter().flat_map(|page| &page.items).find(|alias| alias.name == name).map(|a| a.model_id))
    };
    let give = move |alias: String| {
        if !sent.begin() {
            return;
        }
        let taken = untrack(|| held(&alias)).is_some_and(|before| before != id);
        let given = format!("It is {alias} now{}.", if taken { ", and another model no more" } else { "" });
        sent.send(async move { api::models::set_alias(id, &alias).await }, move |()| {
            sent.say(given);
            name.set(String::new());
            all.refresh();
        });
    };
    let take = move |alias: String| {
        if !sent.begin() {
            return;
        }
        let free = format!("{alias} is free.");
        sent.send(async move { api::models::remove_alias(id, &alias).await }, move |()| {
            sent.say(free);
            all.refresh();
        });
    };
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
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
                <TextField id="alias" label="Alias" value=name wrong=sent.refusal.of("name") placeholder=CHAMPION />
                <div class="line-end">
                    <button type="submit" disabled=move || name.with(|name| name.trim().is_empty()) aria-disabled=move || sent.busy().to_string()>
                        "Give"
                    </button>
                    <Show when=move || !mine.with(|mine| mine.iter().any(|alias| alias == CHAMPION))>
                        <button type="button" on:click=move |_| give(CHAMPION.into())>"Make it the champion"</button>
                    </Show>
                </div>
            </form>
            <p class="hint" role="status">{sent.said}</p>
            <Problems of=sent.refusal.beside(&["name"]) />
        </div>
    }
}
