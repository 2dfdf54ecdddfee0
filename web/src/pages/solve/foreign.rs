//! Puzzles that were given on the page of another kind: recognised by their text, and shown the way.

use crate::grid::paste;
use hrm_types::board::Kind;

/// What a text holds that is no puzzle of kind `here`, as far as its looks tell.
pub(super) fn recognised(text: &str, here: Kind) -> Option<Kind> {
    let is = |kind: Kind| match kind {
        Kind::Sudoku => paste::read(text).is_ok(),
        Kind::Maze => is_maze(text),
        Kind::Arc => is_task(text),
    };
    [Kind::Arc, Kind::Maze, Kind::Sudoku].into_iter().find(|&kind| kind != here && is(kind))
}

/// Walls, and nothing that is no cell of a maze.
fn is_maze(text: &str) -> bool {
    let is_cell = |c: char| "#.SG".contains(c) || c.is_whitespace();
    text.chars().filter(|&c| c == '#').count() > 1 && text.chars().all(is_cell)
}

fn is_task(text: &str) -> bool {
    text.trim_start().starts_with('{') && ["\"train\"", "\"test\""].into_iter().all(|part| text.contains(part))
}

/// What a puzzle of that kind is called, and where it is solved.
pub(super) fn page(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Sudoku => ("a Sudoku", "/", "Solve Sudokus"),
        Kind::Maze => ("a maze", "/solve/maze", "Solve mazes"),
        Kind::Arc => ("an ARC task", "/solve/arc", "Solve ARC tasks"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_are_recognised() {
        let (sudoku, maze) = ("12..34...1.4.3..", "S #\n# #\n# G");
        let task = r#"{"train":[{"input":[[1]],"output":[[1]]}],"test":[{"input":[[2]]}]}"#;
        for here in [Kind::Sudoku, Kind::Maze, Kind::Arc] {
            let found = [sudoku, maze, task].map(|text| recognised(text, here));
            let expected = [Kind::Sudoku, Kind::Maze, Kind::Arc].map(|kind| Some(kind).filter(|&kind| kind != here));
            assert_eq!(found, expected);
        }
        assert_eq!(recognised("hello", Kind::Maze), None);
        assert_eq!(recognised("123", Kind::Maze), None);
    }
}
