//! What the rules say of an answer. They judge and do nothing else: no answer is corrected.

use crate::data::{maze, search};
use hrm_types::{
    board::{Board, Kind},
    question::Question,
    solve::{MazePath, Solutions},
    sudoku::Grid,
};

/// What is wrong with an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it is right; none where nobody has said what an ARC test's output is.
    pub solved: Option<bool>,
    /// In words.
    pub violations: Vec<String>,
    /// Cells of the answer, from 0, row by row.
    pub wrong: Vec<u32>,
    /// Of a maze: the marked path.
    pub path: Option<MazePath>,
}

/// Judges an answer; none is an ARC answer that shows no grid.
pub fn judge(question: &Question, answer: Option<&Board>) -> Judgement {
    match (question.kind, answer) {
        (Kind::Sudoku, Some(answer)) => sudoku(&question.board, answer),
        (Kind::Maze, Some(answer)) => maze(&question.board, answer),
        (Kind::Arc, answer) => arc(question.expected.as_ref(), answer),
        (Kind::Sudoku | Kind::Maze, None) => {
            Judgement { solved: Some(false), violations: vec!["there is no answer".into()], ..Judgement::default() }
        }
    }
}

/// Guesses after which the solutions of a puzzle are counted no further: some hundredths of a second.
const MOST_GUESSES: u32 = 5_000;

/// How many solutions a Sudoku has, which no model is told; nothing of other puzzles, and where that takes too long.
pub fn solutions(question: &Question) -> Option<Solutions> {
    let grid = (question.kind == Kind::Sudoku).then(|| Grid::from_cells(question.board.cells().to_vec()).ok())??;
    search::count_solutions_within(&grid, 2, MOST_GUESSES).map(|count| match count {
        0 => Solutions::None,
        1 => Solutions::One,
        _ => Solutions::Several,
    })
}

fn sudoku(question: &Board, answer: &Board) -> Judgement {
    let grid = |board: &Board| Grid::from_cells(board.cells().to_vec());
    let (puzzle, grid) = match (grid(question), grid(answer)) {
        (Ok(puzzle), Ok(grid)) => (puzzle, grid),
        (Err(error), _) | (_, Err(error)) => {
            return Judgement { solved: Some(false), violations: vec![error.to_string()], ..Judgement::default() };
        }
    };
    let violations = grid.violations(&puzzle);
    let conflicts = grid.conflicting_cells();
    // A given that stands as it was given is never at fault.
    let is_wrong = |&at: &usize| match puzzle.cells()[at] {
        0 => conflicts.contains(&at),
        given => grid.cells()[at] != given,
    };
    let wrong = (0..grid.cells().len()).filter(is_wrong).map(|at| at as u32).collect();
    Judgement { solved: Some(violations.is_empty()), violations, wrong, path: None }
}

fn maze(question: &Board, answer: &Board) -> Judgement {
    let Some(marks) = maze::marks(question, answer) else {
        let violations = vec!["no way leads from the start to the goal".into()];
        return Judgement { solved: Some(false), violations, ..Judgement::default() };
    };
    let place = |at: usize| {
        let columns = usize::from(question.columns());
        format!("row {}, column {}", at / columns + 1, at % columns + 1)
    };
    let symbol = |board: &Board, at: usize| {
        let one = Board::new(1, 1, vec![board.cells()[at]]).map(|one| one.text(Kind::Maze));
        one.unwrap_or_default()
    };
    let changed = marks
        .changed
        .iter()
        .map(|&at| format!("{}: {:?} became {:?}", place(at), symbol(question, at), symbol(answer, at)));
    let mut violations: Vec<String> = changed.collect();
    violations.extend(marks.breaks_at.map(|at| format!("{}: the path from the start breaks off", place(at))));
    if let Some(&first) = marks.astray.first() {
        let more = if marks.astray.len() == 1 { "one cell".into() } else { format!("{} cells", marks.astray.len()) };
        violations.push(format!("{more} marked that the path does not take, the first at {}", place(first)));
    }
    let path = MazePath { moves: marks.moves, shortest: marks.shortest };
    if let Some(moves) = marks.moves.filter(|&moves| moves > marks.shortest) {
        violations.push(format!("the path takes {moves} moves, the shortest {}", marks.shortest));
    }
    let mut wrong: Vec<u32> =
        marks.changed.iter().chain(&marks.breaks_at).chain(&marks.astray).map(|&at| at as u32).collect();
    wrong.sort_unstable();
    wrong.dedup();
    Judgement { solved: Some(violations.is_empty()), violations, wrong, path: Some(path) }
}

