//! What the page knows: the puzzle, the choice of model, the result and where its player stands.

use crate::{
    api, browser,
    grid::{editor::Editor, view::Cell},
    load::Loaded,
};
use hrm_types::{
    Page,
    model::Model,
    problem::Problem,
    solve::{PuzzleInput, SolveRequest, SolveResponse},
    sudoku::Grid,
};
use leptos::{prelude::*, task::spawn_local};

/// Something to tell about what was just done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) bad: bool,
}

/// An answered puzzle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// The puzzle that was asked.
    pub(crate) puzzle: Grid,
    /// Steps asked for; absent when the model was to halt by itself.
    pub(crate) steps: Option<u32>,
    pub(crate) response: SolveResponse,
    /// The grid after each step.
    pub(crate) grids: Vec<Grid>,
}

/// The page's signals.
#[derive(Clone, Copy)]
pub(crate) struct SolveState {
    pub(crate) editor: RwSignal<Editor>,
    pub(crate) said: RwSignal<Option<Said>>,
    pub(crate) models: Loaded<Page<Model>>,
    /// Name or id of the chosen model; the server's choice if absent.
    pub(crate) model: RwSignal<Option<String>>,
    /// Steps to run; until it halts if absent.
    pub(crate) steps: RwSignal<Option<u32>>,
    pub(crate) outcome: RwSignal<Option<Outcome>>,
    pub(crate) problem: RwSignal<Option<Problem>>,
    pub(crate) busy: RwSignal<bool>,
    /// The step on the board, 0-based.
    pub(crate) shown: RwSignal<usize>,
    pub(crate) playing: RwSignal<bool>,
}

impl SolveState {
    /// A state with an example in place.
    pub(crate) fn new(models: Loaded<Page<Model>>) -> Self {
        Self {
            editor: RwSignal::new(Editor::new(super::examples::built_in(6))),
            said: RwSignal::new(None),
            models,
            model: RwSignal::new(None),
            steps: RwSignal::new(None),
            outcome: RwSignal::new(None),
            problem: RwSignal::new(None),
            busy: RwSignal::new(false),
            shown: RwSignal::new(0),
            playing: RwSignal::new(false),
        }
    }

    /// Side of the puzzle.
    pub(crate) fn side(self) -> usize {
        self.editor.with(Editor::side)
    }

    /// The models for the puzzle's side; absent until the list is there.
    pub(crate) fn models_of_side(self) -> Option<Vec<Model>> {
        let side = self.side();
        let fits = |model: &&Model| usize::from(model.side) == side && model.kind == "sudoku";
        self.models.value.with(|models| models.as_ref().map(|page| page.items.iter().filter(fits).cloned().collect()))
    }

    /// Whether nothing was typed, pasted or asked yet.
    pub(crate) fn is_untouched(self) -> bool {
        !self.editor.with_untracked(Editor::can_undo) && self.outcome.with_untracked(Option::is_none)
    }

    /// Whether the givens agree with each other.
    pub(crate) fn puzzle_is_sound(self) -> bool {
        self.editor.with(|editor| editor.grid().check_givens().is_ok())
    }

    pub(crate) fn say(self, text: String) {
        self.said.set(Some(Said { text, bad: false }));
    }

    pub(crate) fn say_bad(self, text: String) {
        self.said.set(Some(Said { text, bad: true }));
    }

    pub(crate) fn said_something_bad(self) -> bool {
        self.said.with_untracked(|said| said.as_ref().is_some_and(|said| said.bad))
    }

    /// Begins anew with `grid`; there is nothing to undo.
    pub(crate) fn start_with(self, grid: Grid) {
        self.editor.set(Editor::new(grid));
    }

    /// Changes the puzzle or the cursor. A result belongs to its puzzle and goes with it.
    pub(crate) fn edit(self, change: impl FnOnce(&mut Editor)) {
        let before = self.editor.with_untracked(|editor| editor.grid().clone());
        self.editor.update(change);
        if self.editor.with_untracked(|editor| *editor.grid() != before) {
            self.playing.set(false);
            self.outcome.set(None);
            self.problem.set(None);
            self.said.set(None);
            let side = self.side();
            let chosen = self.model.get_untracked();
            let fits = |model: &Model| usize::from(model.side) == side && model.kind == "sudoku";
            let known = self.models.value.with_untracked(|models| {
                let mut models = models.iter().flat_map(|page| page.items.iter());
                models.any(|model| fits(model) && is_named(model, chosen.as_deref()))
            });
            // A model answers one size of grid; the choice of another is not carried over.
            if chosen.is_some() && self.models.value.with_untracked(Option::is_some) && !known {
                self.model.set(None);
            }
        }
    }

