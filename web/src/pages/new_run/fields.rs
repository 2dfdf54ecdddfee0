//! The fields: a label, an input, and what is wrong or changed.

use super::{
    FormState,
    form::{DATASET, GENERATED, Kind, SOURCE, Setting},
};
use crate::{
    browser,
    components::select::{Options, Select},
    format,
};
use hrm_types::dataset::Dataset;
use leptos::prelude::*;

/// The id of a setting's input.
pub(super) fn field_id(path: &str) -> String {
    format!("field-{path}")
}

/// Whether the form shows that field.
pub(super) fn exists(path: &str) -> bool {
    document().get_element_by_id(&field_id(path)).is_some()
}

/// Moves the focus to a field, which may be folded up.
pub(super) fn focus(path: &str) {
    let field = document().get_element_by_id(&field_id(path));
    if let Some(Ok(Some(details))) = field.map(|field| field.closest("details")) {
        // Every element takes this attribute.
        let _ = details.set_attribute("open", "");
    }
    browser::focus(&field_id(path));
}

/// A group of settings.
#[component]
pub(super) fn Fields(title: &'static str, state: FormState, settings: &'static [Setting]) -> impl IntoView {
    let fields = settings.iter().map(|setting| view! { <Field state setting=*setting /> });
    view! {
        <fieldset class="group">
            <legend>{title}</legend>
            <div class="group-fields">{fields.collect_view()}</div>
        </fieldset>
    }
}

#[component]
fn Field(state: FormState, setting: Setting) -> impl IntoView {
    let Setting { path, label, hint, kind } = setting;
    let id = field_id(path);
    let note = format!("{id}-note");
    let error = Memo::new(move |_| state.error_at(path));
    let changed = Memo::new(move |_| {
        state.base.with(|base| {
            let base = base.as_ref().map(|base| super::Form::of(&base.experiment)).unwrap_or_default();
            state.form.with(|form| form.get(path) != base.get(path))
        })
    });
    let value = move || state.form.with(|form| form.get(path).to_owned());
    let input = match kind {
        Kind::Choice(options) => {
            let options: Options = options.iter().map(|&name| (name.into(), name.replace('_', " "))).collect();
            view! {
                <Select
                    id=id.clone()
                    name=path
                    described_by=note.clone()
                    options=Signal::stored(options)
                    value=Signal::derive(value)
                    choose=move |chosen| state.set(path, chosen)
                />
            }
            .into_any()
        }
        _ => view! {
            <input
                id=id.clone()
                name=path
                type="text"
                inputmode=match kind { Kind::Text => "text", Kind::Real => "decimal", _ => "numeric" }
                autocomplete="off"
                spellcheck="false"
                aria-describedby=note.clone()
                aria-invalid=move || error.get().is_some().to_string()
                prop:value=value
                on:input=move |event| state.set(path, event_target_value(&event))
            />
        }
        .into_any(),
    };
    let asked = move || state.form.with(|form| form.asks(path));
    view! {
        <div class="field" hidden=move || !asked() class:changed=move || changed.get() class:invalid=move || error.get().is_some()>
            <label for=id.clone()>{label}</label>
            {input}
            <p class="hint" id=note>{move || error.get().unwrap_or_else(|| hint.into())}</p>
        </div>
    }
}

/// Where the puzzles come from.
#[component]
pub(super) fn Data(state: FormState) -> impl IntoView {
    let stored = Memo::new(move |_| state.form.with(|form| form.get(SOURCE) == "stored"));
    let source = move |value: &'static str, label: &'static str| {
        view! {
            <label>
                <input
                    type="radio"
                    name=SOURCE
                    value=value
                    prop:checked=move || stored.get() == (value == "stored")
                    on:change=move |_| state.set(SOURCE, value.into())
                />
                {label}
            </label>
        }
    };
    let generated = GENERATED.iter().map(|setting| view! { <Field state setting=*setting /> }).collect_view();
    view! {
        <fieldset class="group">
            <legend>"Puzzles"</legend>
            <div class="choice">{source("generate", "generate them")}{source("stored", "a stored dataset")}</div>
            <div class="group-fields" hidden=move || stored.get()>{generated}</div>
            <div class="group-fields" hidden=move || !stored.get()><StoredChoice state /></div>
        </fieldset>
    }
}

#[component]
fn StoredChoice(state: FormState) -> impl IntoView {
    let id = field_id(DATASET);
    let chosen = Memo::new(move |_| state.form.with(|form| form.get(DATASET).to_owned()));
    // An experiment may name a dataset that this server has not got.
    let missing = Memo::new(move |_| {
        let name = chosen.get();
        // Beyond the first page there may be one of that name.
        let listed = state.datasets.value.with(|page| page.as_ref().is_some_and(|page| page.next_cursor.is_none()));
        (listed && !name.is_empty() && state.dataset(&name).is_none()).then_some(name)
    });
    let error = Memo::new(move |_| {
        let missing = missing.get().map(|name| {
            format!("no dataset {name:?} is stored here; bring it in with `hrm data import`, or choose another")
        });
        state.error_at(DATASET).or(missing)
    });
    let options = Signal::derive(move || {
        let none = (String::new(), "Choose …".to_owned());
        let missing = missing.get().map(|name| (name.clone(), name));
        let stored =
            state.datasets.value.with(|page| page.iter().flat_map(|page| &page.items).map(option).collect::<Options>());
        std::iter::once(none).chain(missing).chain(stored).collect::<Options>()
    });
    // An experiment may name it by its id.
    let value = Signal::derive(move || {
        let named = chosen.get();
        state.dataset(&named).map_or(named, |dataset| dataset.name)
    });
    view! {
        <div class="field wide" class:invalid=move || error.get().is_some()>
            <label for=id.clone()>"Dataset"</label>
            <Select id name=DATASET options value choose=move |name| state.set(DATASET, name) />
            <p class="hint">{move || error.get()}</p>
        </div>
    }
}

/// A dataset to choose.
fn option(dataset: &Dataset) -> (String, String) {
    let name = dataset.name.clone();
    let label = format!(
        "{name}: {0} × {0}, {1} to train on, {2} to test",
        dataset.side,
        format::count(dataset.train_count.into()),
        format::count(dataset.test_count.into()),
    );
    (name, label)
}
