//! What a maze's answer must be, the published mazes, and the generators.

use super::*;
use crate::data::{dihedral, distinct::Counts};
use flate2::read::GzDecoder;
use hrm_types::board::Kind;
use hrm_types::experiment::MazeStyle as Style;
use proptest::prelude::*;
use std::{
    collections::HashSet,
    fs::File,
    io::{BufRead, BufReader},
    ops::ControlFlow,
    path::Path,
};

fn maze(rows: &[&str]) -> Board {
    Board::read(Kind::Maze, &rows.concat()).unwrap()
}

#[test]
fn shortest_paths_are_measured_and_counted() {
    for (rows, moves, paths) in [
        (["S  ", "   ", "  G"], Some(4), 6),
        (["S# ", " # ", "  G"], Some(4), 1),
        (["SG ", "   ", "   "], Some(1), 1),
        (["S# ", "###", "  G"], None, 0),
        (["S S", "   ", "  G"], None, 0),
        (["   ", "   ", "  G"], None, 0),
    ] {
        let question = maze(&rows);
        assert_eq!((shortest(&question), optimal_paths(&question)), (moves, paths), "{rows:?}");
        assert_eq!(solve(&question).is_some(), moves.is_some());
    }
    assert_eq!(solve(&maze(&["S  ", "   ", "  G"])), Some(maze(&["Soo", "  o", "  G"])), "right before down");
}

#[test]
fn the_number_of_paths_does_not_overflow() {
    // An open square of side 30 has C(58, 29) of them.
    let mut cells = vec![FREE; 900];
    (cells[0], cells[899]) = (START, GOAL);
    assert_eq!(optimal_paths(&Board::new(30, 30, cells).unwrap()), 30_067_266_499_541_040);
}

#[test]
fn an_answer_is_one_shortest_path_over_the_question() {
    let question = ["S   ", " ## ", "    ", "#  G"];
    let check = |answer: [&str; 4]| check_answer(&maze(&question), &maze(&answer));
    assert_eq!(check(["Sooo", " ##o", "   o", "#  G"]), Ok(()));
    assert_eq!(check(["S   ", "o## ", "ooo ", "# oG"]), Ok(()));
    for (answer, message) in [
        (["S   ", " ## ", "    ", "#  G"], "row 1, column 1: expected the path to go on to 'o' beside it, found none"),
        (["Sooo", " ##o", "    ", "#  G"], "row 2, column 4: expected the path to go on to 'o' beside it, found none"),
        (["Sooo", " ## ", "   o", "#  G"], "row 1, column 4: expected the path to go on to 'o' beside it, found none"),
        (["Sooo", " ##o", "  oo", "#  G"], "row 3, column 3: expected one path, found a second cell 4 moves from S"),
        (["Sooo", " ooo", "   o", "#  G"], "row 2, column 2: expected '#' as in the question, found 'o'"),
        (["oooo", " ##o", "   o", "#  G"], "row 1, column 1: expected 'S' as in the question, found 'o'"),
        (["Sooo", " ##o", "   o", "#  o"], "row 4, column 4: expected 'G' as in the question, found 'o'"),
        (["Soo#", " ##o", "   o", "#  G"], "row 1, column 4: expected ' ' as in the question or 'o', found '#'"),
    ] {
        assert_eq!(check(answer).unwrap_err().to_string(), format!("answer, {message}"), "{answer:?}");
        assert!(!is_any_optimal(&maze(&question), &maze(&answer)));
    }
    let other = Board::new(1, 3, vec![START, PATH, GOAL]).unwrap();
    let size = check_answer(&maze(&question), &other).unwrap_err().to_string();
    assert_eq!(size, "answer: expected 4 × 4 cells, found 1 × 3");
}

