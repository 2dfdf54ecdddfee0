//! Keys of ARC: 0 to 9 choose a colour, arrows go, Space writes, D S F are the tools, C and V copy and paste, X Y T turn.

use super::state::{ArcState, Tool};
use crate::{
    grid::painter::{Painter, Turn},
    pages::{
        maze::keys::{arrow, travel},
        solve::keys::{Place, place},
    },
};
use leptos::{ev::KeyboardEvent, prelude::*};

/// Does what a key asks for.
pub(super) fn handle(state: ArcState, event: &KeyboardEvent) {
    if event.alt_key() || event.default_prevented() {
        return;
    }
    let at = place(event.target());
    if at == Place::Field {
        return;
    }
    if event.ctrl_key() || event.meta_key() {
        if let Some(travel) = travel(event) {
            event.prevent_default();
            state.edit(travel);
        }
        return;
    }
    let key = event.key();
    // A button has Enter and Space for itself.
    let meant = match key.as_str() {
        "Enter" => {
            if !at.is_pressed() {
                state.ask.solve(None);
            }
            !at.is_pressed()
        }
        _ => in_grid(state, &key, event.shift_key(), at) || anywhere(state, &key),
    };
    if meant {
        event.prevent_default();
    }
}

/// Keys that mean something only where the cursor is.
fn in_grid(state: ArcState, key: &str, shift: bool, at: Place) -> bool {
    if at != Place::Grid {
        return false;
    }
    if let Some(arrow) = arrow(key) {
        state.edit(|painter| painter.go(arrow, shift));
        return true;
    }
    match key {
        " " => state.apply(),
        "Backspace" | "Delete" => state.edit(|painter| {
            painter.begin_stroke();
            painter.fill_selection(0);
            painter.end_stroke();
        }),
        _ => return false,
    }
    true
}

/// Keys that mean something wherever the focus is.
fn anywhere(state: ArcState, key: &str) -> bool {
    match key {
        "d" | "D" | "e" | "E" => state.tool.set(Tool::Draw),
        "s" | "S" => state.tool.set(Tool::Select),
        "f" | "F" => state.tool.set(Tool::Fill),
        "c" | "C" => copy(state),
        "v" | "V" => paste(state),
        "x" | "X" => state.edit(|painter| painter.turn(Turn::LeftRight)),
        "y" | "Y" => state.edit(|painter| painter.turn(Turn::UpDown)),
        "t" | "T" => state.edit(|painter| painter.turn(Turn::Right)),
        _ => match key.as_bytes() {
            [digit @ b'0'..=b'9'] => state.pick(digit - b'0'),
            _ => return false,
        },
    }
    true
}

/// Keeps the selection to be pasted.
pub(super) fn copy(state: ArcState) {
    state.clip.set(state.painter.with_untracked(Painter::copy));
}

/// Writes what was copied at the selection.
pub(super) fn paste(state: ArcState) {
    if let Some(piece) = state.clip.get_untracked() {
        state.edit(|painter| {
            painter.begin_stroke();
            painter.paste(&piece);
            painter.end_stroke();
        });
    }
}
