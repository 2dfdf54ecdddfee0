//! A run's state: a mark of its own shape and colour, and the word.

use hrm_types::run::RunState;
use leptos::prelude::*;

/// The state of a run.
#[component]
pub(crate) fn StateMark(state: RunState) -> impl IntoView {
    let mark = match state {
        RunState::Queued => view! { <circle cx="6" cy="6" r="4.25" /> }.into_any(),
        RunState::Running => {
            view! { <circle cx="6" cy="6" r="4.25" /><path d="M6 1.75a4.25 4.25 0 0 1 0 8.5z" /> }.into_any()
        }
        RunState::Paused => view! { <path d="M4 2v8M8 2v8" /> }.into_any(),
        RunState::Succeeded => view! { <path d="M1.5 6.5 4.5 9.5 10.5 2.5" /> }.into_any(),
        RunState::Failed => view! { <path d="M2 2 10 10M10 2 2 10" /> }.into_any(),
        RunState::Cancelled => view! { <path d="M2 6h8" /> }.into_any(),
    };
    let word = state.as_str();
    view! {
        <span class="state" data-state=word>
            <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">{mark}</svg>
            {word}
        </span>
    }
}
