//! A button for what cannot be undone: it asks first.

use leptos::{html, prelude::*};

/// A button named `label` that asks `question` and then calls `act`.
#[component]
pub(crate) fn Confirm(
    /// What the button says.
    label: &'static str,
    /// What it is about, where other buttons of the page say the same word.
    #[prop(optional, into)]
    about: Option<String>,
    /// What happens, as a question.
    #[prop(into)]
    question: Signal<String>,
    act: impl Fn() + Copy + Send + Sync + 'static,
    /// What the answer that changes nothing says; another word where the act itself is to cancel something.
    #[prop(default = "Cancel")]
    keep: &'static str,
) -> impl IntoView {
    let asking = RwSignal::new(false);
    let name = StoredValue::new(about.map(|about| format!("{label}: {about}")));
    let (button, cancel) = (NodeRef::<html::Button>::new(), NodeRef::<html::Button>::new());
    // The focus goes to the answer that changes nothing, and back to the button after it.
    Effect::new(move |before: Option<bool>| {
        let now = asking.get();
        let to = if now { cancel.get() } else { button.get() };
        if let Some(to) = to.filter(|_| before.is_some_and(|before| before != now)) {
            // A button on the page takes it.
            let _ = to.focus();
        }
        now
    });
    let escape = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape" {
            asking.set(false);
        }
    };
    let go = move |_| {
        asking.set(false);
        act();
    };
    view! {
        <Show
            when=move || asking.get()
            fallback=move || {
                view! {
                    <button
                        type="button"
                        class="quiet"
                        aria-label=name.get_value()
                        node_ref=button
                        on:click=move |_| asking.set(true)
                    >
                        {label}
                    </button>
                }
            }
        >
            <span class="confirm" role="group" aria-label=move || question.get() on:keydown=escape>
                <span>{question}</span>
                <button type="button" class="danger" on:click=go>{label}</button>
                <button type="button" node_ref=cancel on:click=move |_| asking.set(false)>{keep}</button>
            </span>
        </Show>
    }
}
