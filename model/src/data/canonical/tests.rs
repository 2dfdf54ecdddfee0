//! Equivalent puzzles have equal forms and no others do: counted over all grids of the small sides.

use super::*;
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::PathBuf,
    time::Instant,
};

/// A small generator of numbers below `end`.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }

    /// Lines in another order that keeps groups of `width` together.
    fn lines(&mut self, side: usize, width: usize) -> Vec<usize> {
        let groups = self.order(side / width);
        groups.into_iter().flat_map(|group| self.order(width).into_iter().map(move |i| group * width + i)).collect()
    }
}

/// A drawn symmetry of a side: where a cell comes from, and what a digit becomes.
fn symmetry(side: u8, numbers: &mut Numbers) -> (Vec<usize>, Vec<u8>) {
    let (box_rows, box_columns) = box_shape(side);
    let side = usize::from(side);
    let (rows, columns) = (numbers.lines(side, box_rows.into()), numbers.lines(side, box_columns.into()));
    let turned = box_rows == box_columns && numbers.below(2) == 1;
    let from = |cell: usize| {
        let (row, column) = (rows[cell / side], columns[cell % side]);
        if turned { column * side + row } else { row * side + column }
    };
    let digits = numbers.order(side).into_iter().map(|digit| digit as u8 + 1);
    ((0..side * side).map(from).collect(), [0].into_iter().chain(digits).collect())
}

fn apply((from, digits): &(Vec<usize>, Vec<u8>), cells: &[u8]) -> Vec<u8> {
    from.iter().map(|&cell| digits[usize::from(cells[cell])]).collect()
}

/// Whether every row, column and box holds every digit, as far as it is filled.
fn is_consistent(cells: &[u8], side: u8) -> bool {
    let (box_rows, box_columns) = box_shape(side);
    let (n, box_rows, box_columns) = (usize::from(side), usize::from(box_rows), usize::from(box_columns));
    let mut seen = [[0u16; 9]; 3];
    (0..n * n).filter(|&cell| cells[cell] != 0).all(|cell| {
        let (row, column) = (cell / n, cell % n);
        let boxed = row / box_rows * (n / box_columns) + column / box_columns;
        [row, column, boxed].into_iter().zip(&mut seen).all(|(unit, seen)| {
            let before = seen[unit];
            seen[unit] |= 1 << cells[cell];
            seen[unit] != before
        })
    })
}

/// Every way to fill the blanks.
fn completions(cells: &mut Vec<u8>, side: u8, found: &mut Vec<Vec<u8>>) {
    let Some(blank) = cells.iter().position(|&cell| cell == 0) else { return found.push(cells.clone()) };
    for digit in 1..=side {
        cells[blank] = digit;
        if is_consistent(cells, side) {
            completions(cells, side, found);
        }
    }
    cells[blank] = 0;
}

fn all_grids(first_row: &[u8], side: u8) -> Vec<Vec<u8>> {
    let mut cells = first_row.to_vec();
    cells.resize(usize::from(side) * usize::from(side), 0);
    let mut found = Vec::new();
    completions(&mut cells, side, &mut found);
    found
}

fn digits(text: &str) -> Vec<u8> {
    text.bytes().map(|byte| if byte == b'.' { 0 } else { byte - b'0' }).collect()
}

const QUESTION: &str = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79";
const ANSWER: &str = "534678912672195348198342567859761423426853791713924856961537284287419635345286179";

#[test]
fn all_grids_of_the_small_sides_fall_into_as_many_classes_as_are_known() {
    let grids = all_grids(&[0; 4], 4);
    assert_eq!(grids.len(), 288);
    let forms: BTreeSet<_> = grids.iter().map(|grid| sudoku_grid(grid, 4)).collect();
    assert_eq!(forms.len(), 2);
    // All 28,200,960 grids of side 6, the digits of the first row named.
    let grids = all_grids(&[1, 2, 3, 4, 5, 6], 6);
    assert_eq!(grids.len() * 720, 28_200_960);
    let mut classes = BTreeMap::<_, (usize, u32)>::new();
    for grid in &grids {
        let least = Search::new(grid, grid, 6).least();
        classes.entry(least.grid).or_insert((0, least.symmetries)).0 += 1;
    }
    assert_eq!(classes.len(), 49);
    // A class has as many grids as there are symmetries, divided by those of a grid of its own.
    let moves = 6 * 8 * 2 * 36;
    for (members, own) in classes.into_values() {
        assert_eq!(members * own as usize, moves, "{members} grids with {own} symmetries of their own");
    }
}

#[test]
fn a_grid_is_found_by_each_of_its_own_symmetries() {
    let most_symmetric = "123456789456789123789123456231564897564897231897231564312645978645978312978312645";
    let grid = digits(most_symmetric);
    assert!(is_consistent(&grid, 9));
    let least = Search::new(&grid, &grid, 9).least();
    assert_eq!((least.symmetries, least.grid.as_slice()), (648, grid.as_slice()));
}

