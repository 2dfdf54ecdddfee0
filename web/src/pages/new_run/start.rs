//! Which weights a training begins with: drawn ones, or those of a model.

use super::{
    FormState,
    fields::field_id,
    form::{Form, START},
};
use crate::{
    api,
    components::{
        claimed::known_words,
        namesakes::{called, repeated},
        problem::Problems,
    },
    format, load,
};
use hrm_types::{Page, model::Model};
use leptos::prelude::*;

/// The choice among the models for such puzzles. With a model come its settings of the model, which its weights need.
#[component]
pub(super) fn StartChoice(state: FormState) -> impl IntoView {
    let id = field_id(START);
    let note = format!("{id}-note");
    let chosen = Memo::new(move |_| state.form.with(|form| form.get(START).to_owned()));
    let error = Memo::new(move |_| state.error_at(START));
    let puzzles = Memo::new(move |_| state.puzzles().map(|puzzles| (puzzles.kind, puzzles.side)));
    let models = load::load(move || {
        let puzzles = puzzles.get();
        async move {
            match puzzles {
                Some((kind, side)) => api::models::for_puzzles(kind, side).await,
                None => Ok(Page { items: Vec::new(), next_cursor: None }),
            }
        }
    });
    let choose = move |event: web_sys::Event| {
        let wanted = event_target_value(&event);
        let model = models
            .value
            .with_untracked(|page| page.iter().flat_map(|page| &page.items).find(|model| is(model, &wanted)).cloned());
        state.set(START, wanted);
        if let Some(model) = model {
            state.form.update(|form| form.take_model_of(&Form::of(&model.experiment)));
        }
    };
    let options = move || {
        let chosen = chosen.get();
        models.value.with(|page| {
            let mut known: Vec<&Model> = page.iter().flat_map(|page| &page.items).collect();
            known.sort_by(|a, b| (&a.sha256, a.id).cmp(&(&b.sha256, b.id)));
            known.dedup_by(|a, b| a.sha256 == b.sha256);
            known.sort_by_key(|model| std::cmp::Reverse(model.id));
            // An experiment may name one that is not listed here.
            let other = (!chosen.is_empty() && !known.iter().any(|model| is(model, &chosen))).then(|| {
                let words = if chosen.len() == 64 { format::short_hash(&chosen) } else { chosen.clone() };
                view! { <option value=chosen.clone() selected=true>{words}</option> }
            });
            let repeated = repeated(known.iter().map(|model| &model.name));
            let called = |model: &Model| called(&model.name, model.experiment.seed, &repeated);
            let listed = known.iter().map(|model| option(model, &called(model), &chosen)).collect_view();
            view! { <option value="" selected=chosen.is_empty()>"drawn weights"</option>{other}{listed} }
        })
    };
    let more = move || models.value.with(|page| page.as_ref().is_some_and(|page| page.next_cursor.is_some()));
    let hint = move || {
        error.get().unwrap_or_else(|| {
            if chosen.get().is_empty() {
                "or those of a model, to train it further".into()
            } else {
                "only its weights; settings that decide their sizes must be the model's, the training and the puzzles may differ"
                    .into()
            }
        })
    };
    view! {
        <div class="field wide" class:invalid=move || error.get().is_some()>
            <label for=id.clone()>"Begin with"</label>
            <select id=id name=START aria-describedby=note.clone() on:change=choose>{options}</select>
            <p class="hint" id=note>
                {hint}
                {move || more().then_some("; the list ends with the newest 100 models: to begin with another, open it under Models")}
            </p>
            <Problems of=models.problem />
        </div>
    }
}

/// Whether a text in the field names the model.
fn is(model: &Model, named: &str) -> bool {
    model.sha256 == named || model.name == named || model.id.to_string() == named
}

/// A model to choose, which is called so.
fn option(model: &Model, name: &str, chosen: &str) -> impl IntoView + use<> {
    let (score, stated) = (model.evaluation.as_ref().map(|score| score.exact_accuracy), model.stated);
    let known = known_words(score, model.claimed, stated.map(|stated| stated.exact_accuracy));
    let known = known.map(|words| format!(", {words}")).unwrap_or_default();
    let label = format!("{name}: {} weights{known}", format::short_count(model.parameters));
    view! { <option value=model.sha256.clone() selected=is(model, chosen)>{label}</option> }
}
