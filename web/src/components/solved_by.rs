//! Which of the test puzzles are looked at, by who solves them.

use crate::format;
use hrm_types::comparison::Part;
use leptos::prelude::*;

/// A button for each part: itself, its name, and how many puzzles there are.
#[component]
pub(crate) fn SolvedBy(label: &'static str, parts: Vec<(Part, String, u32)>, part: RwSignal<Part>) -> impl IntoView {
    let button = |(choice, name, count): (Part, String, u32)| {
        view! {
            <button type="button" aria-pressed=move || (part.get() == choice).to_string() on:click=move |_| part.set(choice)>
                {name}" "<b>{format::count(count.into())}</b>
            </button>
        }
    };
    view! { <div class="segments wraps" role="group" aria-label=label>{parts.into_iter().map(button).collect_view()}</div> }
}
