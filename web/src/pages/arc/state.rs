//! What the ARC page knows: the task under edit, the tool, the colour, and what is asked about it.

use super::{
    link,
    task::{Task, beginning, blank},
};
use crate::{
    grid::{
        painter::Painter,
        squares::{Reading, Shown, Stroke},
    },
    pages::solve::{
        ask::{Ask, Asked},
        given::Given,
    },
};
use hrm_types::board::{Board, Kind};
use leptos::prelude::*;

/// What a pointer does on a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Draw,
    Select,
    Fill,
}

/// The page's signals.
#[derive(Clone, Copy)]
pub(super) struct ArcState {
    /// The task.
    pub(super) painter: RwSignal<Painter>,
    /// The test that is asked, from 0.
    pub(super) test: RwSignal<usize>,
    pub(super) tool: RwSignal<Tool>,
    pub(super) colour: RwSignal<u8>,
    /// Whether cells show their numbers.
    pub(super) numbers: RwSignal<bool>,
    pub(super) clip: RwSignal<Option<Board>>,
    pub(super) ask: Ask,
}

impl ArcState {
    /// A state with an example in place.
    pub(super) fn new() -> Self {
        let task = beginning();
        let active = 2 * task.train;
        let painter = RwSignal::new(Painter::new(task.sheet(), active));
        let test = RwSignal::new(0);
        let side = Memo::new(move |_| {
            painter.with(|painter| {
                let input = 2 * (painter.sheet().train + test.get());
                let board = painter.boards().get(input).and_then(Option::as_ref);
                board.map_or(0, |board| board.rows().max(board.columns()))
            })
        });
        let puzzle = Memo::new(move |_| {
            let (task, test) = (painter.with(|painter| Task::from(painter.sheet())), test.get());
            (test < task.tests()).then(|| Asked {
                puzzle: task.json(),
                test_input: test as u32,
                query: String::new(),
                fragment: link::written(&task, test),
            })
        });
        let ask = Ask::new(Kind::Arc, "/solve/arc", side.into(), puzzle.into());
        let (tool, colour) = (RwSignal::new(Tool::Draw), RwSignal::new(1));
        let (numbers, clip) = (RwSignal::new(false), RwSignal::new(None));
        Self { painter, test, tool, colour, numbers, clip, ask }
    }

    /// The task as it stands.
    pub(super) fn task(self) -> Task {
        self.painter.with(|painter| painter.sheet().into())
    }

    /// Demonstrations of the task.
    fn train(self) -> usize {
        self.painter.with_untracked(|painter| painter.sheet().train)
    }

    /// Begins with the task of a link, asking test `test`; there is nothing to undo.
    pub(super) fn begin(self, task: Task, test: usize) {
        self.test.set(test);
        let active = 2 * (task.train + test);
        self.painter.set(Painter::new(task.sheet(), active));
    }

    /// Puts another task in place, asking its first test; it can be undone.
    pub(super) fn replace(self, task: Task) {
        self.test.set(0);
        let active = 2 * task.train;
        self.edit(|painter| painter.replace_task(task.sheet(), active));
    }

    /// Puts a given task in place, or says why it is none. One without a name in it is known by its file's.
    pub(super) fn take(self, given: &Given) {
        match Task::read(&given.text) {
            Ok(mut task) => {
                let (train, tests) = (task.train, task.tests());
                if let (true, Some(file)) = (task.name.is_empty(), given.file.as_ref()) {
                    file.trim_end_matches(".json").clone_into(&mut task.name);
                }
                self.replace(task);
                let counted = |n: usize, noun| crate::format::counted(n as u64, noun);
                self.ask.say(format!(
                    "A task with {} and {}.",
                    counted(train, "demonstration"),
                    counted(tests, "test")
                ));
            }
            Err(error) => self.ask.refuse(&given.text, format!("That is no ARC task: {error}.")),
        }
    }

    /// Changes the boards or the cursor. A result belongs to its task and goes with it.
    pub(super) fn edit(self, change: impl FnOnce(&mut Painter)) {
        let before = self.painter.with_untracked(|painter| painter.sheet().clone());
        self.painter.update(change);
        if self.painter.with_untracked(|painter| *painter.sheet() != before) {
            // Pairs may have gone, and the test that was asked with them.
            let tests = self.painter.with_untracked(|painter| Task::from(painter.sheet()).tests());
            if self.test.get_untracked() >= tests {
                self.test.set(tests.saturating_sub(1));
            }
            self.ask.forget();
        }
    }

