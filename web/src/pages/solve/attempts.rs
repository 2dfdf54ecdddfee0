//! Several attempts at one puzzle: how many are allowed, and what the model saw when it answered.

use super::ask::Ask;
use crate::{
    components::select::{Options, Select},
    format,
    grid::picture::asked,
};
use hrm_types::board::Kind;
use leptos::prelude::*;

/// The numbers of attempts that are offered; one where no other view of such a puzzle is known to mean the same.
fn choices(kind: Kind) -> &'static [u32] {
    match kind {
        Kind::Sudoku => &[1, 8, 32, 128],
        Kind::Maze => &[1, 8],
        Kind::Arc => &[1],
    }
}

/// As many as are worth waiting for.
pub(super) fn many(kind: Kind) -> u32 {
    choices(kind).iter().copied().filter(|&count| count <= 32).max().unwrap_or(1)
}

/// What another view of a puzzle is.
pub(super) fn views(kind: Kind) -> &'static str {
    match kind {
        Kind::Maze => "turned and mirrored",
        _ => "digits renamed, rows and columns reordered",
    }
}

/// How many attempts are allowed; nothing for ARC.
#[component]
pub(super) fn Attempts(ask: Ask) -> impl IntoView {
    let offered = choices(ask.kind);
    let options = Signal::derive(move || {
        let chosen = ask.attempts.get();
        let linked = (!offered.contains(&chosen)).then_some(chosen);
        let words = |count| if count == 1 { "one, at the puzzle as it is".into() } else { format!("up to {count}") };
        let option = |count: u32| (count.to_string(), words(count));
        offered.iter().copied().chain(linked).map(option).collect::<Options>()
    });
    let value = Signal::derive(move || ask.attempts.get().to_string());
    let choose = move |count: String| {
        if let Ok(count) = count.parse() {
            ask.attempts.set(count);
        }
    };
    (offered.len() > 1).then(|| {
        view! {
            <div class="field">
                <label for="attempts">"Attempts"</label>
                <Select id="attempts" options value choose />
                <p class="hint">{format!("After the first it sees the puzzle in other ways: {}.", views(ask.kind))}</p>
            </div>
        }
    })
}

/// The puzzle as the model saw it, where that is another view.
#[component]
pub(super) fn Seen(ask: Ask) -> impl IntoView {
    move || {
        ask.outcome.with(|outcome| {
            let response = &outcome.as_ref()?.response;
            let svg = asked(response.kind, response.seen.as_deref()?)?;
            let attempt = format::count(response.attempts.into());
            Some(view! {
                <figure class="seen">
                    <span class="picture" inner_html=svg></span>
                    <figcaption class="muted">
                        {format!("What the model saw at attempt {attempt}: the same puzzle, {}. Its steps are brought back to yours.", views(response.kind))}
                    </figcaption>
                </figure>
            })
        })
    }
}
