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
        select::{Options, Select},
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
    let choose = move |wanted: String| {
        let model = models
            .value
            .with_untracked(|page| page.iter().flat_map(|page| &page.items).find(|model| is(model, &wanted)).cloned());
        state.set(START, wanted);
        if let Some(model) = model {
            state.form.update(|form| form.take_model_of(&Form::of(&model.experiment)));
        }
    };
    let options = Signal::derive(move || models.value.with(|page| options(page.as_ref(), &chosen.get())));
    // An experiment may name it otherwise than the options do.
    let value = Signal::derive(move || {
        let named = chosen.get();
        let file = models.value.with(|page| {
            page.iter().flat_map(|page| &page.items).find(|model| is(model, &named)).map(|model| model.sha256.clone())
        });
        file.unwrap_or(named)
    });
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
            <Select id name=START described_by=note.clone() options value choose />
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

/// What can be chosen where one is named so: each file once, by its newest model.
fn options(page: Option<&Page<Model>>, chosen: &str) -> Options {
    let mut known: Vec<&Model> = page.iter().flat_map(|page| &page.items).collect();
    known.sort_by(|a, b| (&a.sha256, a.id).cmp(&(&b.sha256, b.id)));
    known.dedup_by(|a, b| a.sha256 == b.sha256);
    known.sort_by_key(|model| std::cmp::Reverse(model.id));
    // An experiment may name one that is not listed here.
    let other = (!chosen.is_empty() && !known.iter().any(|model| is(model, chosen))).then(|| {
        let words = if chosen.len() == 64 { format::short_hash(chosen) } else { chosen.to_owned() };
        (chosen.to_owned(), words)
    });
    let repeated = repeated(known.iter().map(|model| &model.name));
    let listed = known.iter().map(|model| option(model, &called(&model.name, model.experiment.seed, &repeated)));
    std::iter::once((String::new(), "drawn weights".to_owned())).chain(other).chain(listed).collect()
}

/// A model to choose, which is called so.
fn option(model: &Model, name: &str) -> (String, String) {
    let (score, stated) = (model.evaluation.as_ref().map(|score| score.exact_accuracy), model.stated);
    let known = known_words(score, model.claimed, stated.map(|stated| stated.exact_accuracy));
    let known = known.map(|words| format!(", {words}")).unwrap_or_default();
    let label = format!("{name}: {} weights{known}", format::short_count(model.parameters));
    (model.sha256.clone(), label)
}
