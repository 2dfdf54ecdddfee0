//! A button that puts a text on the clipboard and says whether it did.

use crate::browser;
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// How long the button says what happened.
const SAID: Duration = Duration::from_secs(2);

/// A button named `label` that copies `text`.
#[component]
pub(crate) fn CopyButton(
    /// What the button says.
    label: &'static str,
    /// What is copied, read at the click.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    let outcome = RwSignal::new(None::<bool>);
    let copy = move |_| {
        let text = text.get_untracked();
        spawn_local(async move {
            let copied = browser::copy(&text).await;
            outcome.try_set(Some(copied));
            set_timeout(move || _ = outcome.try_set(None), SAID);
        });
    };
    let said = move || match outcome.get() {
        None => label,
        Some(true) => "Copied",
        Some(false) => "Not allowed here",
    };
    view! {
        <button type="button" class="quiet copy" on:click=copy>
            // The widest text keeps the button's width.
            <span aria-hidden="true" class="copy-room">{label}</span>
            <span class="copy-said" aria-live="polite">{said}</span>
        </button>
    }
}
