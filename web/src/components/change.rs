//! A choice that counts once its button is pressed: with arrow keys one passes by what one does not mean.

use super::select::{Options, Select};
use leptos::prelude::*;

/// The choice named `label`, with a button that appears where another value is chosen than the one that stands.
#[component]
pub(crate) fn Change(
    #[prop(into)] label: String,
    #[prop(into)] options: Signal<Options>,
    /// The value that stands.
    #[prop(into)]
    value: Signal<String>,
    /// What the button says.
    button: &'static str,
    /// Gets what is chosen, and changes the value or does not.
    #[prop(into)]
    change: Callback<String>,
) -> impl IntoView {
    let chosen = RwSignal::new(None::<String>);
    let shown = Signal::derive(move || chosen.get().unwrap_or_else(|| value.get()));
    let differs = Memo::new(move |_| chosen.get().is_some_and(|chosen| chosen != value.get()));
    let name = StoredValue::new(format!("{button}: {label}"));
    let press = move |_| {
        if let Some(wanted) = chosen.get_untracked() {
            change.run(wanted);
        }
    };
    view! {
        <span class="change">
            <Select label options value=shown choose=move |wanted: String| chosen.set(Some(wanted)) />
            <Show when=move || differs.get()>
                <button type="button" aria-label=name.get_value() on:click=press>{button}</button>
            </Show>
        </span>
    }
}
