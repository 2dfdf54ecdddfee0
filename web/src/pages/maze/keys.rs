//! Keys of the maze: arrows, walls, start and goal, undo and redo, Enter.

use super::state::{MazeState, WALL};
use crate::{
    grid::{editor::Arrow, painter::Painter},
    pages::solve::keys::{Place, place},
};
use hrm_types::maze::{FREE, GOAL, START};
use leptos::{ev::KeyboardEvent, prelude::*};

/// The arrow of a key.
pub(crate) fn arrow(key: &str) -> Option<Arrow> {
    Some(match key {
        "ArrowUp" => Arrow::Up,
        "ArrowDown" => Arrow::Down,
        "ArrowLeft" => Arrow::Left,
        "ArrowRight" => Arrow::Right,
        "Home" => Arrow::RowStart,
        "End" => Arrow::RowEnd,
        _ => return None,
    })
}

/// Whether a key takes a change back, or makes it again, with Control (or Command on a Mac) held.
pub(crate) fn travel(event: &KeyboardEvent) -> Option<fn(&mut Painter)> {
    match (event.key().as_str(), event.shift_key()) {
        ("z" | "Z", false) => Some(Painter::undo),
        ("y" | "Y", _) | ("z" | "Z", true) => Some(Painter::redo),
        _ => None,
    }
}

/// Does what a key asks for.
pub(super) fn handle(state: MazeState, event: &KeyboardEvent) {
    if event.alt_key() || event.default_prevented() {
        return;
    }
    let at = place(event.target());
    if event.ctrl_key() || event.meta_key() {
        if let Some(travel) = travel(event).filter(|_| at != Place::Field) {
            event.prevent_default();
            state.edit(travel);
        }
        return;
    }
    let key = event.key();
    if key == "Enter" && matches!(at, Place::Grid | Place::Page) {
        event.prevent_default();
        state.ask.solve(None);
        return;
    }
    if at != Place::Grid {
        return;
    }
    let cursor = state.painter.with_untracked(Painter::cursor);
    if let Some(arrow) = arrow(&key) {
        state.edit(|painter| painter.go(arrow, event.shift_key()));
    } else {
        let value = match key.as_str() {
            " " | "w" | "W" | "#" => state.drawn(cursor, WALL),
            "s" | "S" => START,
            "g" | "G" => GOAL,
            "." | "Backspace" | "Delete" => FREE,
            _ => return,
        };
        state.edit(|painter| {
            painter.begin_stroke();
            match value {
                START | GOAL => painter.put_alone(cursor, value, FREE),
                _ => painter.fill_selection(value),
            }
            painter.end_stroke();
        });
    }
    event.prevent_default();
}
