//! Links and commands that reproduce a result.

use super::ask::{self, Ask, How, Outcome};
use crate::{api, browser, components::copy::CopyButton};
use leptos::prelude::*;

/// The address of a puzzle with its model, steps and attempts; with `step` it opens there instead of playing.
pub(crate) fn link(ask: Ask, outcome: &Outcome, step: Option<usize>) -> String {
    let How { model, steps, attempts } = &outcome.how;
    let model = model.as_ref().map(|model| format!("model={}", browser::query_value(model)));
    let steps = steps.map(|steps| format!("steps={steps}"));
    let attempts = (*attempts > 1).then(|| format!("attempts={attempts}"));
    let step = step.map(|step| format!("step={step}"));
    let query = Some(outcome.asked.query.clone()).filter(|query| !query.is_empty());
    let parts: Vec<String> = [query, model, steps, attempts, step].into_iter().flatten().collect();
    let fragment = match outcome.asked.fragment.as_str() {
        "" => String::new(),
        fragment => format!("#{fragment}"),
    };
    format!("{}?{}{fragment}", ask.page, parts.join("&"))
}

/// The same request on a command line.
fn curl(ask: Ask, outcome: &Outcome) -> String {
    let body = ask::body(ask.kind, &outcome.asked, &outcome.how).to_string().replace('\'', "'\\''");
    let address = format!("{}{}", browser::origin(), api::address("/solve"));
    format!("curl -s {address} \\\n  -H 'content-type: application/json' \\\n  -d '{body}'")
}

/// Ways to take the result along.
#[component]
pub(crate) fn Share(ask: Ask) -> impl IntoView {
    let text = move |of: fn(Ask, &Outcome, usize) -> String| {
        Signal::derive(move || {
            let shown = ask.shown.get();
            ask.outcome.with(|outcome| outcome.as_ref().map(|outcome| of(ask, outcome, shown)).unwrap_or_default())
        })
    };
    let whole = text(|ask, outcome, _| browser::origin() + &link(ask, outcome, None));
    let here = text(|ask, outcome, shown| browser::origin() + &link(ask, outcome, Some(shown + 1)));
    let command = text(|ask, outcome, _| curl(ask, outcome));
    view! {
        <div class="share">
            <CopyButton label="Copy link" text=whole />
            <CopyButton label="Copy link to this step" text=here />
            <CopyButton label="Copy as curl" text=command />
            <details>
                <summary>"Show the command"</summary>
                <pre tabindex="0">{move || command.get()}</pre>
            </details>
        </div>
    }
}