    /// Asks the model, then plays its steps, or shows `step` (1-based) of them.
    pub(crate) fn solve(self, step: Option<usize>) {
        if self.busy.get_untracked() || self.editor.with_untracked(|editor| editor.grid().check_givens().is_err()) {
            return;
        }
        let puzzle = self.editor.with_untracked(|editor| editor.grid().clone());
        let steps = self.steps.get_untracked();
        let request =
            SolveRequest { puzzle: PuzzleInput::Text(puzzle.to_string()), model: self.model.get_untracked(), steps };
        self.busy.set(true);
        self.said.set(None);
        spawn_local(async move {
            let answer = api::solving::solve(&request).await;
            let asked_still = self.editor.try_with_untracked(|editor| *editor.grid() == puzzle);
            let Some(asked_still) = asked_still else { return };
            self.busy.set(false);
            match answer {
                Ok(response) if asked_still => self.show(Outcome::new(puzzle, steps, response), step),
                Ok(_) => {}
                Err(problem) => self.problem.set(Some(*problem)),
            }
        });
    }

    fn show(self, outcome: Outcome, step: Option<usize>) {
        let last = outcome.grids.len().saturating_sub(1);
        let still = step.is_some() || browser::prefers_reduced_motion();
        self.problem.set(None);
        self.shown.set(match step {
            Some(step) => step.saturating_sub(1).min(last),
            None if still => last,
            None => 0,
        });
        browser::replace_address(&super::share::link(&outcome, self.model.get_untracked().as_deref(), step));
        self.outcome.set(Some(outcome));
        self.playing.set(!still && last > 0);
    }

    /// The cells on the board: the puzzle, or the shown step of its result.
    pub(crate) fn cells(self) -> Vec<Cell> {
        let shown = self.shown.get();
        self.outcome.with(|outcome| match outcome {
            Some(outcome) => outcome.cells(shown),
            None => self.editor.with(|editor| puzzle_cells(editor.grid())),
        })
    }
}

/// Whether `name` is the model's id or name.
pub(crate) fn is_named(model: &Model, name: Option<&str>) -> bool {
    name.is_some_and(|name| model.name == name || model.id.to_string() == name)
}

fn puzzle_cells(grid: &Grid) -> Vec<Cell> {
    let conflicts = grid.conflicting_cells();
    let cells = grid.cells().iter().enumerate();
    cells
        .map(|(i, &digit)| Cell { digit, given: digit != 0, wrong: conflicts.contains(&i), ..Cell::default() })
        .collect()
}

impl Outcome {
    /// Reads the steps' grids; a grid that cannot be read counts as blank.
    pub(crate) fn new(puzzle: Grid, steps: Option<u32>, response: SolveResponse) -> Self {
        let blank = || Grid::from_cells(vec![0; puzzle.cells().len()]);
        let grids = response.steps.iter().filter_map(|step| step.grid.parse().or_else(|_| blank()).ok()).collect();
        Self { puzzle, steps, response, grids }
    }

    /// The cells as they stand after step `shown` (0-based).
    pub(crate) fn cells(&self, shown: usize) -> Vec<Cell> {
        let Some(grid) = self.grids.get(shown) else { return puzzle_cells(&self.puzzle) };
        let before = shown.checked_sub(1).and_then(|before| self.grids.get(before));
        let confidence = self.response.steps.get(shown).map(|step| step.confidence.as_slice()).unwrap_or_default();
        let wrong = self.wrong_cells(shown);
        let cell = |(i, &digit): (usize, &u8)| {
            let given = self.puzzle.cells()[i] != 0;
            Cell {
                digit,
                given: given && digit == self.puzzle.cells()[i],
                wrong: wrong.contains(&i),
                confidence: confidence.get(i).copied().filter(|_| !given),
                changed: before.is_some_and(|before| before.cells()[i] != digit),
            }
        };
        grid.cells().iter().enumerate().map(cell).collect()
    }

    /// The answer's cells that are against the rules after step `shown`: in conflict with another cell, or not what was
    /// given. A given that stands as it was given is never at fault.
    pub(crate) fn wrong_cells(&self, shown: usize) -> Vec<usize> {
        let Some(grid) = self.grids.get(shown) else { return Vec::new() };
        let conflicts = grid.conflicting_cells();
        let wrong = |&(i, (&given, &found)): &(usize, (&u8, &u8))| match given {
            0 => conflicts.contains(&i),
            _ => given != found,
        };
        let cells = self.puzzle.cells().iter().zip(grid.cells()).enumerate();
        cells.filter(wrong).map(|(i, _)| i).collect()
    }

    /// The number of cells that step `shown` changed.
    pub(crate) fn changed_cells(&self, shown: usize) -> usize {
        let before = shown.checked_sub(1).and_then(|before| self.grids.get(before));
        match (before, self.grids.get(shown)) {
            (Some(before), Some(grid)) => before.cells().iter().zip(grid.cells()).filter(|(a, b)| a != b).count(),
            _ => 0,
        }
    }
}
