//! Links and commands that reproduce a result, and the address of a puzzle that was not asked yet.

use super::ask::{self, Ask, Asked, How, Outcome};
use crate::{api, browser, components::copy::CopyButton};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use std::time::Duration;

/// What stands in the address of a puzzle that is not to be asked when it is opened.
const DRAFT: &str = "draft";

/// Between changes of the address: browsers refuse more than a hundred in half a minute.
const PAUSE: Duration = Duration::from_millis(500);

/// The address of a puzzle with its model, steps and attempts; with `step` it opens there instead of playing.
pub(crate) fn link(ask: Ask, outcome: &Outcome, step: Option<usize>) -> String {
    address(ask.page, &outcome.asked, &outcome.how, step.map(|step| format!("step={step}")))
}

fn address(page: &str, asked: &Asked, how: &How, last: Option<String>) -> String {
    let How { model, steps, attempts } = how;
    let model = model.as_ref().map(|model| format!("model={}", browser::query_value(model)));
    let steps = steps.map(|steps| format!("steps={steps}"));
    let attempts = (*attempts > 1).then(|| format!("attempts={attempts}"));
    let query = Some(asked.query.clone()).filter(|query| !query.is_empty());
    let parts: Vec<String> = [query, model, steps, attempts, last].into_iter().flatten().collect();
    let behind = |mark: char, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
    format!("{page}{}{}", behind('?', &parts.join("&")), behind('#', &asked.fragment))
}

/// Whether an address is that of a puzzle which was not asked yet.
pub(crate) fn is_draft(query: &ParamsMap) -> bool {
    query.get(DRAFT).is_some()
}

/// Lets the address follow the edits, so that a puzzle outlives a reload and comes back with the history. `written` is the
/// puzzle as it stands; nothing where there is none that somebody made.
pub(crate) fn follow_edits(ask: Ask, written: impl Fn() -> Option<Asked> + Copy + Send + Sync + 'static) {
    // While it is so, a change waits for the end of the pause.
    let pausing = StoredValue::new(false);
    let write = move || {
        let unasked = ask.outcome.with_untracked(Option::is_none);
        if let Some(asked) = untrack(written).filter(|_| unasked) {
            ask.address.write(ask, &asked, address(ask.page, &asked, &ask.how(), Some(format!("{DRAFT}=1"))));
        }
    };
    let late = StoredValue::new(false);
    let follow = move || {
        if pausing.get_value() {
            late.set_value(true);
            return;
        }
        write();
        pausing.set_value(true);
        let over = move || {
            if pausing.try_set_value(false).is_none() && late.try_update_value(std::mem::take) == Some(true) {
                write();
            }
        };
        set_timeout(over, PAUSE);
    };
    Effect::new(move |before: Option<Option<Asked>>| {
        let now = written();
        // What the address has brought stands there already.
        if before.is_some_and(|before| before != now) && !ask.address.is_of(now.as_ref()) {
            follow();
        }
        now
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_was_chosen() {
        let asked = Asked { query: "s=12..".into(), ..Asked::default() };
        let how = How { model: None, steps: Some(4), attempts: 8 };
        assert_eq!(address("/", &asked, &how, Some("step=2".into())), "/?s=12..&steps=4&attempts=8&step=2");
        let asked = Asked { fragment: "1!0!a!0_0".into(), ..Asked::default() };
        let how = How { model: None, steps: None, attempts: 1 };
        assert_eq!(address("/solve/arc", &asked, &how, Some("draft=1".into())), "/solve/arc?draft=1#1!0!a!0_0");
        assert_eq!(address("/solve/arc", &asked, &how, None), "/solve/arc#1!0!a!0_0");
    }
}
