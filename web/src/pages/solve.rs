//! Solve: a puzzle is typed or pasted, a model answers it, and its steps are played back and forth. Sudokus are here, mazes
//! and ARC tasks in parts of their own.

pub(crate) mod ask;
pub(crate) mod board;
pub(crate) mod controls;
mod examples;
pub(crate) mod keys;
pub(crate) mod picker;
mod player;
pub(crate) mod result;
mod share;
mod state;
mod verdict;

use crate::{
    browser,
    components::page::Page,
    grid::{editor::Editor, paste, view::cell_id},
};
use ask::Ask;
use board::Board;
use controls::Controls;
use leptos::{ev::KeyboardEvent, prelude::*};
use leptos_router::{components::A, hooks::use_query_map};
use result::ResultPanel;
use state::SolveState;
use wasm_bindgen::JsCast;

/// The page at `/`; `?s=PUZZLE&model=…&steps=…&step=…` opens a puzzle and its result.
#[component]
pub(crate) fn SolvePage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let state = SolveState::new();
    let step = state.ask.open(&query);
    match query.get("s") {
        Some(text) => {
            state.take_link(&text);
            state.ask.solve(step);
        }
        None => follow_models(state),
    }
    let paste = move |text: String| {
        state.take_text(&text);
        browser::focus(&cell_id(state.editor.with_untracked(Editor::cursor)));
    };
    listen(Callback::new(move |event| keys::handle(state, &event)), Callback::new(paste));
    let lead =
        "Type or paste a puzzle. A hierarchical reasoning model answers it in steps, and every step can be seen.";
    frame(state.ask, "Solve a Sudoku", lead, view! { <Board state /> }.into_any())
}

/// A page that solves: a board, and beside it the model and its answer.
pub(crate) fn frame(ask: Ask, title: &'static str, lead: &'static str, board: AnyView) -> AnyView {
    let kinds = || {
        view! {
            <nav class="segments" aria-label="Kinds of puzzle">
                <A href="/" exact=true>"Sudoku"</A>
                <A href="/solve/maze">"Maze"</A>
                <A href="/solve/arc">"ARC"</A>
            </nav>
        }
    };
    view! {
        <Page title=title lead=lead actions=kinds>
            <div class="solve">
                {board}
                <div class="solve-side">
                    <Controls ask />
                    <ResultPanel ask />
                </div>
            </div>
        </Page>
    }
    .into_any()
}

/// Without a puzzle in the link, the first example is one that the model can answer: the model named in the link, or
/// else the one with the smallest grid above the one that nobody needs help with.
fn follow_models(state: SolveState) {
    Effect::new(move |done: Option<bool>| {
        if done == Some(true) {
            return true;
        }
        state.ask.models.value.with(|models| {
            let Some(models) = models else { return false };
            let named = state.ask.model.get_untracked();
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
pub(crate) fn listen(on_key: Callback<KeyboardEvent>, on_paste: Callback<String>) {
    let keys = window_event_listener(leptos::ev::keydown, move |event| on_key.run(event));
    let pasted = window_event_listener(leptos::ev::paste, move |event| {
        let Some(event) = event.dyn_ref::<web_sys::ClipboardEvent>() else { return };
        if keys::in_field(event.target()) {
            return;
        }
        let text = event.clipboard_data().and_then(|data| data.get_data("text").ok()).unwrap_or_default();
        event.prevent_default();
        on_paste.run(text);
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
            Err(error) => self.ask.say_bad(format!("The link holds no puzzle: {error}.")),
        }
    }

    /// Puts a pasted text in place of the puzzle, or says why it is none.
    fn take_text(self, text: &str) {
        match paste::read(text) {
            Ok(pasted) => {
                let side = pasted.grid.side();
                let givens = pasted.grid.givens();
                self.edit(|editor| editor.replace(pasted.grid));
                self.ask.say(match pasted.of {
                    1 => format!("A {side} × {side} puzzle with {givens} givens."),
                    of => format!("The first of {of} puzzles: {side} × {side} with {givens} givens."),
                });
            }
            Err(error) => self.ask.say_bad(format!("That is no puzzle: {error}.")),
        }
    }
}
