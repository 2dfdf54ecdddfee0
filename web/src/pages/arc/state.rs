//! What the ARC page knows: the task under edit, the tool, the colour, and what is asked about it.

use super::{
    link,
    task::{Task, blank},
};
use crate::{
    grid::{
        painter::Painter,
        squares::{Reading, Shown, Stroke},
    },
    pages::solve::ask::{Ask, Asked},
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

/// A task to begin with: what is given is mirrored beside itself.
const BEGINNING: &str = r#"{"train":[
    {"input":[[1,0],[2,1]],"output":[[1,0,0,1],[2,1,1,2]]},
    {"input":[[0,3],[3,3]],"output":[[0,3,3,0],[3,3,3,3]]}],
    "test":[{"input":[[4,0],[4,6]]}]}"#;

/// The page's signals.
#[derive(Clone, Copy)]
pub(super) struct ArcState {
    pub(super) painter: RwSignal<Painter>,
    /// The task's name.
    pub(super) name: RwSignal<String>,
    /// Demonstrations among the boards.
    pub(super) train: RwSignal<usize>,
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
        let task = Task::read(BEGINNING).unwrap_or_else(|_| Task { boards: vec![blank(), None], ..Task::default() });
        let painter = RwSignal::new(Painter::new(task.boards.clone(), 2 * task.train));
        let (name, train, test) = (RwSignal::new(task.name), RwSignal::new(task.train), RwSignal::new(0));
        let whole = move || Task {
            name: name.get(),
            train: train.get(),
            boards: painter.with(|painter| painter.boards().to_vec()),
        };
        let side = Memo::new(move |_| {
            let input = 2 * (train.get() + test.get());
            painter.with(|painter| {
                let board = painter.boards().get(input).and_then(Option::as_ref);
                board.map_or(0, |board| board.rows().max(board.columns()))
            })
        });
        let puzzle = Memo::new(move |_| {
            let (task, test) = (whole(), test.get());
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
        Self { painter, name, train, test, tool, colour, numbers, clip, ask }
    }

    /// The task as it stands.
    pub(super) fn task(self) -> Task {
        let boards = self.painter.with(|painter| painter.boards().to_vec());
        Task { name: self.name.get(), train: self.train.get(), boards }
    }

    /// Begins anew with a task, asking test `test`.
    pub(super) fn begin(self, task: Task, test: usize) {
        self.test.set(test);
        self.train.set(task.train);
        self.name.set(task.name);
        self.painter.set(Painter::new(task.boards, 2 * (task.train + test)));
        self.ask.forget();
    }

    /// Puts the task of a file in place, or says why it is none.
    pub(super) fn take_text(self, text: &str) {
        match Task::read(text) {
            Ok(task) => {
                let (train, tests) = (task.train, task.tests());
                self.begin(task, 0);
                let counted = |n: usize, noun| crate::format::counted(n as u64, noun);
                self.ask.say(format!(
                    "A task with {} and {}.",
                    counted(train, "demonstration"),
                    counted(tests, "test")
                ));
            }
            Err(error) => self.ask.say_bad(format!("That is no ARC task: {error}.")),
        }
    }

    /// Changes the boards or the cursor. A result belongs to its task and goes with it.
    pub(super) fn edit(self, change: impl FnOnce(&mut Painter)) {
        let before = self.painter.with_untracked(|painter| painter.boards().to_vec());
        self.painter.update(change);
        if self.painter.with_untracked(|painter| painter.boards() != before) {
            self.ask.forget();
        }
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
        let train = self.train.get_untracked();
        if !test {
            self.train.set(train + 1);
        }
        self.edit(|painter| {
            let mut boards = painter.boards().to_vec();
            let at = if test { boards.len() } else { 2 * train };
            boards.splice(at..at, [blank(), if test { None } else { blank() }]);
            painter.replace_all(boards, at);
        });
        self.forget_history();
    }

    /// Takes away the pair of the board that is drawn on, unless it is the last test.
    pub(super) fn remove_pair(self) {
        let (train, active) = (self.train.get_untracked(), self.painter.with_untracked(Painter::active));
        let (pair, tests) = (active / 2, self.painter.with_untracked(|painter| painter.boards().len() / 2 - train));
        let is_test = pair >= train;
        if is_test && tests < 2 {
            return;
        }
        if !is_test {
            self.train.set(train - 1);
        }
        self.test.update(|test| *test = (*test).min(tests.saturating_sub(1 + usize::from(is_test))));
        self.edit(|painter| {
            let mut boards = painter.boards().to_vec();
            boards.drain(2 * pair..2 * pair + 2);
            painter.replace_all(boards, (2 * pair).saturating_sub(2));
        });
        self.forget_history();
    }

    /// Where pairs came or went there is nothing to undo: what a board is depends on their number.
    fn forget_history(self) {
        self.painter.update(|painter| *painter = Painter::new(painter.boards().to_vec(), painter.active()));
    }

    /// Draws on another board; of a test's it is then the test that is asked.
    pub(super) fn choose(self, board: usize) {
        self.painter.update(|painter| painter.choose(board));
        if let Some(test) = (board / 2).checked_sub(self.train.get_untracked())
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
