//! Scores and submissions of hand-made votes.

use super::*;
use hrm_types::board::Kind;
use serde_json::json;
use std::fs;

fn grid(text: &str) -> Board {
    Board::read(Kind::Arc, text).unwrap()
}

/// The votes for one test input: boards with the logit of each vote.
fn ballot(votes: &[(&str, f32)]) -> Ballot {
    let mut ballot = Ballot::default();
    for &(board, q_halt) in votes {
        ballot.cast(grid(board), q_halt);
    }
    ballot
}

fn task(name: &str, tests: Vec<(&str, Ballot)>) -> TaskVotes {
    let tests = tests.into_iter().map(|(answer, ballot)| (Some(grid(answer)), ballot)).collect();
    TaskVotes { name: name.to_owned(), tests }
}

fn order(ballot: &Ballot) -> Vec<String> {
    ballot.ranked().iter().map(|candidate| candidate.board.text(Kind::Arc)).collect()
}

fn pass(tasks: &[TaskVotes], k: usize) -> PassAt {
    *score(tasks).unwrap().pass.iter().find(|pass| pass.k == k).unwrap()
}

#[test]
fn more_votes_win_whatever_their_confidence() {
    let ballot = ballot(&[("1", -4.0), ("2", 9.0), ("1", -4.0)]);
    assert_eq!(order(&ballot), ["1", "2"]);
    let ranked = ballot.ranked();
    assert_eq!((ranked[0].votes, ranked[1].votes), (2, 1));
    assert!((ranked[0].confidence - 0.017_986_209_962_091_56).abs() < 1e-15, "the sigmoid of -4");
}

#[test]
fn equal_votes_are_parted_by_mean_confidence() {
    assert_eq!(order(&ballot(&[("1", 1.0), ("2", 2.0), ("2", 1.0), ("1", 1.0)])), ["2", "1"]);
    // The mean is of probabilities, not of logits: 0.731 against 0.726, though 1 against 1.5.
    assert_eq!(order(&ballot(&[("1", 1.0), ("2", 3.0), ("2", 0.0), ("1", 1.0)])), ["1", "2"]);
}

#[test]
fn full_ties_are_parted_by_the_boards_in_any_order_of_votes() {
    let expect = ["1", "2", "1/1", "10/00"];
    let votes = [("10/00", 1.0), ("2", 1.0), ("1/1", 1.0), ("1", 1.0)];
    for start in 0..votes.len() {
        let mut turned = votes;
        turned.rotate_left(start);
        assert_eq!(order(&ballot(&turned)), expect);
    }
}

#[test]
fn the_order_of_votes_changes_no_bit() {
    let mut votes: Vec<(&str, f32)> = (0..100).map(|i| ("1", i as f32 / 7.0 - 6.0)).collect();
    let forward = ballot(&votes).ranked();
    votes.reverse();
    assert_eq!(forward[0].confidence.to_bits(), ballot(&votes).ranked()[0].confidence.to_bits());
}

#[test]
fn a_confidence_that_is_no_number_is_none() {
    let ballot = ballot(&[("1", f32::NAN), ("2", -50.0), ("3", f32::INFINITY), ("4", f32::NEG_INFINITY)]);
    assert_eq!(order(&ballot), ["3", "2", "1", "4"]);
}

