//! Grids as people paste them, and the rules.

use super::*;

const EASY: &str = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79";
const SOLVED: &str = "534678912672195348198342567859761423426853791713924856961537284287419635345286179";

fn grid(text: &str) -> Grid {
    text.parse().expect("a grid")
}

#[test]
fn a_line_reads_and_prints_the_same() {
    assert_eq!(grid(EASY).to_string(), EASY);
    assert_eq!(grid(EASY).side(), 9);
    assert_eq!(grid(EASY).givens(), 30);
}

#[test]
fn a_drawn_grid_is_the_same_as_its_line() {
    let drawn = "\
        5 3 . | . 7 . | . . .\n6 . . | 1 9 5 | . . .\n. 9 8 | . . . | . 6 .\n------+-------+------\n\
        8 0 0 | 0 6 0 | 0 0 3\n4 _ _ | 8 _ 3 | _ _ 1\n7 * * | * 2 * | * * 6\n------+-------+------\n\
        x 6 x | x x x | 2 8 X\n. . . | 4 1 9 | . . 5\n. . . | . 8 . | . 7 9\n";
    assert_eq!(grid(drawn), grid(EASY));
}

#[test]
fn a_wrong_length_is_counted() {
    assert_eq!("123".parse::<Grid>(), Err(PuzzleError::Length { found: 3 }));
    let rows = vec![vec![0; 4], vec![0; 4], vec![0; 3], vec![0; 4]];
    assert_eq!(Grid::from_rows(&rows), Err(PuzzleError::RowLength { row: 3, expected: 4, found: 3 }));
}

#[test]
fn a_wrong_symbol_is_placed() {
    let error = "123456.....7........................".parse::<Grid>().unwrap_err();
    assert_eq!(error, PuzzleError::Symbol { row: 2, column: 6, side: 6, found: "7".into() }, "{error}");
    let error = "1234........a...".parse::<Grid>().unwrap_err();
    assert!(error.to_string().starts_with("row 4, column 1: expected 1 to 4"), "{error}");
}

#[test]
fn contradicting_givens_are_named() {
    let error = grid("11..............").check_givens().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the givens contradict each other: 1 stands twice in row 1, at row 1, column 1 and row 1, column 2"
    );
    // A 6x6 box has two rows of three.
    let error = grid("1.......1...........................").check_givens().unwrap_err();
    assert!(error.to_string().contains("box 1"), "{error}");
    assert_eq!(grid("1.......1...........................").conflicting_cells(), vec![0, 8]);
    assert_eq!(grid(EASY).check_givens(), Ok(()));
}

#[test]
fn only_a_full_consistent_grid_with_the_givens_is_a_solution() {
    let (puzzle, answer) = (grid(EASY), grid(SOLVED));
    assert!(answer.solves(&puzzle));
    assert_eq!(puzzle.violations(&puzzle).len(), 51);
    let mut cells = answer.cells().to_vec();
    cells.swap(0, 1);
    let swapped = Grid::from_cells(cells).expect("a grid");
    let violations = swapped.violations(&puzzle);
    assert_eq!(violations[0], "row 1, column 1: the given 5 became 3");
    assert!(violations.contains(&"3 stands twice in column 1".to_owned()), "{violations:?}");
}

#[test]
fn a_breach_is_named_once() {
    let puzzle: Grid = "................".parse().expect("a grid");
    let answer: Grid = "1114341241232341".parse().expect("a grid");
    let violations = answer.violations(&puzzle);
    let row = violations.iter().filter(|violation| *violation == "1 stands twice in row 1").count();
    assert_eq!(row, 1, "{violations:?}");
    let mut distinct = violations.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), violations.len(), "{violations:?}");
}
