//! Generated puzzles are what their spec says.

use super::*;
use hrm_types::board::Board;
use std::time::Instant;

fn spec(side: u8, train: u32, test: u32, givens: [u8; 2], seed: u64) -> GenerateSpec {
    GenerateSpec::sudoku(side, train, test, givens, seed)
}

fn make(spec: &GenerateSpec) -> Dataset {
    generate(spec, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

/// Questions and answers of all splits.
fn all(dataset: &Dataset) -> impl Iterator<Item = (Grid, Grid)> {
    let grid = |board: &Board| Grid::from_cells(board.cells().to_vec()).unwrap();
    dataset.puzzles().map(move |puzzle| (grid(&puzzle.question), grid(&puzzle.answer)))
}

/// Solutions counted by trying every digit in every blank cell, with nothing deduced.
fn brute_force_count(grid: &Grid) -> usize {
    let Some(blank) = grid.cells().iter().position(|&cell| cell == 0) else { return 1 };
    (1..=grid.side())
        .map(|digit| {
            let mut cells = grid.cells().to_vec();
            cells[blank] = digit;
            Grid::from_cells(cells).unwrap()
        })
        .filter(|next| next.check_givens().is_ok())
        .map(|next| brute_force_count(&next))
        .sum()
}

#[test]
fn puzzles_of_side_4_have_one_solution_by_brute_force() {
    for (question, answer) in all(&make(&spec(4, 60, 20, [4, 10], 1))) {
        assert_eq!(brute_force_count(&question), 1, "{question}");
        assert!(answer.solves(&question));
    }
}

#[test]
fn puzzles_have_one_solution_and_givens_in_range() {
    for (side, givens) in [(4, [5, 9]), (6, [10, 20]), (9, [23, 40])] {
        let dataset = make(&spec(side, 150, 50, givens, 7));
        assert_eq!((dataset.side, dataset.train.len(), dataset.test.len()), (side, 150, 50));
        for (question, answer) in all(&dataset) {
            assert_eq!(search::count_solutions(&question, 2), 1, "{question}");
            assert!(answer.solves(&question), "{answer}");
            let [low, high] = givens.map(usize::from);
            assert!((low..=high).contains(&question.givens()), "{question}");
        }
    }
}

#[test]
fn every_number_of_givens_of_the_range_is_drawn() {
    let dataset = make(&spec(6, 550, 50, [12, 17], 3));
    for givens in 12..=17 {
        let drawn = all(&dataset).filter(|(question, _)| question.givens() == givens).count();
        // 600 puzzles over six numbers: 100 each, four standard deviations are 37.
        assert!((63..=137).contains(&drawn), "{drawn} puzzles of {givens} givens");
    }
}

#[test]
fn no_puzzle_comes_twice() {
    let dataset = make(&GenerateSpec { validation: 300, ..spec(4, 2_000, 500, [4, 6], 5) });
    let mut questions: Vec<String> = all(&dataset).map(|(question, _)| question.to_string()).collect();
    questions.sort_unstable();
    questions.dedup();
    assert_eq!(questions.len(), 2_800);
}

#[test]
fn complete_grids_are_diverse() {
    let dataset = make(&spec(4, 3_900, 100, [8, 12], 9));
    let mut answers: Vec<String> = all(&dataset).map(|(_, answer)| answer.to_string()).collect();
    answers.sort_unstable();
    answers.dedup();
    assert_eq!(answers.len(), 288, "there are 288 complete grids of side 4");
}

#[test]
fn a_seed_always_gives_the_same_puzzles() {
    let base = spec(6, 80, 20, [12, 24], 42);
    let hash = make(&base).content_hash();
    assert_eq!(hash, "75d7e3953dedad5197517568db9b1a91412bc113bb852855525aff8273aeae04");
    assert_ne!(make(&GenerateSpec { seed: 43, ..base.clone() }).content_hash(), hash);
    let more = make(&GenerateSpec { train: 100, ..base.clone() });
    assert_eq!(more.test, make(&base).test, "the test split does not depend on the training split's size");
    assert_eq!(more.train[..80], make(&base).train[..], "more training puzzles begin with the fewer");
    let validated = make(&GenerateSpec { validation: 10, ..base.clone() });
    assert_eq!((validated.validation.len(), &validated.test), (10, &more.test), "nor on a validation split");
}

#[test]
fn a_rating_counts_guesses() {
    let easy: Grid =
        "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79".parse().unwrap();
    assert_eq!(search::first_solution(&easy).unwrap().1, 0, "singles solve it");
    let hard: Grid =
        "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..".parse().unwrap();
    let (answer, guesses) = search::first_solution(&hard).unwrap();
    assert!(Grid::from_cells(answer).unwrap().solves(&hard));
    assert!(guesses >= 10, "a puzzle known to be hard took {guesses} guesses");
}

#[test]
fn solutions_are_counted_up_to_the_limit() {
    let blank: Grid = ".".repeat(16).parse().unwrap();
    assert_eq!(search::count_solutions(&blank, 1_000), 288);
    assert_eq!(search::count_solutions(&blank, 2), 2);
    let contradicting: Grid = format!("11{}", ".".repeat(14)).parse().unwrap();
    assert_eq!(search::count_solutions(&contradicting, 2), 0);
    assert_eq!(search::count_solutions_within(&contradicting, 2, 1), Some(0));
    assert_eq!(search::count_solutions_within(&blank, 288, 1_000), Some(288));
    assert_eq!(search::count_solutions_within(&blank, 1_000, 10), None, "given up");
}

#[test]
fn what_cannot_be_made_is_refused() {
    let error = |spec: &GenerateSpec| {
        generate(spec, &mut |_, _| ControlFlow::Continue(()))
            .map(|dataset| dataset.train.len())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(&spec(4, 5_000, 1, [15, 15], 0)),
        "expected 5001 different puzzles, found only 4608: ask for fewer, or widen the range of givens",
        "288 grids with one of 16 cells blank are 4608 puzzles"
    );
}

#[test]
fn progress_counts_up_and_can_cancel() {
    let mut seen = Vec::new();
    let spec = spec(4, 150, 50, [6, 10], 2);
    generate(&spec, &mut |done, total| {
        seen.push((done, total));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen, [(64, 200), (128, 200), (192, 200), (200, 200)]);
    let cancelled = generate(&spec, &mut |_, _| ControlFlow::Break(()));
    assert!(matches!(cancelled, Err(DataError::Cancelled)));
}

#[test]
fn twenty_thousand_puzzles_of_side_6_take_seconds() {
    let start = Instant::now();
    assert_eq!(make(&spec(6, 19_000, 1_000, [14, 24], 1)).train.len(), 19_000);
    let seconds = start.elapsed().as_secs_f64();
    // Half a second on one core in release; the bound is for slow machines and debug builds.
    assert!(seconds < 60.0, "took {seconds:.1} s");
}
