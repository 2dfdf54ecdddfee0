//! Splits are found by their indices, and arrays that do not fit each other are refused.

use super::*;

const TASK: TaskShape = TaskShape { seq_len: 2, vocab_size: 4, num_puzzle_identifiers: 3 };

/// Two groups: one of two puzzles with two and one examples, one of one puzzle with one.
fn split() -> TokenSplit {
    let example = |token: u8| (vec![token, 1], vec![token, 2]);
    let mut split = TokenSplit::empty(2);
    split.push_group(&[(1, vec![example(0), example(1)]), (2, vec![example(2)])]).expect("a group");
    split.push_group(&[(0, vec![example(3)])]).expect("a group");
    split
}

#[test]
fn groups_puzzles_and_examples_are_ranges() {
    let split = split();
    split.check(&TASK).expect("a split");
    assert_eq!((split.groups(), split.puzzles(), split.examples()), (2, 3, 4));
    assert_eq!((split.group(0), split.group(1)), (0..2, 2..3));
    assert_eq!((split.puzzle(0), split.puzzle(1), split.puzzle(2)), (0..2, 2..3, 3..4));
    assert_eq!((0..4).map(|example| split.puzzle_of(example)).collect::<Vec<_>>(), [0, 0, 1, 2]);
    assert_eq!((0..3).map(|puzzle| split.group_of(puzzle)).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!((split.input(2), split.label(3)), (&[2, 1][..], &[3, 2][..]));
    assert!((split.mean_puzzle_examples() - 4.0 / 3.0).abs() < 1e-12);
    TokenSplit::empty(2).check(&TASK).expect("an empty split");
}

#[test]
fn groups_that_do_not_fit_leave_the_split_as_it_was() {
    let before = split();
    let pair = |input: &[u8], label: &[u8]| vec![(input.to_vec(), label.to_vec())];
    for (group, message) in [
        (vec![], "group_indices: expected at least one puzzle in a group, found none"),
        (vec![(0, vec![])], "puzzle_indices: expected at least one example of a puzzle, found none"),
        (vec![(0, pair(&[1], &[1, 1]))], "inputs: expected 2 tokens, found 1"),
        (vec![(0, pair(&[1, 1], &[1, 1])), (0, pair(&[1, 1], &[1, 1, 1]))], "labels: expected 2 tokens, found 3"),
    ] {
        let mut split = before.clone();
        assert_eq!(split.push_group(&group).expect_err("a refusal").to_string(), message);
        assert_eq!(split, before);
    }
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let check = |change: fn(&mut TokenSplit), message: &str| {
        let mut split = split();
        change(&mut split);
        assert_eq!(split.check(&TASK).expect_err(message).to_string(), message);
    };
    check(|s| s.seq_len = 4, "inputs: expected sequences of 2 tokens, found sequences of 4 tokens");
    check(|s| s.inputs.truncate(7), "inputs: expected 6 tokens, found 7 tokens");
    check(|s| s.labels.extend([1, 1]), "labels: expected 8 tokens, found 10 tokens");
    check(|s| s.inputs[3] = 4, "inputs: expected tokens below 4, found 4");
    check(|s| s.labels[0] = 255, "labels: expected tokens below 4, found 255");
    check(|s| s.puzzle_identifiers[1] = 3, "puzzle_identifiers: expected identifiers below 3, found 3");
    check(|s| s.puzzle_identifiers.push(0), "puzzle_indices: expected 5 entries for 4 puzzles, found 4");
    check(|s| s.puzzle_indices.clear(), "puzzle_indices: expected at least one entry, found none");
    check(|s| s.puzzle_indices[0] = 1, "puzzle_indices: expected 0 as the first entry, found 1");
    check(|s| s.puzzle_indices[1] = 3, "puzzle_indices: expected entries that grow, above 3 after entry 1, found 3");
    check(|s| s.puzzle_indices[3] = 5, "puzzle_indices: expected 4 as the last entry, the number of examples, found 5");
    check(|s| s.group_indices[2] = 2, "group_indices: expected entries that grow, above 2 after entry 1, found 2");
    check(|s| s.group_indices[2] = 4, "group_indices: expected 3 as the last entry, the number of puzzles, found 4");
    check(|s| s.group_indices.clear(), "group_indices: expected at least one entry, found none");
}