    /// Calls the task something else.
    pub(super) fn rename(self, name: String) {
        self.painter.update(|painter| painter.rename(name));
        self.ask.forget();
    }

    /// Writes the colour where the tool writes it: at the cursor, in the selection, or in an area.
    pub(super) fn apply(self) {
        let (tool, colour) = (self.tool.get_untracked(), self.colour.get_untracked());
        self.edit(|painter| {
            let cursor = painter.cursor();
            painter.begin_stroke();
            match tool {
                Tool::Draw | Tool::Select => painter.fill_selection(colour),
                Tool::Fill => painter.flood(cursor, colour),
            }
            painter.end_stroke();
        });
    }

    /// Chooses a colour; a selection gets it at once.
    pub(super) fn pick(self, colour: u8) {
        self.colour.set(colour);
        if self.tool.get_untracked() == Tool::Select {
            self.apply();
        }
    }

    /// A pointer draws, selects or fills.
    pub(super) fn stroke(self, stroke: Stroke) {
        let (tool, colour) = (self.tool.get_untracked(), self.colour.get_untracked());
        self.edit(|painter| match (stroke, tool) {
            (Stroke::Press(cell, shift), Tool::Select) => painter.select(cell, shift),
            (Stroke::Over(cell), Tool::Select) => painter.select(cell, true),
            (Stroke::Press(cell, _), Tool::Draw) => {
                painter.begin_stroke();
                painter.select(cell, false);
                painter.put(cell, colour);
            }
            (Stroke::Over(cell), Tool::Draw) => {
                painter.select(cell, false);
                painter.put(cell, colour);
            }
            (Stroke::Press(cell, _), Tool::Fill) => {
                painter.begin_stroke();
                painter.select(cell, false);
                painter.flood(cell, colour);
            }
            (Stroke::Over(_), Tool::Fill) | (Stroke::End, _) => painter.end_stroke(),
        });
    }

    /// Adds a pair behind the demonstrations, or behind the tests.
    pub(super) fn add_pair(self, test: bool) {
        self.edit(|painter| {
            let mut sheet = painter.sheet().clone();
            let at = if test { sheet.boards.len() } else { 2 * sheet.train };
            sheet.boards.splice(at..at, [blank(), if test { None } else { blank() }]);
            sheet.train += usize::from(!test);
            painter.replace_all(sheet, at);
        });
    }

    /// Takes away the pair of the board that is drawn on, unless it is the last test.
    pub(super) fn remove_pair(self) {
        let (task, active) = (
            self.painter.with_untracked(|painter| Task::from(painter.sheet())),
            self.painter.with_untracked(Painter::active),
        );
        let pair = active / 2;
        if pair >= task.train && task.tests() < 2 {
            return;
        }
        self.edit(|painter| {
            let mut sheet = painter.sheet().clone();
            sheet.boards.drain(2 * pair..2 * pair + 2);
            sheet.train -= usize::from(pair < sheet.train);
            painter.replace_all(sheet, (2 * pair).saturating_sub(2));
        });
    }

    /// Draws on another board; of a test's it is then the test that is asked.
    pub(super) fn choose(self, board: usize) {
        self.painter.update(|painter| painter.choose(board));
        if let Some(test) = (board / 2).checked_sub(self.train())
            && test != self.test.get_untracked()
        {
            self.test.set(test);
            self.ask.forget();
        }
    }

    /// The board that is drawn on, on the screen.
    pub(super) fn drawn(self) -> Option<Shown> {
        let numbers = self.numbers.get();
        self.painter.with(|painter| {
            let board = painter.board()?.clone();
            let selected = (0..board.cells().len()).map(|cell| painter.is_selected(cell)).collect();
            Some(Shown { kind: Kind::Arc, board, cursor: Some(painter.cursor()), selected, reading: None, numbers })
        })
    }

    /// The shown step of the answer, on the screen.
    pub(super) fn answered(self) -> Option<Shown> {
        let (shown, numbers) = (self.ask.shown.get(), self.numbers.get());
        self.ask.outcome.with(|outcome| {
            let outcome = outcome.as_ref()?;
            let step = outcome.response.steps.get(shown)?;
            let board = Board::read(Kind::Arc, &step.grid).ok()?;
            let (confidence, changed, wrong) = (step.confidence.clone(), outcome.changed(shown), step.wrong.clone());
            let reading = Some(Reading { confidence, changed, wrong });
            Some(Shown { kind: Kind::Arc, board, cursor: None, selected: vec![], reading, numbers })
        })
    }
}
