//! A button that pastes, for who has no keyboard to do it with. Where the browser does not tell what is on the clipboard, a field
//! takes it.

use super::given::Given;
use crate::browser;
use leptos::{html, prelude::*, task::spawn_local};

/// The button, and the field where it is needed.
#[component]
pub(crate) fn Paste(on_given: Callback<Given>) -> impl IntoView {
    let asking = RwSignal::new(false);
    let (button, field) = (NodeRef::<html::Button>::new(), NodeRef::<html::Textarea>::new());
    // The focus goes to the field, and back to the button after it.
    Effect::new(move |before: Option<bool>| {
        let (now, field, button) = (asking.get(), field.get(), button.get());
        if before.is_some_and(|before| before != now) {
            // Both are on the page and take it.
            let _ = if now { field.map(|field| field.focus()) } else { button.map(|button| button.focus()) };
        }
        now
    });
    let give = move |text: String| {
        asking.set(false);
        on_given.run(Given { text, file: None });
    };
    let press = move |_| {
        spawn_local(async move {
            let text = browser::pasted().await.filter(|text| !text.trim().is_empty());
            // The page may be gone.
            if asking.try_get_untracked().is_none() {
                return;
            }
            match text {
                Some(text) => give(text),
                None => asking.set(true),
            }
        });
    };
    let take = move |_| {
        if let Some(field) = field.get_untracked() {
            give(field.value());
        }
    };
    view! {
        <button type="button" class="quiet" title="What is on the clipboard" node_ref=button on:click=press>"Paste"</button>
        <Show when=move || asking.get()>
            <div class="paste" role="group" aria-label="Paste a puzzle">
                <label>
                    <span>"Paste or type the puzzle here"</span>
                    <textarea rows="4" spellcheck="false" autocomplete="off" node_ref=field></textarea>
                </label>
                <button type="button" on:click=take>"Take it"</button>
                <button type="button" class="quiet" on:click=move |_| asking.set(false)>"Close"</button>
            </div>
        </Show>
    }
}
