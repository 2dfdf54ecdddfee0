//! The grid on the screen: one focusable cell at a time, named for screen readers, marked for everybody else.

use hrm_types::sudoku::box_shape;
use leptos::prelude::*;

/// How one cell looks.
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own, and any of them may meet")]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Cell {
    /// 0 for blank.
    pub(crate) digit: u8,
    /// Part of the puzzle rather than of an answer.
    pub(crate) given: bool,
    /// Against the rules, together with some other cell or the puzzle.
    pub(crate) wrong: bool,
    /// Probability of the digit, for an answer's cells.
    pub(crate) confidence: Option<f32>,
    /// Another digit than a step before.
    pub(crate) changed: bool,
    /// Pencil marks, bit `d` for digit `d`.
    pub(crate) marks: u16,
    /// Whether digits go here.
    pub(crate) selected: bool,
}

/// How a cell was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Chosen alone.
    Only,
    /// With Control: in or out of the selection.
    Toggle,
    /// With Shift: everything up to here.
    Extend,
    /// Dragged over.
    Drag,
    /// The focus came here.
    Focus,
}

impl Cell {
    /// The cell in words: `row 3 column 5, given 7`.
    fn label(self, row: usize, column: usize) -> String {
        let content = match (self.digit, self.given) {
            (0, _) => "empty".to_owned(),
            (digit, true) => format!("given {digit}"),
            (digit, false) => digit.to_string(),
        };
        let sure = self.confidence.map(|share| format!(", {:.0} % sure", share * 100.0)).unwrap_or_default();
        let mut label = format!("row {row} column {column}, {content}{sure}");
        if self.marks != 0 {
            let marks: Vec<String> = digits(self.marks).map(|digit| digit.to_string()).collect();
            label += ", marks ";
            label += &marks.join(" ");
        }
        if self.changed {
            label += ", changed in this step";
        }
        if self.wrong {
            label += ", against the rules";
        }
        label
    }
}

/// The digits of pencil marks.
fn digits(marks: u16) -> impl Iterator<Item = u8> {
    (1..=9).filter(move |digit| marks & 1 << digit != 0)
}

/// Pencil marks as lines of three, each digit in its place.
fn pencilled(marks: u16) -> Option<String> {
    let place = |digit: u8| {
        let symbol = if marks & 1 << digit == 0 { '\u{2007}' } else { char::from(b'0' + digit) };
        let end = if digit.is_multiple_of(3) { "\n" } else { " " };
        format!("{symbol}{end}")
    };
    (marks != 0).then(|| (1..=9).map(place).collect())
}

/// The id of a cell's element, to move the focus to.
pub(crate) fn cell_id(cell: usize) -> String {
    format!("cell-{cell}")
}

/// A Sudoku grid.
#[component]
pub(crate) fn SudokuGrid(
    /// Its side: 4, 6 or 9.
    #[prop(into)]
    side: Signal<usize>,
    /// Its cells, row by row.
    #[prop(into)]
    cells: Signal<Vec<Cell>>,
    /// The cell that takes the focus.
    #[prop(into)]
    cursor: Signal<usize>,
    /// Called with the cell that was touched, and how.
    on_touch: Callback<(usize, Touch)>,
) -> impl IntoView {
    let rows = move || {
        let side = side.get();
        let row = move |row: usize| {
            let cells = (0..side).map(|column| cell_view(side, row, column, cells, cursor, on_touch)).collect_view();
            view! { <div role="row" class="sudoku-row">{cells}</div> }
        };
        (0..side).map(row).collect_view()
    };
    view! {
        <div class="sudoku" style:--side=move || side.get().to_string()>
            <div
                role="grid"
                class="sudoku-grid"
                aria-label=move || format!("Sudoku, {0} by {0}", side.get())
                aria-rowcount=move || side.get().to_string()
                aria-colcount=move || side.get().to_string()
                aria-multiselectable="true"
            >
                {rows}
            </div>
        </div>
    }
}

fn cell_view(
    side: usize,
    row: usize,
    column: usize,
    cells: Signal<Vec<Cell>>,
    cursor: Signal<usize>,
    on_touch: Callback<(usize, Touch)>,
) -> impl IntoView {
    let index = row * side + column;
    let cell = Memo::new(move |_| cells.with(|cells| cells.get(index).copied().unwrap_or_default()));
    let (box_rows, box_columns) = box_shape(side as u8);
    let (box_rows, box_columns) = (usize::from(box_rows), usize::from(box_columns));
    let focused = Memo::new(move |_| cursor.get() == index);
    let peer = Memo::new(move |_| {
        let (other_row, other_column) = (cursor.get() / side, cursor.get() % side);
        let same_box = other_row / box_rows == row / box_rows && other_column / box_columns == column / box_columns;
        other_row == row || other_column == column || same_box
    });
    let digit = move || match cell.get().digit {
        0 => String::new(),
        digit => digit.to_string(),
    };
    view! {
        <div
            id=cell_id(index)
            role="gridcell"
            class="cell"
            class:given=move || cell.get().given
            class:answer=move || cell.get().confidence.is_some()
            class:wrong=move || cell.get().wrong
            class:changed=move || cell.get().changed
            class:peer=move || peer.get()
            class:box-right={column % box_columns == box_columns - 1 && column + 1 < side}
            class:box-bottom={row % box_rows == box_rows - 1 && row + 1 < side}
            style:--confidence=move || cell.get().confidence.map(|share| format!("{share:.3}"))
            class:selected=move || cell.get().selected
            data-marks=move || pencilled(cell.get().marks)
            tabindex=move || if focused.get() { "0" } else { "-1" }
            aria-selected=move || (focused.get() || cell.get().selected).to_string()
            aria-label=move || cell.get().label(row + 1, column + 1)
            aria-rowindex=row + 1
            aria-colindex=column + 1
            on:pointerdown=move |event| on_touch.run((index, how(&event)))
            on:pointerenter=move |event| {
                if event.buttons() == 1 && event.pointer_type() == "mouse" {
                    on_touch.run((index, Touch::Drag));
                }
            }
            on:focus=move |_| on_touch.run((index, Touch::Focus))
        >
            {digit}
        </div>
    }
}

/// What a press means.
fn how(event: &web_sys::PointerEvent) -> Touch {
    match (event.ctrl_key() || event.meta_key(), event.shift_key()) {
        (true, _) => Touch::Toggle,
        (_, true) => Touch::Extend,
        _ => Touch::Only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_in_words() {
        let check = |cell: Cell, expected: &str| assert_eq!(cell.label(3, 5), expected);
        check(Cell { digit: 7, given: true, ..Cell::default() }, "row 3 column 5, given 7");
        check(Cell::default(), "row 3 column 5, empty");
        check(Cell { marks: 0b1010, ..Cell::default() }, "row 3 column 5, empty, marks 1 3");
        check(
            Cell { digit: 2, confidence: Some(0.934), changed: true, wrong: true, ..Cell::default() },
            "row 3 column 5, 2, 93 % sure, changed in this step, against the rules",
        );
    }
}
