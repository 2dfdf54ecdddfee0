//! Which weights a training begins with: drawn ones, or those of a model.

use super::{
    FormState,
    fields::field_id,
    form::{DATASET, Form, SOURCE, START},
};
use crate::{components::claimed::exact_words, format};
use hrm_types::{board::Kind, model::Model};
use leptos::prelude::*;

/// The choice among the models for such puzzles. With a model come its settings of the model, which its weights need.
#[component]
pub(super) fn StartChoice(state: FormState) -> impl IntoView {
    let id = field_id(START);
    let note = format!("{id}-note");
    let chosen = Memo::new(move |_| state.form.with(|form| form.get(START).to_owned()));
    let error = Memo::new(move |_| state.error_at(START));
    let puzzles = Memo::new(move |_| puzzles(state));
    let choose = move |event: web_sys::Event| {
        let wanted = event_target_value(&event);
        state.set(START, wanted.clone());
        let model = state.models.value.with_untracked(|page| {
            page.iter().flat_map(|page| page.items.iter()).find(|model| is(model, &wanted)).cloned()
        });
        if let Some(model) = model {
            state.form.update(|form| form.take_model_of(&Form::of(&model.experiment)));
        }
    };
    let options = move || {
        let (chosen, puzzles) = (chosen.get(), puzzles.get());
        state.models.value.with(|page| {
            let models = page.iter().flat_map(|page| page.items.iter());
            let fits = |model: &&Model| {
                is(model, &chosen)
                    || puzzles.is_some_and(|(kind, side)| (model.kind.as_str(), model.side) == (kind.as_str(), side))
            };
            let fitting: Vec<&Model> = models.filter(fits).collect();
            // An experiment may name one that is not listed here.
            let other = (!chosen.is_empty() && !fitting.iter().any(|model| is(model, &chosen)))
                .then(|| view! { <option value=chosen.clone() selected=true>{format::short_hash(&chosen)}</option> });
            let listed = fitting.into_iter().map(|model| option(model, &chosen)).collect_view();
            view! { <option value="" selected=chosen.is_empty()>"drawn weights"</option>{other}{listed} }
        })
    };
    let hint = move || {
        error.get().unwrap_or_else(|| {
            if chosen.get().is_empty() {
                "or those of a model, to train it further".into()
            } else {
                "only its weights; the settings of the model must be its own, the puzzles and the training may differ"
                    .into()
            }
        })
    };
    view! {
        <div class="field wide" class:invalid=move || error.get().is_some()>
            <label for=id.clone()>"Begin with"</label>
            <select id=id name=START aria-describedby=note.clone() on:change=choose>{options}</select>
            <p class="hint" id=note>{hint}</p>
        </div>
    }
}

/// Whether a text in the field names the model.
fn is(model: &Model, named: &str) -> bool {
    model.sha256 == named || model.name == named || model.id.to_string() == named
}

/// The kind and side of the puzzles that the form asks for, as far as it is known.
fn puzzles(state: FormState) -> Option<(Kind, u8)> {
    let text = |path: &str| state.form.with(|form| form.get(path).to_owned());
    if text(SOURCE) == "stored" {
        return state.dataset(&text(DATASET)).map(|dataset| (dataset.kind, dataset.side));
    }
    Some((text("data.kind").parse().ok()?, text("data.side").trim().parse().ok()?))
}

fn option(model: &Model, chosen: &str) -> impl IntoView + use<> {
    let score = model.evaluation.as_ref().map(|score| exact_words(score.exact_accuracy, model.claimed));
    let score = score.map(|score| format!(", {score}")).unwrap_or_default();
    let label = format!("{}: {} weights{score}", model.name, format::short_count(model.parameters));
    view! { <option value=model.sha256.clone() selected=is(model, chosen)>{label}</option> }
}
