//! A field for the size of a board: a size that cannot be is told, and the board stays as it is.

use super::ask::Ask;
use leptos::prelude::*;
use std::ops::RangeInclusive;

/// The field, for sizes within `range`.
#[component]
pub(crate) fn SizeField(
    ask: Ask,
    label: &'static str,
    range: RangeInclusive<u8>,
    /// The size that stands.
    #[prop(into)]
    value: Signal<u8>,
    /// Gets a size that can be.
    resize: impl Fn(u8) + 'static,
) -> impl IntoView {
    let wrong = RwSignal::new(false);
    let (least, most) = range.into_inner();
    let change = move |event: web_sys::Event| match event_target_value(&event).trim().parse() {
        Ok(size) if (least..=most).contains(&size) => {
            wrong.set(false);
            resize(size);
        }
        _ => {
            wrong.set(true);
            ask.say_bad(format!("{label}: {least} to {most} are possible; the board stays as it is."));
        }
    };
    // What changes the size otherwise shows it here, and then nothing is wrong any more.
    Effect::new(move |_| {
        value.track();
        wrong.set(false);
    });
    view! {
        <label>
            <span>{label}</span>
            <input
                type="number"
                class="number"
                class:wrong=move || wrong.get()
                aria-invalid=move || wrong.get().then_some("true")
                min=least.to_string()
                max=most.to_string()
                prop:value=move || value.get().to_string()
                on:change=change
            />
        </label>
    }
}