#[test]
fn a_detour_and_a_cell_apart_are_named() {
    let question = maze(&["S G", "   ", "# #"]);
    let detour = check_answer(&question, &maze(&["SoG", "o  ", "# #"])).unwrap_err().to_string();
    let expect = "row 2, column 1: expected a shortest path of 2 moves, found 'o' where the shortest takes 4";
    assert_eq!(detour, format!("answer, {expect}"));
    let question = maze(&["S G", "###", "   "]);
    let apart = check_answer(&question, &maze(&["SoG", "###", "  o"])).unwrap_err().to_string();
    assert_eq!(apart, "answer, row 3, column 3: expected a path from S to G, found 'o' where none leads");
}

#[test]
fn a_question_that_is_no_maze_is_refused() {
    for (rows, message) in [
        (["S  ", "   ", "   "], "question: expected one S and one G, found 1 and 0"),
        (["S G", "  G", "   "], "question: expected one S and one G, found 1 and 2"),
        (["SoG", "   ", "   "], "question, row 1, column 2: expected #, space, S or G, found 'o'"),
        (["S#G", " # ", " # "], "question: expected a path from S to G, found none"),
    ] {
        let question = maze(&rows);
        assert_eq!(check_answer(&question, &question).unwrap_err().to_string(), message);
    }
}

#[test]
fn published_answers_are_shortest_paths() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/maze");
    for (name, shortest_rating, longest_rating) in [("hard-train.csv.gz", 109, 146), ("hard-test.csv.gz", 109, 153)] {
        let Ok(file) = File::open(folder.join(name)) else {
            eprintln!("skipped: {} is not on this machine", folder.join(name).display());
            continue;
        };
        let (mut mazes, mut several, mut ratings) = (0, 0, Vec::new());
        for line in BufReader::new(GzDecoder::new(file)).lines().skip(1) {
            let line = line.unwrap();
            let fields: Vec<&str> = line.split(',').collect();
            let [question, answer] = [1, 2].map(|field: usize| Board::read(Kind::Maze, fields[field]).unwrap());
            check_answer(&question, &answer).unwrap();
            let rating: u32 = fields[3].parse().unwrap();
            assert_eq!(Some(rating), shortest(&question), "the rating is the number of moves");
            assert_eq!(answer.cells().iter().map(|&cell| u32::from(cell == PATH)).sum::<u32>() + 1, rating);
            several += usize::from(optimal_paths(&question) > 1);
            ratings.push(rating);
            mazes += 1;
        }
        eprintln!("{name}: {mazes} mazes, every answer a shortest path; {several} have several shortest paths");
        assert_eq!((mazes, several), (1_000, 1_000));
        assert_eq!((ratings.iter().min(), ratings.iter().max()), (Some(&shortest_rating), Some(&longest_rating)));
    }
}

const FEW: Counts = Counts { train: 12, validation: 4, test: 4 };

