//! The board: the grid with what belongs to it — its size, its tools, a keypad, and what there is to say about it.

use super::{
    ask::Ask,
    clipboard::Paste,
    examples,
    given::{Given, OpenFile},
    list::ListBar,
    picker::Picker,
    state::SolveState,
};
use crate::{
    browser,
    components::history::History,
    grid::{
        editor::Editor,
        view::{SudokuGrid, cell_id},
    },
};
use hrm_types::{board::Kind, sudoku::Grid};
use leptos::prelude::*;

/// The grid and its tools.
#[component]
pub(crate) fn Board(state: SolveState) -> impl IntoView {
    let side = Memo::new(move |_| state.side());
    let cells = Memo::new(move |_| state.cells());
    let cursor = Memo::new(move |_| state.editor.with(Editor::cursor));
    let touch = Callback::new(move |(cell, how)| {
        state.touch(cell, how);
        browser::focus(&cell_id(state.editor.with_untracked(Editor::cursor)));
    });
    view! {
        <section class="board" aria-label="Puzzle" class:answered=move || state.ask.outcome.with(Option::is_some)>
            <Tools state side />
            <ListBar state />
            <SudokuGrid side cells cursor on_touch=touch />
            <p class="board-said" role="status">{move || said(state)}</p>
            <Keypad state side />
            <Picker ask=state.ask on_pick=Callback::new(move |puzzle| examples::take(state, &puzzle)) />
        </section>
    }
}

#[component]
fn Tools(state: SolveState, side: Memo<usize>) -> impl IntoView {
    let sides = [4_u8, 6, 9].map(|choice| {
        let this = usize::from(choice);
        view! {
            <button
                type="button"
                aria-pressed=move || (side.get() == this).to_string()
                on:click=move |_| {
                    if side.get_untracked() != this {
                        state.edit(|editor| editor.replace(examples::built_in(choice)));
                    }
                }
            >
                {format!("{choice} × {choice}")}
            </button>
        }
    });
    let take = Callback::new(move |given: Given| state.take_text(&given.text));
    view! {
        <div class="tools">
            <div class="segments" role="group" aria-label="Size">{sides.into_iter().collect_view()}</div>
            <div class="tool-buttons">
                <button type="button" class="quiet" on:click=move |_| examples::another(state)>"Example"</button>
                <OpenFile
                    ask=state.ask
                    accept=".sdk,.sdm,.ss,.txt,.csv,text/plain"
                    on_given=take
                />
                <button type="button" class="quiet" on:click=move |_| clear(state)>"Clear"</button>
                <History
                    can_undo=Signal::derive(move || state.editor.with(Editor::can_undo))
                    can_redo=Signal::derive(move || state.editor.with(Editor::can_redo))
                    undo=Callback::new(move |()| state.edit(Editor::undo))
                    redo=Callback::new(move |()| state.edit(Editor::redo))
                />
                <Paste on_given=take />
            </div>
        </div>
    }
}

fn clear(state: SolveState) {
    let cells = state.editor.with_untracked(|editor| editor.grid().cells().len());
    if let Ok(blank) = Grid::from_cells(vec![0; cells]) {
        state.edit(|editor| editor.replace(blank));
    }
}

/// What there is to say: what is wrong first, then what was just done, then what the marks mean.
fn said(state: SolveState) -> AnyView {
    let contradictions = state.editor.with(|editor| editor.grid().contradictions());
    if let Some(first) = contradictions.first() {
        let more = match contradictions.len() {
            1 => String::new(),
            n => format!(" ({} in all)", crate::format::counted(n as u64, "contradiction")),
        };
        return view! { <span class="bad">{format!("{}{more}.", capital(&first.to_string()))}</span> }.into_any();
    }
    match state.ask.said.get() {
        Some(said) => said.view(),
        None if state.ask.outcome.with(Option::is_some) => key(state.ask).into_any(),
        None => {
            let givens = state.editor.with(|editor| editor.grid().givens());
            let givens = crate::format::counted(givens as u64, "given");
            let text = format!("{givens}. Paste or drop puzzles anywhere: a line, a drawn grid, a list, a file.");
            view! { <span>{text}</span> }.into_any()
        }
    }
}

/// What shades and marks on an answered board mean.
pub(crate) fn key(ask: Ask) -> impl IntoView {
    let shade = match ask.kind {
        Kind::Sudoku => "key-shade",
        Kind::Maze => "key-size key-path",
        Kind::Arc => "key-size",
    };
    let wrong = if ask.kind == Kind::Arc { " not the output's colour" } else { " against the rules" };
    view! {
        <span class="key">
            <span>"unsure " <i class=shade></i> " sure"</span>
            <span><i class="key-changed"></i> " changed in this step"</span>
            <span><i class="key-wrong"></i> {wrong}</span>
        </span>
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Digits to press where there is no keyboard.
#[component]
fn Keypad(state: SolveState, side: Memo<usize>) -> impl IntoView {
    let put = move |digit: u8| state.put(digit);
    let digits = move || {
        (1..=side.get() as u8)
            .map(|digit| view! { <button type="button" on:click=move |_| put(digit)>{digit}</button> })
            .collect_view()
    };
    view! {
        <div class="keypad" role="group" aria-label="Digits" style:--side=move || side.get().to_string()>
            {digits}
            <button
                type="button"
                class="pencil"
                aria-label="Pencil marks"
                title="Pencil marks (Space; or Shift with a digit)"
                aria-pressed=move || state.pencil.get().to_string()
                on:click=move |_| state.pencil.update(|pencil| *pencil = !*pencil)
            >
                <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
                    <path d="M2 16l1-4L12.5 2.5l3 3L6 15zM11 4l3 3" />
                </svg>
            </button>
            <button type="button" aria-label="Clear the cell" on:click=move |_| put(0)>
                <svg width="20" height="14" viewBox="0 0 20 14" aria-hidden="true">
                    <path d="M6 1h13v12H6L1 7zM9.5 4.5l5 5M14.5 4.5l-5 5" />
                </svg>
            </button>
        </div>
    }
}
