//! Links and commands that reproduce a result.

use super::state::{Outcome, SolveState};
use crate::{api, browser, components::copy::CopyButton};
use leptos::prelude::*;

/// The address of a puzzle with its model and steps; with `step` it opens there instead of playing.
pub(crate) fn link(outcome: &Outcome, model: Option<&str>, step: Option<usize>) -> String {
    let model = model.map(|model| format!("&model={}", browser::query_value(model))).unwrap_or_default();
    let steps = outcome.steps.map(|steps| format!("&steps={steps}")).unwrap_or_default();
    let step = step.map(|step| format!("&step={step}")).unwrap_or_default();
    format!("/?s={}{model}{steps}{step}", outcome.puzzle)
}

/// The same request on a command line.
fn curl(outcome: &Outcome, model: Option<&str>) -> String {
    let mut body = serde_json::json!({ "puzzle": outcome.puzzle.to_string() });
    if let Some(model) = model {
        body["model"] = model.into();
    }
    if let Some(steps) = outcome.steps {
        body["steps"] = steps.into();
    }
    let address = format!("{}{}", browser::origin(), api::address("/solve"));
    format!("curl -s {address} \\\n  -H 'content-type: application/json' \\\n  -d '{body}'")
}

/// Ways to take the result along.
#[component]
pub(crate) fn Share(state: SolveState) -> impl IntoView {
    let text = move |of: fn(&Outcome, Option<&str>, usize) -> String| {
        Signal::derive(move || {
            let model = state.model.get();
            let shown = state.shown.get();
            state.outcome.with(|outcome| outcome.as_ref().map(|outcome| of(outcome, model.as_deref(), shown)))
        })
    };
    let whole = text(|outcome, model, _| browser::origin() + &link(outcome, model, None));
    let here = text(|outcome, model, shown| browser::origin() + &link(outcome, model, Some(shown + 1)));
    let command = text(|outcome, model, _| curl(outcome, model));
    let words = |text: Signal<Option<String>>| Signal::derive(move || text.get().unwrap_or_default());
    view! {
        <div class="share">
            <CopyButton label="Copy link" text=words(whole) />
            <CopyButton label="Copy link to this step" text=words(here) />
            <CopyButton label="Copy as curl" text=words(command) />
            <details>
                <summary>"Show the command"</summary>
                <pre tabindex="0">{move || command.get()}</pre>
            </details>
        </div>
    }
}
