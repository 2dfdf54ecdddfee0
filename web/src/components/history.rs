//! The buttons that take a change back and bring it again.

use leptos::prelude::*;

/// Undo and redo, each pressed only where there is something to do. One that can do nothing stays, with the focus if it has it.
#[component]
pub(crate) fn History(
    #[prop(into)] can_undo: Signal<bool>,
    #[prop(into)] can_redo: Signal<bool>,
    undo: Callback<()>,
    redo: Callback<()>,
) -> impl IntoView {
    view! {
        <button type="button" class="quiet" title="Undo (Ctrl+Z)" aria-disabled=move || (!can_undo.get()).to_string() on:click=move |_| undo.run(())>
            "Undo"
        </button>
        <button type="button" class="quiet" title="Redo (Ctrl+Y)" aria-disabled=move || (!can_redo.get()).to_string() on:click=move |_| redo.run(())>
            "Redo"
        </button>
    }
}
