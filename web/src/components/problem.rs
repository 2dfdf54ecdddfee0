//! What went wrong, and what is not there yet, in words.

use hrm_types::problem::Problem;
use leptos::prelude::*;

/// A problem as the server told it.
#[component]
pub(crate) fn ProblemNotice(problem: Problem) -> impl IntoView {
    let quote = (!problem.request_id.is_empty())
        .then(|| view! { <p class="notice-id">"Request " <code>{problem.request_id.clone()}</code></p> });
    let place = problem.field.as_deref().map(|field| view! { <b>{place(field)}</b>": " });
    view! {
        <div class="notice bad" role="alert">
            <strong>{problem.title}</strong>
            <p>{place}{problem.detail}</p>
            {quote}
        </div>
    }
}

/// The newest problem of something fetched, if its newest attempt failed.
#[component]
pub(crate) fn Problems(#[prop(into)] of: Signal<Option<Problem>>) -> impl IntoView {
    move || of.get().map(|problem| view! { <ProblemNotice problem /> })
}

/// Something that is not there yet, and how it comes to be.
#[component]
pub(crate) fn Empty(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="empty">
            <strong>{title}</strong>
            <p>{children()}</p>
        </div>
    }
}

/// Room for something on its way; the words show only if it takes a while.
#[component]
pub(crate) fn Waiting() -> impl IntoView {
    view! { <p class="waiting" role="status">"Loading …"</p> }
}

/// Where in the request the problem is, in words.
fn place(field: &str) -> String {
    let numbered = field.strip_prefix("puzzles[").and_then(|rest| rest.strip_suffix(']'));
    match numbered.and_then(|number| number.parse::<u32>().ok()) {
        Some(number) => format!("Puzzle {}", u64::from(number) + 1),
        None => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puzzles_are_counted_from_one() {
        assert_eq!(place("puzzles[1]"), "Puzzle 2");
        assert_eq!(place("generate.side"), "generate.side");
        assert_eq!(place("puzzles[]"), "puzzles[]");
    }
}
