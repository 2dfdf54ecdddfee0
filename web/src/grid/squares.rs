//! Mazes and ARC grids on the screen: the markup of a grid of coloured squares, one text for all its cells.
//!
//! A thousand cells are drawn anew faster than they are kept up to date one by one. The grid has the focus as a whole and
//! names its active cell.

use hrm_types::board::{Board, Kind};
use leptos::{html, prelude::*};
use std::fmt::Write;

/// What is known of an answer's cells.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Reading {
    /// Probability of each cell.
    pub(crate) confidence: Vec<f32>,
    /// Cells that stand otherwise than a step before.
    pub(crate) changed: Vec<usize>,
    /// Cells that are wrong.
    pub(crate) wrong: Vec<u32>,
}

/// What is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) kind: Kind,
    pub(crate) board: Board,
    /// The active cell, and the selected ones, while it is drawn on.
    pub(crate) cursor: Option<usize>,
    pub(crate) selected: Vec<bool>,
    /// Of an answer.
    pub(crate) reading: Option<Reading>,
    /// Whether cells show their numbers.
    pub(crate) numbers: bool,
}

const MAZE: [&str; 5] = ["wall", "free", "start", "goal", "path"];
const COLOURS: [&str; 10] = ["black", "blue", "red", "green", "yellow", "grey", "magenta", "orange", "sky", "maroon"];

/// A cell's value in words.
pub(crate) fn word(kind: Kind, value: u8) -> &'static str {
    let words: &[&str] = if kind == Kind::Maze { &MAZE } else { &COLOURS };
    words.get(usize::from(value)).copied().unwrap_or("none")
}

/// The rows and cells; ids begin with `id`.
fn markup(id: &str, shown: &Shown) -> String {
    let columns = usize::from(shown.board.columns());
    let mut text = String::with_capacity(shown.board.cells().len() * 96);
    let flat = Reading::default();
    let reading = shown.reading.as_ref().unwrap_or(&flat);
    for (at, &value) in shown.board.cells().iter().enumerate() {
        let (row, column) = (at / columns + 1, at % columns + 1);
        if column == 1 {
            text += if row == 1 { "<div role=row>" } else { "</div><div role=row>" };
        }
        let selected = shown.selected.get(at).copied().unwrap_or_default();
        let (changed, wrong) = (reading.changed.contains(&at), reading.wrong.contains(&(at as u32)));
        let mark = |yes: bool, class: &'static str| if yes { class } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "<div role=gridcell id={id}-{at} class='square {kind}-{value}{}{}{}{}' aria-label='row {row} column {column}, {}",
            mark(selected, " selected"),
            mark(shown.cursor == Some(at), " active"),
            mark(changed, " changed"),
            mark(wrong, " wrong"),
            word(shown.kind, value),
            kind = shown.kind.as_str(),
        );
        if let Some(share) = reading.confidence.get(at) {
            let _ = write!(text, ", {:.0} % sure", share * 100.0);
            text += mark(changed, ", changed in this step");
            text += mark(wrong, ", wrong");
            let _ = write!(text, "' style='--c:{share:.3}");
        }
        if shown.cursor.is_some() {
            let _ = write!(text, "' aria-selected='{selected}");
        }
        text += "'>";
        match (shown.kind, value) {
            (Kind::Maze, 2) => text += "S",
            (Kind::Maze, 3) => text += "G",
            (Kind::Arc, _) if shown.numbers => _ = write!(text, "{value}"),
            _ => {}
        }
        text += "</div>";
    }
    text + "</div>"
}

/// What a pointer does on a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// It is pressed on a cell; with Shift or not.
    Press(usize, bool),
    /// It is drawn over a cell.
    Over(usize),
    /// It is let go.
    End,
}

