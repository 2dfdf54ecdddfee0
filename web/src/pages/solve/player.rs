//! The player: back and forth over the model's steps.

use super::ask::{Ask, Outcome};
use leptos::{ev::KeyboardEvent, leptos_dom::helpers::IntervalHandle, prelude::*};
use std::time::Duration;

/// How long a step is shown while playing.
const PACE: Duration = Duration::from_millis(550);

/// Buttons and a slider over the steps.
#[component]
pub(crate) fn Player(ask: Ask) -> impl IntoView {
    let last = Memo::new(move |_| ask.outcome.with(|outcome| outcome.as_ref().map_or(0, Outcome::last)));
    run(ask, last);
    let go = move |to: usize| {
        ask.playing.set(false);
        ask.shown.set(to.min(last.get_untracked()));
    };
    let back = move || go(ask.shown.get_untracked().saturating_sub(1));
    let on = move || go(ask.shown.get_untracked() + 1);
    let play = move |_| {
        if !ask.playing.get_untracked() && ask.shown.get_untracked() == last.get_untracked() {
            ask.shown.set(0);
        }
        ask.playing.update(|playing| *playing = !*playing);
    };
    let keys = move |event: KeyboardEvent| {
        match event.key().as_str() {
            "ArrowLeft" => back(),
            "ArrowRight" => on(),
            "Home" => go(0),
            "End" => go(last.get_untracked()),
            _ => return,
        }
        event.prevent_default();
    };
    let at_start = move || ask.shown.get() == 0;
    let at_end = move || ask.shown.get() == last.get();
    view! {
        <div class="player" role="group" aria-label="Steps" on:keydown=keys>
            <div class="player-buttons">
                {button("First step", "M4 3v10M13 3 6 8l7 5z", at_start, move || go(0))}
                {button("Previous step", "M12 3 5 8l7 5z", at_start, back)}
                <button
                    type="button"
                    class="icon play"
                    aria-label=move || if ask.playing.get() { "Pause" } else { "Play" }
                    disabled=move || last.get() == 0
                    on:click=play
                >
                    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
                        <path d=move || if ask.playing.get() { "M4 3h3v10H4zM9 3h3v10H9z" } else { "M4 2.5 13 8l-9 5.5z" } />
                    </svg>
                </button>
                {button("Next step", "M4 3 11 8l-7 5z", at_end, on)}
                {button("Last step", "M12 3v10M3 3 10 8l-7 5z", at_end, move || go(last.get_untracked()))}
            </div>
            <input
                type="range"
                class="player-slider"
                aria-label="Step"
                aria-valuetext=move || format!("step {} of {}", ask.shown.get() + 1, last.get() + 1)
                min="1"
                max=move || (last.get() + 1).to_string()
                prop:value=move || (ask.shown.get() + 1).to_string()
                disabled=move || last.get() == 0
                on:input=move |event| go(event_target_value(&event).parse::<usize>().unwrap_or(1).saturating_sub(1))
            />
            <output class="player-step">
                "Step " {move || ask.shown.get() + 1} <span class="muted">" of " {move || last.get() + 1}</span>
            </output>
        </div>
    }
}

/// A button that stays, with the focus if it has it, where there is no further step.
fn button(
    label: &'static str,
    path: &'static str,
    is_there: impl Fn() -> bool + Send + Sync + 'static,
    act: impl Fn() + 'static,
) -> impl IntoView {
    view! {
        <button type="button" class="icon" aria-label=label title=label aria-disabled=move || is_there().to_string() on:click=move |_| act()>
            <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><path d=path /></svg>
        </button>
    }
}

/// Advances while playing; stops at the last step.
fn run(ask: Ask, last: Memo<usize>) {
    let timer = StoredValue::new_local(None::<IntervalHandle>);
    let stop = move || {
        if let Some(Some(timer)) = timer.try_update_value(Option::take) {
            timer.clear();
        }
    };
    let advance = move || {
        let next = ask.shown.get_untracked() + 1;
        ask.shown.set(next.min(last.get_untracked()));
        if next >= last.get_untracked() {
            ask.playing.set(false);
        }
    };
    Effect::new(move |_| {
        stop();
        if ask.playing.get() {
            timer.set_value(set_interval_with_handle(advance, PACE).ok());
        }
    });
    on_cleanup(stop);
}
