//! Sudokus to start from: one of a stored dataset, or one that is built in.

use super::{picker, state::SolveState};
use crate::browser;
use hrm_types::{dataset::StoredPuzzle, sudoku::Grid};
use leptos::{prelude::*, task::spawn_local};

const FOUR: [&str; 4] = ["3..44.3.2......2", ".1..43....12..3.", ".4....42..3.31..", "3...4..3....13.4"];

const SIX: [&str; 4] = [
    "3..5...4..2.5..6...6..1..3...4..23..",
    "..13.4..6...........5.31.1.4.52.4.1.",
    "2.63..3.....5..624......6.5..2..3.6.",
    ".2.14.6.4...1...6.5..2...36......62.",
];

const NINE: [&str; 4] = [
    "...8..762..3.9....8....653...6.59.249..7.2..8...6.....5.81...7.6..9..813..7......",
    ".8.6....5...45982..9582...........6......213.....147..3.92..5..8.7.3.6.46......9.",
    "78....42.1268..3.9..........7.2...4.9.4.87.1......5..8.1.9...36....4.1.....51.79.",
    "47.38..6..6.7..89.........275....9.81.9.7.3...3...24....36.5.872.........8.....34",
];

/// The first built-in puzzle of a side.
pub(crate) fn built_in(side: u8) -> Grid {
    parse(built_ins(side)[0])
}

fn built_ins(side: u8) -> &'static [&'static str; 4] {
    match side {
        4 => &FOUR,
        6 => &SIX,
        _ => &NINE,
    }
}

fn parse(line: &str) -> Grid {
    line.parse().expect("the built-in puzzles are checked by a test")
}

/// Puts another example of the same side in place.
pub(crate) fn another(state: SolveState) {
    spawn_local(async move {
        let side = state.editor.with_untracked(|editor| editor.grid().side());
        let found = match picker::stored(state.ask, side).await {
            Some((puzzle, source)) => puzzle.question.parse().ok().map(|grid| (grid, source)),
            None => Some((parse(built_ins(side)[browser::random_index(4)]), "A built-in example.".to_owned())),
        };
        let Some((grid, source)) = found else { return };
        // The side may have been switched meanwhile.
        if state.editor.try_with_untracked(|editor| editor.grid().side()) == Some(side) {
            state.edit(|editor| editor.replace(grid));
            state.ask.say(source);
        }
    });
}

/// Puts a dataset's puzzle in place.
pub(crate) fn take(state: SolveState, puzzle: &StoredPuzzle) {
    if let Ok(grid) = puzzle.question.parse() {
        state.edit(|editor| editor.replace(grid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_puzzles_are_sound() {
        for side in [4, 6, 9] {
            for line in built_ins(side) {
                let grid: Grid = line.parse().unwrap();
                assert_eq!(grid.side(), side);
                assert!(grid.check_givens().is_ok(), "{line}");
            }
        }
    }
}