#[test]
fn a_second_attempt_counts_from_two_on() {
    let tasks = [task("a", vec![("7", ballot(&[("1", 0.0), ("1", 0.0), ("7", 0.0)]))])];
    let shares: Vec<f64> = score(&tasks).unwrap().pass.iter().map(|pass| pass.tasks).collect();
    assert_eq!(shares, [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
}

#[test]
fn later_ranks_count_only_from_their_number_on() {
    // Eleven wrong boards with two votes each stand before the right one.
    let wrong: Vec<String> = (0..11).map(|i| format!("{:04}", i + 1000)).collect();
    let mut votes: Vec<(&str, f32)> = wrong.iter().flat_map(|board| [(board.as_str(), 0.0); 2]).collect();
    votes.push(("7", 5.0));
    let tasks = [task("a", vec![("7", ballot(&votes))])];
    let shares: Vec<f64> = score(&tasks).unwrap().pass.iter().map(|pass| pass.tasks).collect();
    assert_eq!(shares, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
}

#[test]
fn a_task_counts_by_the_share_of_its_test_inputs() {
    let right = || ballot(&[("5", 1.0)]);
    let wrong = || ballot(&[("6", 1.0)]);
    let tasks = [
        task("three", vec![("5", right()), ("5", wrong()), ("5", right())]),
        task("one", vec![("5", right())]),
        task("none", vec![("5", wrong())]),
    ];
    let first = pass(&tasks, 1);
    assert!((first.tasks - (2.0 / 3.0 + 1.0 + 0.0) / 3.0).abs() < 1e-15);
    assert_eq!((first.outputs, first.whole_tasks), (3, 1));
    let scores = score(&tasks).unwrap();
    assert_eq!((scores.tasks, scores.outputs, scores.without_prediction, scores.votes), (3, 5, 0, 5));
}

#[test]
fn missing_predictions_are_wrong() {
    let tasks = [
        task("missing", vec![("5", Ballot::default()), ("5", ballot(&[("5", 0.0)]))]),
        task("all missing", vec![("5", Ballot::default())]),
    ];
    let first = pass(&tasks, 1000);
    assert!((first.tasks - 0.25).abs() < 1e-15, "{}", first.tasks);
    assert_eq!(score(&tasks).unwrap().without_prediction, 2);
}

#[test]
fn wrong_sizes_are_wrong() {
    for wrong in ["55/55", "5", "555", "5/5/5", "555/555"] {
        let tasks = [task("a", vec![("55", ballot(&[(wrong, 3.0)]))])];
        assert_eq!(pass(&tasks, 1000).outputs, 0, "{wrong}");
    }
    let tasks = [task("a", vec![("1/2", ballot(&[("12", 3.0)]))])];
    assert_eq!(pass(&tasks, 1000).outputs, 0, "the same cells in another shape");
}

#[test]
fn what_cannot_be_scored_is_refused() {
    let unknown =
        TaskVotes { name: "b".into(), tests: vec![(Some(grid("1")), Ballot::default()), (None, ballot(&[]))] };
    for (tasks, message) in [
        (vec![], "expected at least one task with a test input, found none"),
        (vec![task("a", vec![])], "task a: expected at least one test input, found none"),
        (vec![unknown], "task b, test input 2: expected its output to compare with, found none"),
    ] {
        assert_eq!(score(&tasks).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_submission_has_two_attempts_for_every_test_input() {
    let tasks = [
        task(
            "b",
            vec![
                ("5", ballot(&[("12/34", 0.0), ("12/34", 0.0), ("5", 0.0), ("6", -1.0)])),
                ("5", ballot(&[("5", 0.0)])),
            ],
        ),
        task("a", vec![("5", Ballot::default())]),
    ];
    let expect = json!({
        "a": [{"attempt_1": [[0]], "attempt_2": [[0]]}],
        "b": [
            {"attempt_1": [[1, 2], [3, 4]], "attempt_2": [[5]]},
            {"attempt_1": [[5]], "attempt_2": [[0]]},
        ],
    });
    assert_eq!(submission(&tasks).unwrap(), expect);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.json");
    fs::write(&path, "before").unwrap();
    write_submission(&path, &tasks).unwrap();
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(written, expect);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_submission_that_cannot_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let twice = [task("a", vec![]), task("a", vec![])];
    let path = folder.path().join("submission.json");
    let error = write_submission(&path, &twice).unwrap_err().to_string();
    assert_eq!(error, "expected tasks of different names, found \"a\" twice");
    // A folder stands where the file should be.
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("inside")).unwrap();
    let error = write_submission(&taken, &twice[..1]).unwrap_err().to_string();
    assert!(error.starts_with(&taken.display().to_string()), "{error}");
    assert!(matches!(write_submission("/".as_ref(), &[]), Err(SubmissionError::NoFile { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the folder");
}
