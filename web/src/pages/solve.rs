//! Solve: a puzzle is typed or pasted, a model answers it, and its steps are played back and forth. Sudokus are here, mazes
//! and ARC tasks in parts of their own.

pub(crate) mod address;
mod again;
pub(crate) mod ask;
mod attempts;
pub(crate) mod board;
pub(crate) mod clipboard;
pub(crate) mod controls;
mod examples;
mod foreign;
pub(crate) mod given;
pub(crate) mod keys;
mod list;
pub(crate) mod picker;
mod player;
pub(crate) mod result;
pub(crate) mod share;
pub(crate) mod size;
mod state;
mod verdict;
mod whole;

use crate::{
    api::solving::Solver,
    browser,
    components::page::Page,
    format,
    grid::{editor::Editor, paste, view::cell_id},
};
use ask::Ask;
use board::Board;
use controls::Controls;
use given::{DropHint, Given, listen};
use leptos::prelude::*;
use leptos_router::components::A;
use result::ResultPanel;
use state::SolveState;

/// Side of the example that stands there first.
const FIRST: u8 = 6;

/// The page at `/`; `?s=PUZZLE&model=…&steps=…&attempts=…&step=…` opens a puzzle and its result, with
/// `&draft=1` the puzzle alone.
#[component]
pub(crate) fn SolvePage() -> impl IntoView {
    let state = SolveState::new();
    address::follow(state.ask, move |query, _| {
        let step = state.ask.open(query);
        if !query.get("s").is_some_and(|text| state.take_link(&text)) {
            state.start_with(examples::built_in(FIRST));
            follow_models(state);
        } else if !share::is_draft(query) {
            state.ask.solve(step);
        }
    });
    state.bring_back_list();
    let take = move |given: Given| {
        state.take_text(&given.text);
        browser::focus(&cell_id(state.editor.with_untracked(Editor::cursor)));
    };
    listen(state.ask, Callback::new(move |event| keys::handle(state, &event)), Callback::new(take));
    let lead =
        "Type or paste a puzzle. A hierarchical reasoning model answers it in steps, and every step can be seen.";
    frame(state.ask, "Solve a Sudoku", lead, view! { <Board state /> }.into_any())
}

/// A page that solves: a board, and beside it the model and its answer.
pub(crate) fn frame(ask: Ask, title: &'static str, lead: &'static str, board: AnyView) -> AnyView {
    view! {
        <Page title=title lead=lead actions=kinds>
            <div class="solve" class:answered=move || ask.outcome.with(Option::is_some)>
                {board}
                <DropHint ask />
                <div class="solve-side">
                    <Controls ask />
                    <ResultPanel ask />
                </div>
            </div>
        </Page>
    }
    .into_any()
}

/// The ways to the pages that solve: each kind of puzzle, and many at once.
pub(crate) fn kinds() -> impl IntoView {
    view! {
        <nav class="segments" aria-label="What to solve">
            <A href="/" exact=true>"Sudoku"</A>
            <A href="/solve/maze">"Maze"</A>
            <A href="/solve/arc">"ARC"</A>
            <A href="/batches">"Batches"</A>
        </nav>
    }
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
            let fits = |model: &&Solver| named.is_some() || usize::from(model.side) == side;
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

impl SolveState {
    /// Begins with the puzzle of a link, or says why it is none; whether it is one.
    fn take_link(self, text: &str) -> bool {
        let linked = match paste::read(text) {
            Ok(linked) => linked,
            Err(error) => {
                self.ask.say_bad(format!("The link holds no puzzle: {error}."));
                return false;
            }
        };
        let Some(grid) = linked.grids.into_iter().next() else { return false };
        self.start_with(grid);
        true
    }

    /// Puts what a text holds in place of the puzzle, or says why it holds none.
    pub(crate) fn take_text(self, text: &str) {
        let pasted = match paste::read(text) {
            Ok(pasted) => pasted,
            Err(error) => return self.ask.refuse(text, format!("That is no puzzle: {error}.")),
        };
        let (of, marked) = (pasted.grids.len(), pasted.marks.is_some());
        let Some(grid) = pasted.grids.first().cloned() else { return };
        let (side, givens) = (grid.side(), format::counted(grid.givens() as u64, "given"));
        self.open_list(pasted.grids);
        self.edit(|editor| match pasted.marks {
            Some(marks) => editor.replace_marked(grid, marks),
            None => editor.replace(grid),
        });
        let skipped = pasted.skipped.map(|skipped| {
            let lines = format::counted(skipped.lines as u64, "line");
            let verb = if skipped.lines == 1 { "holds" } else { "hold" };
            format!(" {lines} {verb} none, the first is line {}.", skipped.first)
        });
        let said = match of {
            1 if marked => format!("A {side} × {side} puzzle with {givens} and its candidates."),
            1 => format!("A {side} × {side} puzzle with {givens}."),
            of => format!("{}.", format::counted(of as u64, "puzzle")),
        };
        self.ask.say(said + &skipped.unwrap_or_default());
    }
}
