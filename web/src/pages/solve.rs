//! Solve: a puzzle is typed or pasted, a model answers it, and its steps are played back and forth.

mod board;
mod controls;
mod examples;
mod keys;
mod player;
mod result;
mod share;
mod state;
mod verdict;

use crate::{
    api, browser,
    components::page::Page,
    grid::{editor::Editor, paste, view::cell_id},
    load,
};
use board::Board;
use controls::Controls;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use result::ResultPanel;
use state::SolveState;
use wasm_bindgen::JsCast;

/// The page at `/`; `?s=PUZZLE&model=…&steps=…&step=…` opens a puzzle and its result.
#[component]
pub(crate) fn SolvePage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let state = SolveState::new(load::load(api::solving::list_models));
    state.model.set(query.get("model"));
    state.steps.set(query.get("steps").and_then(|steps| steps.parse().ok()).filter(|steps| (1..=1024).contains(steps)));
    match query.get("s") {
        Some(text) => open_link(state, &text, query.get("step").and_then(|step| step.parse().ok())),
        None => follow_models(state),
    }
    listen(state);
    let lead =
        "Type or paste a puzzle. A hierarchical reasoning model answers it in steps, and every step can be seen.";
    view! {
        <Page title="Solve a Sudoku" lead=lead>
            <div class="solve">
                <Board state />
                <div class="solve-side">
                    <Controls state />
                    <ResultPanel state />
                </div>
            </div>
        </Page>
    }
}

/// Shows the puzzle of a link, and its result where the puzzle can have one.
fn open_link(state: SolveState, text: &str, step: Option<usize>) {
    state.take_link(text);
    if state.puzzle_is_sound() && !state.said_something_bad() {
        state.solve(step);
    }
}

/// Without a puzzle in the link, the first example is one that the model can answer: the model named in the link, or
/// else the one with the smallest grid above the one that nobody needs help with.
fn follow_models(state: SolveState) {
    Effect::new(move |done: Option<bool>| {
        if done == Some(true) {
            return true;
        }
        state.models.value.with(|models| {
            let Some(models) = models else { return false };
            let named = state.model.get_untracked();
            let named = models.items.iter().find(|model| Some(&model.id.to_string()) == named.as_ref());
            let side = state.side();
            let mut sudoku = models.items.iter().filter(|model| model.kind == "sudoku");
            let fits = |model: &&hrm_types::model::Model| named.is_some() || usize::from(model.side) == side;
            let Some(model) = named.or_else(|| sudoku.clone().find(fits)).or_else(|| sudoku.next()) else {
                return true;
            };
            if usize::from(model.side) != side && state.is_untouched() {
                state.start_with(examples::built_in(model.side));
            }
            true
        })
    });
}

/// Keys and the clipboard work wherever the focus is, except where they mean something else.
fn listen(state: SolveState) {
    let keys = window_event_listener(leptos::ev::keydown, move |event| keys::handle(state, &event));
    let pasted = window_event_listener(leptos::ev::paste, move |event| {
        let Some(event) = event.dyn_ref::<web_sys::ClipboardEvent>() else { return };
        if keys::in_field(event.target()) {
            return;
        }
        let text = event.clipboard_data().and_then(|data| data.get_data("text").ok()).unwrap_or_default();
        event.prevent_default();
        state.take_text(&text);
        browser::focus(&cell_id(state.editor.with_untracked(Editor::cursor)));
    });
    on_cleanup(move || {
        keys.remove();
        pasted.remove();
    });
}

impl SolveState {
    /// Begins with the puzzle of a link, or says why it is none.
    fn take_link(self, text: &str) {
        match paste::read(text) {
            Ok(linked) => self.start_with(linked.grid),
            Err(error) => self.say_bad(format!("The link holds no puzzle: {error}.")),
        }
    }

    /// Puts a pasted text in place of the puzzle, or says why it is none.
    fn take_text(self, text: &str) {
        match paste::read(text) {
            Ok(pasted) => {
                let side = pasted.grid.side();
                let givens = pasted.grid.givens();
                self.edit(|editor| editor.replace(pasted.grid));
                self.say(match pasted.of {
                    1 => format!("A {side} × {side} puzzle with {givens} givens."),
                    of => format!("The first of {of} puzzles: {side} × {side} with {givens} givens."),
                });
            }
            Err(error) => self.say_bad(format!("That is no puzzle: {error}.")),
        }
    }
}
