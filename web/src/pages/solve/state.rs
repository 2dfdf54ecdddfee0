//! What the Sudoku page knows: the puzzle under edit, and what is asked about it.

use super::{
    ask::{Ask, Asked, Outcome},
    examples,
    list::List,
    share,
};
use crate::grid::{
    editor::Editor,
    view::{Cell, Touch},
};
use hrm_types::{board::Kind, sudoku::Grid};
use leptos::prelude::*;

/// The page's signals.
#[derive(Clone, Copy)]
pub(crate) struct SolveState {
    pub(crate) editor: RwSignal<Editor>,
    /// Whether digits are pencil marks.
    pub(crate) pencil: RwSignal<bool>,
    /// The puzzles of a list, one after the other.
    pub(crate) list: RwSignal<List>,
    pub(crate) ask: Ask,
}

impl SolveState {
    /// A state before anything was opened.
    pub(crate) fn new() -> Self {
        let editor = RwSignal::new(Editor::new(examples::built_in(6)));
        let side = Memo::new(move |_| editor.with(|editor| editor.grid().side()));
        let puzzle = Memo::new(move |_| editor.with(|editor| asked(editor.grid())));
        let ask = Ask::new(Kind::Sudoku, "/", side.into(), puzzle.into());
        share::follow_edits(ask, move || {
            editor.with(|editor| (editor.can_undo() || editor.can_redo()).then(|| written(editor.grid())))
        });
        Self { editor, pencil: RwSignal::new(false), list: RwSignal::new(List::default()), ask }
    }

    /// Side of the puzzle.
    pub(crate) fn side(self) -> usize {
        self.editor.with(Editor::side)
    }

    /// Whether nothing was typed, pasted or asked yet.
    pub(super) fn is_untouched(self) -> bool {
        let asked = untrack(|| self.ask.busy()) || self.ask.outcome.with_untracked(Option::is_some);
        !asked && !self.editor.with_untracked(Editor::can_undo)
    }

    /// Begins anew with `grid`; there is nothing to undo.
    pub(super) fn start_with(self, grid: Grid) {
        self.editor.set(Editor::new(grid));
    }

    /// Changes the puzzle, its marks or the selection. A result belongs to its puzzle and goes with it.
    pub(crate) fn edit(self, change: impl FnOnce(&mut Editor)) {
        let before = self.editor.with_untracked(|editor| editor.grid().clone());
        self.editor.update(change);
        if self.editor.with_untracked(|editor| *editor.grid() != before) {
            self.ask.forget();
        }
    }

    /// A digit was pressed: it goes into the selected cells, or is marked there.
    pub(crate) fn put(self, digit: u8) {
        let marks = self.pencil.get_untracked() && digit > 0;
        self.edit(|editor| if marks { editor.mark(digit) } else { editor.put(digit) });
    }

    /// A cell was touched.
    pub(crate) fn touch(self, cell: usize, how: Touch) {
        let cursor = self.editor.with_untracked(Editor::cursor);
        if matches!(how, Touch::Focus | Touch::Drag) && cursor == cell {
            return;
        }
        self.editor.update(|editor| match how {
            Touch::Only | Touch::Focus => editor.select(cell),
            Touch::Toggle => editor.toggle(cell),
            Touch::Extend => editor.extend(cell),
            Touch::Drag => editor.add(cell),
        });
    }

    /// The cells on the board: the puzzle, or the shown step of its result.
    pub(crate) fn cells(self) -> Vec<Cell> {
        let shown = self.ask.shown.get();
        self.ask.outcome.with(|outcome| {
            self.editor.with(|editor| match outcome {
                Some(outcome) => answer_cells(outcome, shown, editor),
                None => puzzle_cells(editor),
            })
        })
    }
}

/// The request for a puzzle; absent where its givens contradict each other.
fn asked(grid: &Grid) -> Option<Asked> {
    grid.check_givens().is_ok().then(|| written(grid))
}

fn written(grid: &Grid) -> Asked {
    let line = grid.to_string();
    Asked { puzzle: line.as_str().into(), query: format!("s={line}"), ..Asked::default() }
}

fn puzzle_cells(editor: &Editor) -> Vec<Cell> {
    let conflicts = editor.grid().conflicting_cells();
    let cell = |(i, &digit): (usize, &u8)| Cell {
        digit,
        given: digit != 0,
        wrong: conflicts.contains(&i),
        marks: editor.marks(i),
        selected: editor.is_selected(i),
        ..Cell::default()
    };
    editor.grid().cells().iter().enumerate().map(cell).collect()
}

/// The cells as they stand after step `shown` (0-based); the puzzle's where there is none.
fn answer_cells(outcome: &Outcome, shown: usize, editor: &Editor) -> Vec<Cell> {
    let Some(step) = outcome.response.steps.get(shown) else { return puzzle_cells(editor) };
    let changed = outcome.changed(shown);
    let digit = |symbol: char| symbol.to_digit(10).map_or(0, |digit| digit as u8);
    let pairs = outcome.response.puzzle.chars().zip(step.grid.chars()).enumerate();
    let cell = |(i, (given, found)): (usize, (char, char))| Cell {
        digit: digit(found),
        given: given != '.' && given == found,
        wrong: step.wrong.contains(&(i as u32)),
        confidence: step.confidence.get(i).copied().filter(|_| given == '.'),
        changed: changed.contains(&i),
        ..Cell::default()
    };
    pairs.map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::solve::verdict::tests::outcome;

    #[test]
    fn a_changed_given_is_wrong() {
        let editor = Editor::new("12..34..........".parse().unwrap());
        let answer = outcome(
            (Kind::Sudoku, "12..34.........."),
            &["2143341212344321"],
            (&["row 1, column 1: the given 1 became 2"], &[0, 1]),
            (None, true),
        );
        let cells = answer_cells(&answer, 0, &editor);
        assert!(cells[0].wrong && !cells[0].given, "what stands there is no longer the given");
        assert!(!cells[2].wrong && cells[2].confidence.is_some());
    }
}
