//! The maze with its tools, its size and what there is to say about it.

use super::state::{MazeState, WALL};
use crate::{
    components::history::History,
    grid::{painter::Painter, squares::Squares},
    pages::solve::{
        board::{capital, key},
        clipboard::Paste,
        given::{Given, OpenFile},
        picker::Picker,
        size::SizeField,
    },
};
use hrm_types::{
    board::{self, Kind, MAX_SIDE},
    maze::{self, FREE, GOAL, START},
};
use leptos::prelude::*;

/// The maze and its tools.
#[component]
pub(super) fn Board(state: MazeState) -> impl IntoView {
    let shown = Memo::new(move |_| state.shown());
    let label = move || format!("Maze, {0} by {0}", state.ask.side.get());
    let pick = Callback::new(move |puzzle: hrm_types::dataset::StoredPuzzle| {
        if let Ok(maze) = board::Board::read(Kind::Maze, &puzzle.question) {
            state.edit(|painter| painter.replace(Some(maze)));
        }
    });
    view! {
        <section class="board" aria-label="Maze">
            <Tools state />
            <Squares
                id="maze"
                label=Signal::derive(label)
                shown=shown
                on_stroke=Callback::new(move |stroke| state.stroke(stroke))
            />
            <p class="board-said" role="status">{move || said(state)}</p>
            <Size state />
            <Picker ask=state.ask on_pick=pick />
        </section>
    }
}

#[component]
fn Tools(state: MazeState) -> impl IntoView {
    let tools = [(WALL, "Wall"), (FREE, "Free"), (START, "Start"), (GOAL, "Goal")].map(|(value, name)| {
        view! {
            <button
                type="button"
                aria-pressed=move || (state.tool.get() == value).to_string()
                on:click=move |_| state.tool.set(value)
            >
                {name}
            </button>
        }
    });
    let take = Callback::new(move |given: Given| state.take_text(&given.text));
    view! {
        <div class="tools">
            <div class="segments" role="group" aria-label="Draw">{tools.into_iter().collect_view()}</div>
            <div class="tool-buttons">
                <button type="button" class="quiet" on:click=move |_| state.another()>"Example"</button>
                <OpenFile ask=state.ask accept=".txt,text/plain" on_given=take />
                <button type="button" class="quiet" on:click=move |_| clear(state)>"Clear"</button>
                <History
                    can_undo=Signal::derive(move || state.painter.with(Painter::can_undo))
                    can_redo=Signal::derive(move || state.painter.with(Painter::can_redo))
                    undo=Callback::new(move |()| state.edit(Painter::undo))
                    redo=Callback::new(move |()| state.edit(Painter::redo))
                />
                <Paste on_given=take />
            </div>
        </div>
    }
}

fn clear(state: MazeState) {
    let side = state.ask.side.get_untracked();
    let blank = board::Board::new(side, side, vec![FREE; usize::from(side) * usize::from(side)]);
    state.edit(|painter| painter.replace(blank.ok()));
}

/// The side, and which sides there are models for.
#[component]
fn Size(state: MazeState) -> impl IntoView {
    let resize = move |side: u8| state.edit(|painter| painter.resize(side, side, FREE));
    let sides = move || {
        let sides: Vec<String> = state.ask.sides().iter().map(|side| format!("{side} × {side}")).collect();
        match sides.as_slice() {
            [] => "No stored model solves mazes yet.".to_owned(),
            sides => format!("Stored models take {}.", sides.join(" and ")),
        }
    };
    view! {
        <div class="sizes">
            <SizeField ask=state.ask label="Rows and columns" range=3..=MAX_SIDE value=state.ask.side resize />
            <p class="note">{sides}</p>
        </div>
    }
}

/// What there is to say: what is missing first, then what was just done, then how to draw or what marks mean.
fn said(state: MazeState) -> AnyView {
    let missing = state.maze().and_then(|maze| maze::check_ends(&maze).err());
    if let Some(error) = missing {
        let text =
            format!("{}. Choose Start or Goal and press a cell, or press S or G on one.", capital(&error.to_string()));
        return view! { <span class="bad">{text}</span> }.into_any();
    }
    if let Some(said) = state.ask.said.get() {
        return said.view();
    }
    if state.ask.outcome.with(Option::is_some) {
        return key(state.ask).into_any();
    }
    view! { <span>"Draw with the pointer; or go with the arrows and press Space for a wall, S, G. Paste rows anywhere."</span> }
        .into_any()
}