fn go_on(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn generated_mazes_keep_what_their_style_promises() {
    for side in [3, 4, 5, 8, 9, 15, 22, 29, 30] {
        for style in [Style::Perfect, Style::Hard] {
            let min_path = default_min_path(side);
            let counts = if side == 3 { Counts { train: 2, validation: 0, test: 0 } } else { FEW };
            let mazes = generate(style, side, min_path, 7, counts, &mut go_on).unwrap();
            for maze in mazes.train.iter().chain(&mazes.validation).chain(&mazes.test) {
                assert_eq!(check_answer(&maze.question, &maze.answer), Ok(()));
                assert_eq!(shortest(&maze.question), Some(maze.rating));
                assert!(maze.rating >= min_path, "side {side}: {}", maze.rating);
                let paths = optimal_paths(&maze.question);
                assert_eq!(paths == 1, style == Style::Perfect, "side {side}, {style}: {paths} paths");
            }
        }
    }
}

#[test]
fn perfect_mazes_are_trees_that_reach_every_edge() {
    for side in 3..=30 {
        let n = usize::from(side);
        let question = maze_at(Style::Perfect, side, 1, 3, 0, &mut || ControlFlow::Continue(())).unwrap().question;
        let free: Vec<usize> = (0..n * n).filter(|&cell| question.cells()[cell] != WALL).collect();
        let joined: usize = free.iter().map(|&cell| neighbours(&question, cell).count()).sum();
        assert_eq!(joined / 2, free.len() - 1, "side {side}: a tree has one edge less than cells");
        assert!(distances(&question, free[0]).iter().filter(|&&moves| moves != UNREACHED).count() == free.len());
        for edge in [0..n, n * n - n..n * n] {
            assert!(edge.into_iter().any(|cell| question.cells()[cell] != WALL), "side {side}");
        }
        for column in [0, n - 1] {
            assert!((0..n).any(|row| question.cells()[row * n + column] != WALL), "side {side}");
        }
    }
}

#[test]
fn no_maze_comes_twice_in_any_orientation() {
    let counts = Counts { train: 120, validation: 40, test: 40 };
    let mazes = generate(Style::Perfect, 5, 4, 1, counts, &mut go_on).unwrap();
    let all = mazes.train.iter().chain(&mazes.validation).chain(&mazes.test);
    let different: HashSet<Board> = all.map(|maze| dihedral::least_image(&maze.question)).collect();
    assert_eq!(different.len(), 200);
}

#[test]
fn the_same_seed_gives_the_same_mazes_and_a_split_does_not_depend_on_the_others() {
    let few = generate(Style::Hard, 12, 14, 5, FEW, &mut go_on).unwrap();
    assert_eq!(few, generate(Style::Hard, 12, 14, 5, FEW, &mut go_on).unwrap());
    let more = generate(Style::Hard, 12, 14, 5, Counts { train: 20, ..FEW }, &mut go_on).unwrap();
    assert_eq!((&more.test, &more.validation, &more.train[..12]), (&few.test, &few.validation, &few.train[..]));
    assert_ne!(few, generate(Style::Hard, 12, 14, 6, FEW, &mut go_on).unwrap());
}

#[test]
fn what_cannot_be_made_is_said_in_numbers() {
    let error =
        |style, side, min_path, counts| generate(style, side, min_path, 1, counts, &mut go_on).unwrap_err().to_string();
    let far = error(Style::Hard, 5, 40, FEW);
    assert!(far.starts_with("expected hard mazes of side 5 with a shortest path of at least 40 moves, found none"));
    assert!(far.contains("among 1000000 (the longest: "), "{far}");
    let few = error(Style::Perfect, 3, 2, Counts { train: 1_000, validation: 0, test: 0 });
    assert!(few.starts_with("expected 1000 different mazes, found only "), "{few}");
    assert_eq!(error(Style::Hard, 2, 1, FEW), "expected a side from 3 to 30, found 2");
    assert_eq!(error(Style::Hard, 31, 1, FEW), "expected a side from 3 to 30, found 31");
    assert_eq!(error(Style::Hard, 9, 0, FEW), "expected a shortest path of at least 1 move, found 0");
    let stopped = generate(Style::Hard, 9, 9, 1, FEW, &mut |_, _| ControlFlow::Break(()));
    assert_eq!(stopped.unwrap_err(), MazeError::Cancelled);
    let mut asked = 0;
    let stopped = generate(Style::Perfect, 9, 400, 1, FEW, &mut |done, _| {
        asked += 1;
        assert_eq!(done, 0);
        if asked == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((stopped.unwrap_err(), asked), (MazeError::Cancelled, 3), "also while nothing is found");
}

proptest! {
    #[test]
    fn no_board_makes_a_check_panic(cells in proptest::collection::vec(0u8..=6, 12), other in proptest::collection::vec(0u8..=6, 12)) {
        let question = Board::new(3, 4, cells).unwrap();
        let answer = Board::new(3, 4, other).unwrap();
        let _ = check_answer(&question, &answer);
        prop_assert!(shortest(&question).is_some() == (optimal_paths(&question) > 0));
        // Symmetries change neither the length nor the number of paths.
        for id in 1..dihedral::SYMMETRIES {
            let image = dihedral::transform(&question, id);
            prop_assert_eq!((shortest(&image), optimal_paths(&image)), (shortest(&question), optimal_paths(&question)));
        }
    }
}
