//! Puzzles as small pictures, for lists: the markup of one SVG each. It holds numbers and our own words only.

use hrm_types::{
    board::{Board, Kind},
    sudoku::{Grid, box_shape},
};
use std::fmt::Write;

/// A cell's width in a Sudoku picture's own unit.
const CELL: usize = 10;

/// A drawing of a Sudoku, of a maze's answer, or of both grids of an ARC pair side by side; nothing where a text is no
/// board of the kind.
pub(crate) fn picture(kind: Kind, question: &str, answer: &str) -> Option<String> {
    let board = |text: &str| Board::read(kind, text).ok();
    Some(match kind {
        Kind::Sudoku => sudoku(&board(question)?, None),
        Kind::Maze => squares(kind, "a maze", &[board(answer)?]),
        Kind::Arc => squares(kind, "an input and its output", &[board(question)?, board(answer)?]),
    })
}

/// A drawing of a model's answer: of a Sudoku with the givens told from the rest and what breaks a rule marked. Nothing where
/// a text is no board of the kind.
pub(crate) fn answered(kind: Kind, question: &str, answer: &str) -> Option<String> {
    let board = |text: &str| Board::read(kind, text).ok();
    Some(match kind {
        Kind::Sudoku => sudoku(&board(answer)?, Some(&board(question)?)),
        Kind::Maze | Kind::Arc => squares(kind, "an answer", &[board(answer)?]),
    })
}

/// A drawing of what is asked alone.
pub(crate) fn asked(kind: Kind, question: &str) -> Option<String> {
    let board = Board::read(kind, question).ok()?;
    Some(match kind {
        Kind::Sudoku => sudoku(&board, None),
        Kind::Maze => squares(kind, "a maze", &[board]),
        Kind::Arc => squares(kind, "an input", &[board]),
    })
}

/// Where a puzzle can be solved on this page: its query, as `s=…`, goes before `&model=` and the like, what is behind `#`
/// after them.
pub(crate) fn solve_link(kind: Kind, task: &str, (question, answer): (&str, &str), query: &str) -> String {
    match kind {
        Kind::Sudoku => format!("/?s={question}{query}"),
        Kind::Maze => format!("/solve/maze?m={}{query}", question.replace('#', "1").replace(' ', "0")),
        Kind::Arc => {
            let (query, name) = (query.trim_start_matches('&'), crate::browser::query_value(task));
            let grids = format!("{question}_{answer}").replace('/', ".");
            format!("/solve/arc?{query}#0!0!{name}!{grids}")
        }
    }
}

/// A Sudoku; with the `puzzle` that it answers, answered cells have the class `filled` and wrong ones `broken`.
fn sudoku(grid: &Board, puzzle: Option<&Board>) -> String {
    let n = usize::from(grid.rows());
    let (box_rows, box_columns) = box_shape(grid.rows());
    let (fine, bold) = (lines(n, 1, 1), lines(n, usize::from(box_rows), usize::from(box_columns)));
    let size = n * CELL + 1;
    let mut svg = format!(
        "<svg role=img aria-label='{n} by {n} puzzle' viewBox='-0.5 -0.5 {size} {size}'>\
         <path class=picture-fine d='{fine}'/><path class=picture-bold d='{bold}'/>"
    );
    let rules = puzzle.and_then(|_| Grid::from_cells(grid.cells().to_vec()).ok());
    let wrong = rules.map(|grid| grid.conflicting_cells()).unwrap_or_default();
    for (i, digit) in grid.cells().iter().enumerate().filter(|(_, digit)| **digit != 0) {
        let (x, y) = (i % n * CELL + CELL / 2, i / n * CELL + 8);
        // Writing to a String cannot fail.
        let class = puzzle.map_or("", |puzzle| match puzzle.cells().get(i) {
            Some(0) if wrong.contains(&i) => " class='filled broken'",
            Some(0) => " class=filled",
            Some(given) if given != digit => " class=broken",
            _ => "",
        });
        let _ = write!(svg, "<text{class} x={x} y={y} text-anchor=middle>{digit}</text>");
    }
    svg + "</svg>"
}

/// Lines at every `rows` rows and `columns` columns of an `n` by `n` grid, as an SVG path.
fn lines(n: usize, rows: usize, columns: usize) -> String {
    let mut path = String::new();
    for i in (0..=n).step_by(rows) {
        let _ = write!(path, "M0 {}H{}", i * CELL, n * CELL);
    }
    for i in (0..=n).step_by(columns) {
        let _ = write!(path, "M{} 0V{}", i * CELL, n * CELL);
    }
    path
}

/// A drawing of one maze or one ARC grid.
pub(crate) fn grid_picture(kind: Kind, board: &Board) -> String {
    squares(kind, "a grid", std::slice::from_ref(board))
}

/// Boards side by side, a coloured square for every cell.
fn squares(kind: Kind, label: &str, boards: &[Board]) -> String {
    let width: usize = boards.iter().map(|board| usize::from(board.columns()) + 1).sum::<usize>() - 1;
    let height = boards.iter().map(Board::rows).max().unwrap_or(1);
    let mut svg = format!("<svg role=img aria-label='{label}' viewBox='0 0 {width} {height}'>");
    for cell in 0..10 {
        let _ = write!(svg, "<path class={}-{cell} d='", kind.as_str());
        let mut left = 0;
        for board in boards {
            let columns = usize::from(board.columns());
            for (i, _) in board.cells().iter().enumerate().filter(|(_, found)| **found == cell) {
                let _ = write!(svg, "M{} {}h1v1h-1z", left + i % columns, i / columns);
            }
            left += columns + 1;
        }
        svg += "'/>";
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_drawn_and_what_is_no_board_is_not() {
        let sudoku = picture(Kind::Sudoku, "1...............", "").expect("a picture");
        assert_eq!(sudoku.matches("<text").count(), 1);
        let maze = picture(Kind::Maze, "", "S##oo#  G").expect("a picture");
        assert!(maze.contains("<path class=maze-4 d='M0 1h1v1h-1zM1 1h1v1h-1z'/>"), "{maze}");
        let pair = picture(Kind::Arc, "12", "2/1").expect("a picture");
        assert!(
            pair.contains("viewBox='0 0 4 2'") && pair.contains("class=arc-1 d='M0 0h1v1h-1zM3 1h1v1h-1z'"),
            "{pair}"
        );
        assert_eq!(picture(Kind::Sudoku, "<script>", ""), None);
        let answer = answered(Kind::Sudoku, "12..34...1.4.3..", "2234341221434321").expect("a picture");
        assert_eq!(answer.matches("class=broken").count(), 2, "givens that were changed");
        assert_eq!(answer.matches("class=filled").count() + answer.matches("class='filled broken'").count(), 9);
        assert_eq!(answered(Kind::Arc, "1", ""), None, "an answer that shows no grid");
    }
}
