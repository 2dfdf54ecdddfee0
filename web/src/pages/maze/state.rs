//! What the maze page knows: the maze under edit, the tool, and what is asked about it.

use super::link;
use crate::{
    browser,
    grid::{
        painter::Painter,
        squares::{Reading, Shown, Stroke},
    },
    pages::solve::{
        ask::{Ask, Asked},
        picker,
    },
};
use hrm_types::{
    board::{Board, Kind},
    maze::{self, FREE, GOAL, START},
};
use leptos::{prelude::*, task::spawn_local};

/// A wall.
pub(super) const WALL: u8 = 0;

/// Mazes of side 9 to begin with, in one line each.
const BUILT_IN: [&str; 4] = [
    "G    #   #### # #      # #  ##### #    #   # ## # # #  # # # #  # ### #        #S",
    "G#  S#    # ### #  #     #  #######    #     ## # ###  #   #    ##### ##         ",
    "G  #     ## # ###  # # #    # ### #  #     #  #######        #  ##### #     S#   ",
    "G#        ### ###  #   #    # ### ## #   #    ### ###      # # ###### # S        ",
];

/// The page's signals.
#[derive(Clone, Copy)]
pub(super) struct MazeState {
    pub(super) painter: RwSignal<Painter>,
    /// What a pointer draws: a cell's value.
    pub(super) tool: RwSignal<u8>,
    /// What the stroke under way writes.
    writes: StoredValue<u8>,
    pub(super) ask: Ask,
}

impl MazeState {
    /// A state with an example in place.
    pub(super) fn new() -> Self {
        let painter = RwSignal::new(Painter::of(built_in(0)));
        let side = Memo::new(move |_| painter.with(|painter| painter.size().0 as u8));
        let puzzle = Memo::new(move |_| painter.with(|painter| asked(painter.board()?)));
        let ask = Ask::new(Kind::Maze, "/solve/maze", side.into(), puzzle.into());
        Self { painter, tool: RwSignal::new(WALL), writes: StoredValue::new(WALL), ask }
    }

    /// Begins anew with a maze; there is nothing to undo.
    pub(super) fn begin(self, maze: Option<Board>) {
        self.painter.set(Painter::of(maze));
    }

    /// Changes the maze or the cursor. A result belongs to its maze and goes with it.
    pub(super) fn edit(self, change: impl FnOnce(&mut Painter)) {
        let before = self.painter.with_untracked(|painter| painter.board().cloned());
        self.painter.update(change);
        if self.painter.with_untracked(|painter| painter.board() != before.as_ref()) {
            self.ask.forget();
        }
    }

    /// The maze as it stands.
    pub(super) fn maze(self) -> Option<Board> {
        self.painter.with(|painter| painter.board().cloned())
    }

    /// Puts a pasted text in place of the maze, or says why it is none.
    pub(super) fn take_text(self, text: &str) {
        match maze::read(text) {
            Ok(maze) => {
                let side = maze.rows();
                self.edit(|painter| painter.replace(Some(maze)));
                self.ask.say(format!("A maze of {side} × {side}."));
            }
            Err(error) => self.ask.refuse(text, format!("That is no maze: {error}.")),
        }
    }

    /// Another example: of a dataset with mazes of this side, or a built-in one.
    pub(super) fn another(self) {
        let side = self.ask.side.get_untracked();
        spawn_local(async move {
            let found = match picker::stored(self.ask, side).await {
                Some((puzzle, source)) => Board::read(Kind::Maze, &puzzle.question).ok().map(|maze| (maze, source)),
                None => {
                    built_in(browser::random_index(BUILT_IN.len())).map(|maze| (maze, "A built-in example.".into()))
                }
            };
            let Some((maze, source)) = found else { return };
            if self.ask.side.try_get_untracked() == Some(side) {
                self.edit(|painter| painter.replace(Some(maze)));
                self.ask.say(source);
            }
        });
    }

    /// Writes `value` in a cell; a start or a goal is taken from where it was.
    fn set(self, cell: usize, value: u8) {
        self.edit(|painter| match value {
            START | GOAL => painter.put_alone(cell, value, FREE),
            _ => painter.put(cell, value),
        });
    }

    /// What drawing with `tool` writes in a cell: a wall on a wall frees it.
    pub(super) fn drawn(self, cell: usize, tool: u8) -> u8 {
        let now = self.painter.with_untracked(|painter| painter.board()?.cells().get(cell).copied());
        if tool == WALL && now == Some(WALL) { FREE } else { tool }
    }

    /// A pointer draws.
    pub(super) fn stroke(self, stroke: Stroke) {
        match stroke {
            Stroke::Press(cell, _) => {
                self.writes.set_value(self.drawn(cell, self.tool.get_untracked()));
                self.edit(|painter| {
                    painter.begin_stroke();
                    painter.select(cell, false);
                });
                self.set(cell, self.writes.get_value());
            }
            Stroke::Over(cell) => {
                self.edit(|painter| painter.select(cell, false));
                self.set(cell, self.writes.get_value());
            }
            Stroke::End => self.edit(Painter::end_stroke),
        }
    }

    /// The maze on the screen: as drawn, or the shown step of its answer.
    pub(super) fn shown(self) -> Option<Shown> {
        let shown = self.ask.shown.get();
        let answer = self.ask.outcome.with(|outcome| {
            let outcome = outcome.as_ref()?;
            let step = outcome.response.steps.get(shown)?;
            let board = Board::read(Kind::Maze, &step.grid).ok()?;
            let (confidence, changed, wrong) = (step.confidence.clone(), outcome.changed(shown), step.wrong.clone());
            Some((board, Reading { confidence, changed, wrong }))
        });
        let (kind, numbers) = (Kind::Maze, false);
        self.painter.with(|painter| {
            let cursor = Some(painter.cursor());
            if let Some((board, reading)) = answer {
                return Some(Shown { kind, board, cursor, selected: vec![], reading: Some(reading), numbers });
            }
            let board = painter.board()?.clone();
            let selected = (0..board.cells().len()).map(|cell| painter.is_selected(cell)).collect();
            Some(Shown { kind, board, cursor, selected, reading: None, numbers })
        })
    }
}

/// A maze to begin with.
pub(super) fn built_in(number: usize) -> Option<Board> {
    maze::read(BUILT_IN.get(number)?).ok()
}

/// The request for a maze; absent while it has not one start and one goal.
fn asked(board: &Board) -> Option<Asked> {
    maze::check_ends(board).ok()?;
    let line = board.text(Kind::Maze);
    let cells: Vec<char> = line.chars().collect();
    let rows: Vec<String> = cells.chunks(board.columns().into()).map(|row| row.iter().collect()).collect();
    Some(Asked { puzzle: rows.into(), query: format!("m={}", link::written(board)), ..Asked::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_mazes_can_be_asked() {
        for number in 0..BUILT_IN.len() {
            let maze = built_in(number).expect("a maze");
            let asked = asked(&maze).expect("a request");
            assert_eq!(asked.puzzle.as_array().map(Vec::len), Some(9));
        }
    }
}
