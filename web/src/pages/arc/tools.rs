//! What one draws with: tools, colours, sizes.

use super::{
    keys,
    state::{ArcState, Tool},
};
use crate::components::history::History;
use crate::grid::{
    painter::{Painter, Turn},
    squares::word,
};
use crate::pages::solve::size::SizeField;
use hrm_types::board::{Board, Kind, MAX_SIDE};
use leptos::prelude::*;

/// What a button does: its name, a hint, and the change.
type Act = (&'static str, &'static str, fn(ArcState));

/// Draw, select, fill; copy, paste, turn; undo and redo.
#[component]
pub(super) fn Tools(state: ArcState) -> impl IntoView {
    let tools = [(Tool::Draw, "Draw", "D"), (Tool::Select, "Select", "S"), (Tool::Fill, "Fill", "F")];
    let tools = tools.map(|(tool, name, key)| {
        view! {
            <button
                type="button"
                title=format!("{name} ({key})")
                aria-pressed=move || (state.tool.get() == tool).to_string()
                on:click=move |_| state.tool.set(tool)
            >
                {name}
            </button>
        }
    });
    let acts: [Act; 5] = [
        ("Copy", "The selection (C)", keys::copy),
        ("Paste", "What was copied (V)", keys::paste),
        ("Mirror", "Left to right (X); Y does it top to bottom", |state| state.edit(|p| p.turn(Turn::LeftRight))),
        ("Turn", "A quarter (T)", |state| state.edit(|painter| painter.turn(Turn::Right))),
        ("From input", "The pair's input in place of this grid", copy_from_input),
    ];
    let acts = acts.map(|(name, title, act)| {
        view! { <button type="button" class="quiet" title=title on:click=move |_| act(state)>{name}</button> }
    });
    view! {
        <div class="tools">
            <div class="segments" role="group" aria-label="Tool">{tools.into_iter().collect_view()}</div>
            <div class="tool-buttons">
                {acts.into_iter().collect_view()}
                <History
                    can_undo=Signal::derive(move || state.painter.with(Painter::can_undo))
                    can_redo=Signal::derive(move || state.painter.with(Painter::can_redo))
                    undo=Callback::new(move |()| state.edit(Painter::undo))
                    redo=Callback::new(move |()| state.edit(Painter::redo))
                />
            </div>
        </div>
    }
}

fn copy_from_input(state: ArcState) {
    state.edit(|painter| {
        let input = painter.active() / 2 * 2;
        let copied = painter.boards().get(input).cloned().flatten();
        if painter.active() != input && copied.is_some() {
            painter.replace(copied);
        }
    });
}

/// The ten colours, with their numbers.
#[component]
pub(super) fn Palette(state: ArcState) -> impl IntoView {
    let colours = (0..10_u8).map(|colour| {
        view! {
            <button
                type="button"
                class=format!("swatch arc-{colour}")
                aria-label=format!("{colour}, {}", word(Kind::Arc, colour))
                title=format!("{} ({colour})", word(Kind::Arc, colour))
                aria-pressed=move || (state.colour.get() == colour).to_string()
                on:click=move |_| state.pick(colour)
            >
                {colour}
            </button>
        }
    });
    view! { <div class="palette" role="group" aria-label="Colour">{colours.collect_view()}</div> }
}

/// Rows and columns of the grid that is drawn on, and what else there is about it.
#[component]
pub(super) fn Size(state: ArcState) -> impl IntoView {
    let size = Memo::new(move |_| state.painter.with(Painter::size));
    let (rows, columns) = (Signal::derive(move || size.get().0 as u8), Signal::derive(move || size.get().1 as u8));
    let resize = move |rows: Option<u8>, columns: Option<u8>| {
        let now = size.get_untracked();
        let (rows, columns) = (rows.unwrap_or(now.0 as u8), columns.unwrap_or(now.1 as u8));
        state.edit(|painter| painter.resize(rows, columns, 0));
    };
    let clear = move |_| {
        let (rows, columns) = size.get_untracked();
        let blank = Board::new(rows as u8, columns as u8, vec![0; rows * columns]);
        state.edit(|painter| painter.replace(blank.ok()));
    };
    view! {
        <div class="sizes">
            <SizeField ask=state.ask label="Rows" range=1..=MAX_SIDE value=rows resize=move |rows| resize(Some(rows), None) />
            <SizeField ask=state.ask label="Columns" range=1..=MAX_SIDE value=columns resize=move |columns| resize(None, Some(columns)) />
            <button type="button" class="quiet" on:click=clear>"Clear"</button>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=move || state.numbers.get()
                    on:change=move |event| state.numbers.set(event_target_checked(&event))
                />
                <span>"Show numbers"</span>
            </label>
        </div>
    }
}
