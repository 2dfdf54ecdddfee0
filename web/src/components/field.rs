//! Fields of forms: a label, what is typed or chosen, and below it what is wrong or what is meant.

use super::select::{Options, Select};
use crate::browser;
use hrm_types::problem::Problem;
use leptos::prelude::*;

/// What a form's newest attempt was refused with: at its field where it has one, else as a whole.
#[derive(Clone, Copy)]
pub(crate) struct Refusal(RwSignal<Option<Problem>>);

impl Refusal {
    pub(crate) fn new() -> Self {
        Self(RwSignal::new(None))
    }

    pub(crate) fn clear(self) {
        self.0.try_set(None);
    }

    pub(crate) fn set(self, problem: Problem) {
        self.0.try_set(Some(problem));
    }

    /// Refuses a field here, before the server is asked.
    pub(crate) fn at(self, field: &str, detail: String) {
        let (kind, title) = ("about:blank".into(), "A field is wrong".into());
        let field = Some(field.to_owned());
        self.set(Problem { kind, title, status: 0, detail, field, request_id: String::new() });
    }

    /// What is wrong with the field that the API calls `name`.
    pub(crate) fn of(self, name: &'static str) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.0.with(|problem| {
                let problem = problem.as_ref().filter(|problem| problem.field.as_deref() == Some(name))?;
                Some(problem.detail.clone())
            })
        })
    }

    /// What is wrong with none of these fields.
    pub(crate) fn beside(self, fields: &'static [&'static str]) -> Signal<Option<Problem>> {
        Signal::derive(move || {
            let known = |problem: &Problem| problem.field.as_deref().is_some_and(|field| fields.contains(&field));
            self.0.get().filter(|problem| !known(problem))
        })
    }
}

/// Leads to a field as soon as it is refused: whoever is there reads, or is read, what is wrong with it.
pub(crate) fn lead_to(id: &'static str, wrong: Signal<Option<String>>) {
    Effect::new(move |_| {
        if wrong.with(Option::is_some) {
            browser::focus(id);
        }
    });
}

/// A field for a text, a number or a secret.
#[component]
pub(crate) fn TextField(
    /// The element's id, unique on the page.
    id: &'static str,
    label: &'static str,
    value: RwSignal<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    wrong: Signal<Option<String>>,
    /// What it means, where the label does not say.
    #[prop(optional)]
    hint: &'static str,
    /// What stands there as an example.
    #[prop(optional)]
    placeholder: &'static str,
    /// Whether only digits make sense.
    #[prop(optional)]
    number: bool,
) -> impl IntoView {
    let below = format!("{id}-hint");
    lead_to(id, wrong);
    view! {
        <div class="field" class:invalid=move || wrong.with(Option::is_some)>
            <label for=id>{label}</label>
            <input
                id=id
                name=id
                type="text"
                inputmode=number.then_some("numeric")
                autocomplete="off"
                spellcheck="false"
                placeholder=placeholder
                aria-describedby=below.clone()
                aria-invalid=move || wrong.with(Option::is_some).then_some("true")
                prop:value=value
                on:input=move |event| value.set(event_target_value(&event))
            />
            <p class="hint" id=below>{move || wrong.get().unwrap_or_else(|| hint.into())}</p>
        </div>
    }
}

/// A field in which one of some values is chosen: value and label of each.
#[component]
pub(crate) fn ChoiceField(
    /// The element's id, unique on the page.
    id: &'static str,
    label: &'static str,
    value: RwSignal<String>,
    /// Value and label of each.
    #[prop(into)]
    options: Signal<Options>,
    /// What is wrong with it.
    #[prop(optional, into)]
    wrong: Signal<Option<String>>,
    /// What it means, where the label does not say.
    #[prop(optional)]
    hint: &'static str,
) -> impl IntoView {
    let below = format!("{id}-hint");
    lead_to(id, wrong);
    view! {
        <div class="field" class:invalid=move || wrong.with(Option::is_some)>
            <label for=id>{label}</label>
            <Select id name=id described_by=below.clone() options value choose=move |chosen| value.set(chosen) />
            <p class="hint" id=below>{move || wrong.get().unwrap_or_else(|| hint.into())}</p>
        </div>
    }
}

/// A box to tick.
#[component]
pub(crate) fn Tick(label: &'static str, on: RwSignal<bool>) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" prop:checked=on on:change=move |event| on.set(event_target_checked(&event)) />
            {label}
        </label>
    }
}

/// What is wrong with a range of givens, in the words of its two fields.
pub(crate) fn of_givens(problem: &str) -> String {
    problem.replace("low", "Fewest givens").replace("high", "Most givens")
}

/// A whole number that was typed; nothing where nothing was.
pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<Option<T>, String> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("expected a whole number, found {text:?}")),
    }
}