/// A grid of squares; without `on_stroke` it is looked at only.
#[component]
pub(crate) fn Squares(
    /// The first part of its cells' ids.
    id: &'static str,
    /// Its name.
    #[prop(into)]
    label: Signal<String>,
    /// What it shows.
    #[prop(into)]
    shown: Signal<Option<Shown>>,
    /// Called with what a pointer does.
    #[prop(optional)]
    on_stroke: Option<Callback<Stroke>>,
) -> impl IntoView {
    let grid = NodeRef::<html::Div>::new();
    let size = move || shown.with(|shown| shown.as_ref().map_or((1, 1), |s| (s.board.rows(), s.board.columns())));
    // The cell under a pointer, by where it is: a captured pointer tells of no other element.
    let under = move |event: &web_sys::PointerEvent| {
        let place = grid.get_untracked()?.get_bounding_client_rect();
        let (rows, columns) = untrack(size);
        let part = |at: i32, from: f64, length: f64, cells: u8| {
            let part = (f64::from(at) - from) / length * f64::from(cells);
            (part >= 0.0 && part < f64::from(cells)).then_some(part as usize)
        };
        let row = part(event.client_y(), place.top(), place.height(), rows)?;
        let column = part(event.client_x(), place.left(), place.width(), columns)?;
        Some(row * usize::from(columns) + column)
    };
    let tell = move |stroke: Stroke| _ = on_stroke.map(|on_stroke| on_stroke.run(stroke));
    let pressed = StoredValue::new(None::<usize>);
    let down = move |event: web_sys::PointerEvent| {
        let Some(cell) = under(&event) else { return };
        pressed.set_value(Some(cell));
        if let Some(grid) = grid.get_untracked() {
            // A pointer that is gone already needs no capture.
            let _ = grid.set_pointer_capture(event.pointer_id());
        }
        tell(Stroke::Press(cell, event.shift_key()));
    };
    let over = move |event: web_sys::PointerEvent| {
        let (Some(last), Some(cell)) = (pressed.get_value(), under(&event)) else { return };
        if last != cell {
            pressed.set_value(Some(cell));
            tell(Stroke::Over(cell));
        }
    };
    let end = move |_| {
        if pressed.get_value().is_some() {
            pressed.set_value(None);
            tell(Stroke::End);
        }
    };
    let markup = move || shown.with(|shown| shown.as_ref().map(|shown| markup(id, shown)).unwrap_or_default());
    let active = move || shown.with(|shown| shown.as_ref()?.cursor.map(|cursor| format!("{id}-{cursor}")));
    view! {
        <div
            node_ref=grid
            id=id
            role="grid"
            class="squares"
            class:drawn-on=on_stroke.is_some()
            class:answered=move || shown.with(|shown| shown.as_ref().is_some_and(|shown| shown.reading.is_some()))
            tabindex="0"
            aria-label=move || label.get()
            aria-activedescendant=active
            aria-multiselectable=on_stroke.map(|_| "true")
            style:--rows=move || size().0.to_string()
            style:--columns=move || size().1.to_string()
            on:pointerdown=down
            on:pointermove=over
            on:pointerup=end
            on:pointercancel=end
            inner_html=markup
        ></div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_say_what_they_are() {
        let board = Board::read(Kind::Maze, "S##  #  G").expect("a maze");
        let drawn = Shown {
            kind: Kind::Maze,
            board,
            cursor: Some(1),
            selected: vec![false, true],
            reading: None,
            numbers: false,
        };
        let text = markup("m", &drawn);
        assert!(text.starts_with("<div role=row><div role=gridcell id=m-0 class='square maze-2' aria-label='row 1 column 1, start' aria-selected='false'>S</div>"), "{text}");
        assert!(text.contains("id=m-1 class='square maze-0 selected active'"), "{text}");
        assert_eq!((text.matches("<div role=row>").count(), text.matches("</div>").count()), (3, 12));
        let reading = Reading { confidence: vec![0.5; 9], changed: vec![3], wrong: vec![3] };
        let answer = Shown { cursor: None, selected: vec![], reading: Some(reading), ..drawn };
        let says = "aria-label='row 2 column 1, free, 50 % sure, changed in this step, wrong' style='--c:0.500'>";
        assert!(markup("m", &answer).contains(says));
    }
}