fn arc(expected: Option<&Board>, answer: Option<&Board>) -> Judgement {
    let Some(answer) = answer else {
        let violations = vec!["the answer shows no grid in its upper left corner".into()];
        return Judgement { solved: Some(false), violations, ..Judgement::default() };
    };
    let Some(expected) = expected else { return Judgement::default() };
    if (answer.rows(), answer.columns()) != (expected.rows(), expected.columns()) {
        let size = |board: &Board| format!("{} × {}", board.rows(), board.columns());
        let violations = vec![format!("expected {} cells, found {}", size(expected), size(answer))];
        return Judgement { solved: Some(false), violations, ..Judgement::default() };
    }
    let pairs = expected.cells().iter().zip(answer.cells()).zip(0..);
    let wrong: Vec<u32> = pairs.filter(|((expected, found), _)| expected != found).map(|(_, at)| at).collect();
    let violations = match wrong.len() {
        0 => vec![],
        1 => vec!["one cell has another colour than the output".into()],
        n => vec![format!("{n} cells have other colours than the output")],
    };
    Judgement { solved: Some(wrong.is_empty()), violations, wrong, path: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, question: &str, answer: &str) -> Judgement {
        let board = |text: &str| Board::read(kind, text).expect(text);
        judge(&Question { kind, board: board(question), expected: None, task: None }, Some(&board(answer)))
    }

    #[test]
    fn a_sudoku_is_judged_by_its_rules() {
        let right = of(Kind::Sudoku, "12..34..........", "1234341221434321");
        assert_eq!(right, Judgement { solved: Some(true), ..Judgement::default() });
        let wrong = of(Kind::Sudoku, "12..34..........", "2234341221434312");
        assert_eq!(wrong.solved, Some(false));
        assert_eq!(wrong.violations[0], "row 1, column 1: the given 1 became 2");
        assert_eq!(wrong.wrong, [0, 6, 7, 8, 14, 15], "the second 2 of the first row was given");
    }

    #[test]
    fn a_sudokus_solutions_are_counted_as_far_as_matters() {
        let of = |kind, text: &str| {
            solutions(&Question { kind, board: Board::read(kind, text).expect(text), expected: None, task: None })
        };
        assert_eq!(of(Kind::Sudoku, ".23434..2.4..3.1"), Some(Solutions::One));
        assert_eq!(of(Kind::Sudoku, "................"), Some(Solutions::Several));
        assert_eq!(of(Kind::Sudoku, "12345............6.................."), Some(Solutions::None));
        assert_eq!(of(Kind::Maze, "S   # #   # #  G"), None);
    }

    #[test]
    fn a_mazes_answer_is_a_shortest_path_or_says_where_it_is_none() {
        let judged = |answer: &str| of(Kind::Maze, "S   # #   # #  G", answer);
        let path = |moves| Some(MazePath { moves, shortest: 6 });
        let right = judged("Sooo# #o  #o#  G");
        assert_eq!(right, Judgement { solved: Some(true), path: path(Some(6)), ..Judgement::default() });
        assert_eq!(judged("So  #o#  o# #ooG").path, path(Some(6)), "the other way round");

        let broken = judged("Soo # #o  #o#  G");
        assert_eq!((broken.solved, broken.path), (Some(false), path(None)));
        assert_eq!(broken.violations[0], "row 1, column 3: the path from the start breaks off");
        assert_eq!(broken.wrong, [2, 7, 11], "where it breaks off, and what is marked beyond");

        let astray = judged("Sooo# #oo #o#  G");
        assert_eq!(astray.path, path(Some(6)));
        assert_eq!(astray.violations, ["one cell marked that the path does not take, the first at row 3, column 1"]);

        let walled = judged("Sooo# oo  #o#  G");
        assert_eq!(walled.violations, ["row 2, column 3: \"#\" became \"o\""]);
        assert_eq!(walled.wrong, [6]);
        assert_eq!(judged("S   # #   # #  G").violations, ["row 1, column 1: the path from the start breaks off"]);
    }

    #[test]
    fn a_longer_path_is_a_path_and_no_solution() {
        let longer = of(Kind::Maze, "S G      ", "S Gooo   ");
        assert_eq!(longer.violations, ["the path takes 4 moves, the shortest 2"]);
        assert_eq!(longer.path, Some(MazePath { moves: Some(4), shortest: 2 }));
        assert_eq!((longer.solved, longer.wrong), (Some(false), vec![]));
    }

    #[test]
    fn an_arc_answer_is_compared_with_the_output_if_there_is_one() {
        let board = |text: &str| Board::read(Kind::Arc, text).expect(text);
        let asked = |expected: Option<&str>| Question {
            kind: Kind::Arc,
            board: board("0"),
            expected: expected.map(board),
            task: None,
        };
        assert_eq!(judge(&asked(None), Some(&board("12"))), Judgement::default());
        assert_eq!(judge(&asked(Some("12")), Some(&board("12"))).solved, Some(true));
        let wrong = judge(&asked(Some("12/34")), Some(&board("12/54")));
        assert_eq!((wrong.solved, wrong.wrong), (Some(false), vec![2]));
        let other = judge(&asked(Some("12")), Some(&board("1/2")));
        assert_eq!(other.violations, ["expected 1 × 2 cells, found 2 × 1"]);
        assert_eq!(judge(&asked(None), None).solved, Some(false));
    }
}
