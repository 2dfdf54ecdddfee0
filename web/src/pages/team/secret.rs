//! A secret that is shown once, with a button that copies it.

use crate::components::copy::CopyButton;
use leptos::{html, prelude::*};

/// The secret, as soon as there is one; the focus goes to it.
#[component]
pub(super) fn Secret(title: &'static str, made: RwSignal<Option<String>>, note: &'static str) -> impl IntoView {
    let shown = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        if let Some(shown) = shown.get() {
            // An element with a tabindex takes it.
            let _ = shown.focus();
        }
    });
    let text = Signal::derive(move || made.get().unwrap_or_default());
    view! {
        <Show when=move || made.with(Option::is_some)>
            <div class="notice secret" role="group" aria-label=title tabindex="-1" node_ref=shown>
                <strong>{title}</strong>
                <p class="hash-line"><code>{text}</code><CopyButton label="Copy" text /></p>
                <p class="muted">{note}</p>
                <button type="button" class="quiet" on:click=move |_| made.set(None)>"Done"</button>
            </div>
        </Show>
    }
}
