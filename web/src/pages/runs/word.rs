//! A word that a list is filtered by: it counts with Enter, or once nothing more is typed.

use super::look::Parameter;
use crate::timer::Timer;
use leptos::prelude::*;
use std::time::Duration;

/// How long nothing is typed before a word counts.
const CALM: Duration = Duration::from_millis(400);

/// The field of a word. That the focus leaves it changes nothing: it may leave for a link, and what is set then would lead back
/// from where the link leads.
pub(super) fn word(title: &'static str, id: &'static str, (value, set): Parameter) -> impl IntoView {
    let text = RwSignal::new(String::new());
    // Waits while somebody types.
    let timer = Timer::new();
    Effect::new(move |_| {
        let stands = value.get().unwrap_or_default();
        if !timer.waits() && text.with_untracked(|text| text.trim() != stands) {
            text.set(stands);
        }
    });
    let apply = move || {
        timer.stop();
        let word = text.with_untracked(|text| text.trim().to_owned());
        let word = (!word.is_empty()).then_some(word);
        if value.with_untracked(|value| *value != word) {
            set.set(word);
        }
    };
    let typed = move |event: web_sys::Event| {
        text.set(event_target_value(&event));
        timer.start(CALM, apply);
    };
    let entered = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Enter" {
            apply();
        }
    };
    view! {
        <div class="field">
            <label for=id>{title}</label>
            <input id=id type="text" placeholder="any" autocomplete="off" prop:value=text on:input=typed on:keydown=entered />
        </div>
    }
}