#[test]
fn images_have_the_form_of_the_puzzle_and_others_do_not() {
    let mut numbers = Numbers(1);
    for (question, answer, side) in [
        (QUESTION, ANSWER, 9),
        ("1.3.....4....2.3", "1234341241232341", 4),
        ("1.3.5.4...2..3.....56.1.4.3...2..1..", "123456456123231564564231312645645312", 6),
    ] {
        let (question, answer) = (digits(question), digits(answer));
        assert!(is_consistent(&answer, side));
        let forms = sudoku(&question, &answer, side);
        assert_eq!(sudoku_puzzle(&question, &answer, side), forms.puzzle);
        assert_eq!(sudoku_grid(&answer, side), forms.grid);
        for _ in 0..200 {
            let symmetry = symmetry(side, &mut numbers);
            let (question, answer) = (apply(&symmetry, &question), apply(&symmetry, &answer));
            assert!(is_consistent(&answer, side));
            assert_eq!(sudoku(&question, &answer, side), forms);
        }
        let (mut fewer, given) = (question.clone(), question.iter().position(|&cell| cell != 0));
        fewer[given.expect("a given")] = 0;
        let other = sudoku(&fewer, &answer, side);
        assert!(other.grid == forms.grid && other.puzzle != forms.puzzle);
    }
}

#[test]
fn patterns_of_givens_fall_into_as_many_classes_as_the_grids_symmetries_make() {
    for grid in ["1234341221434321", "1234341223414123"] {
        let grid = digits(grid);
        assert!(is_consistent(&grid, 4));
        // The moves that, with digits renamed, leave the grid as it is.
        let mut own = BTreeSet::new();
        let mut numbers = Numbers(7);
        for _ in 0..200_000 {
            let (from, _) = symmetry(4, &mut numbers);
            let mut names = [0; 5];
            for (to, &cell) in from.iter().enumerate() {
                names[usize::from(grid[cell])] = grid[to];
            }
            if from.iter().enumerate().all(|(to, &cell)| names[usize::from(grid[cell])] == grid[to]) {
                own.insert(from);
            }
        }
        assert_eq!(own.len(), Search::new(&grid, &grid, 4).least().symmetries as usize);
        // Every pattern's class is named by its least member.
        let (mut classes, mut forms) = (BTreeSet::new(), BTreeSet::new());
        for pattern in (0u32..1 << 16).step_by(7) {
            let image = |from: &Vec<usize>| (0..16).fold(0u32, |image, to| image | (pattern >> from[to] & 1) << to);
            classes.insert(own.iter().map(image).min());
            let question: Vec<u8> = (0..16).map(|cell| if pattern >> cell & 1 == 1 { grid[cell] } else { 0 }).collect();
            forms.insert(sudoku_puzzle(&question, &grid, 4));
        }
        assert_eq!(forms.len(), classes.len());
    }
}

/// Questions and answers of a file that lies beside the checkout on the machines this is developed on.
fn published(name: &str) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/sudoku").join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: {} is not on this machine", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("text");
    let rows = text.lines().skip(1).map(|line| {
        let mut cells = line.split(',').skip(1).map(digits);
        (cells.next().expect("a question"), cells.next().expect("an answer"))
    });
    Some(rows.collect())
}

#[test]
fn no_published_test_puzzle_is_equivalent_to_a_training_puzzle() {
    let (Some(train), Some(test)) = (published("extreme-train.csv.gz"), published("extreme-test.csv.gz")) else {
        return;
    };
    let started = Instant::now();
    let forms = |rows: &[(Vec<u8>, Vec<u8>)]| -> Vec<SudokuForms> {
        rows.par_iter().map(|(question, answer)| sudoku(question, answer, 9)).collect()
    };
    let (train, mut test) = (forms(&train), forms(&test));
    let seconds = started.elapsed().as_secs_f64();
    let puzzles: BTreeSet<_> = train.iter().map(|forms| forms.puzzle).collect();
    let grids: BTreeSet<_> = train.iter().map(|forms| forms.grid).collect();
    eprintln!(
        "{} + {} puzzles in {seconds:.1} s on {} threads; {} classes of puzzles and {} of grids are trained on",
        train.len(),
        test.len(),
        rayon::current_num_threads(),
        puzzles.len(),
        grids.len()
    );
    assert_eq!(test.iter().filter(|forms| puzzles.contains(&forms.puzzle)).count(), 0);
    assert_eq!(test.iter().filter(|forms| grids.contains(&forms.grid)).count(), 0);
    // A copy that is planted is found.
    let (mut numbers, rows) = (Numbers(5), published("extreme-train.csv.gz").expect("it was there"));
    for (question, answer) in rows.iter().step_by(5_000) {
        let symmetry = symmetry(9, &mut numbers);
        test.push(sudoku(&apply(&symmetry, question), &apply(&symmetry, answer), 9));
    }
    assert_eq!(test.iter().filter(|forms| puzzles.contains(&forms.puzzle)).count(), 20);
}
