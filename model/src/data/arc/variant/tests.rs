//! Variants against each other and against the reference's builder, and tokens against grids.

use super::super::{Pair, Set, Test, read};
use super::*;
use hrm_types::board::Kind;
use proptest::prelude::*;
use std::{fs, path::Path};

fn grid(text: &str) -> Board {
    Board::read(Kind::Arc, text).unwrap()
}

fn task(name: &str, input: &str, output: &str) -> Task {
    Task {
        name: name.to_owned(),
        set: Set::Training,
        folder: String::new(),
        train: vec![Pair { input: grid(input), output: grid(output) }],
        test: vec![Test { input: grid(input), output: None }],
    }
}

#[test]
fn a_variant_has_the_references_name() {
    let variant = Variant::new(4, [0, 6, 3, 8, 4, 1, 9, 5, 7, 2]).unwrap();
    assert_eq!(variant.name("00576224"), "00576224_t4_0638419572");
    assert_eq!(Variant::of_name("00576224_t4_0638419572"), ("00576224", variant));
    assert_eq!(variant.apply(&grid("12/00")).text(Kind::Arc), "36/00");
    assert_eq!(Variant::IDENTITY.name("a"), "a");
    for name in ["a", "", "a_t9_0123456789", "a_t1_0123456788", "a_t1_1023456789", "a_t1_012", "a_tx_0123456789"] {
        assert_eq!(Variant::of_name(name), (name, Variant::IDENTITY));
    }
    assert!(Variant::new(8, Variant::IDENTITY.colours).is_none());
}

#[test]
fn variants_differ_in_content_and_depend_on_their_task_alone() {
    let many = task("many", "123/456", "654/321");
    let found = variants(&many, 300, 9);
    assert_eq!((found.len(), found[0]), (301, Variant::IDENTITY));
    let applied: HashSet<(Board, Board)> =
        found.iter().map(|variant| (variant.apply(&grid("123/456")), variant.apply(&grid("654/321")))).collect();
    assert_eq!(applied.len(), 301);
    assert_eq!(found[..11], variants(&many, 10, 9)[..], "more variants keep the first ones");
    assert_ne!(found[1..], variants(&many, 300, 8)[1..]);
    assert_ne!(found[1..], variants(&Task { name: "other".into(), ..many }, 300, 9)[1..]);
    // One colour in a square has nine variants; a black square has none but itself.
    assert_eq!(variants(&task("one", "1", "1"), 1_000, 1).len(), 9);
    assert_eq!(variants(&task("black", "00/00", "0"), 1_000, 1), [Variant::IDENTITY]);
    assert_eq!(variants(&task("one", "1", "1"), 0, 1), [Variant::IDENTITY]);
    // Two of the square's symmetries at a time make the same of a row.
    assert_eq!(variants(&task("row", "10", "10"), 1_000, 1).len(), 4 * 9);
    // The order of pairs does not count: turned by half, each of these two becomes the other.
    let mut swapped = task("swapped", "10", "10");
    swapped.train.push(Pair { input: grid("01"), output: grid("01") });
    swapped.test[0].input = grid("0");
    assert_eq!(variants(&swapped, 1_000, 1).len(), 2 * 9);
}

#[test]
fn a_grid_is_laid_out_with_its_border() {
    let tokens = encode(&grid("12/30"), 5, 1, 2);
    #[rustfmt::skip]
    let expect = [
        0, 0, 0, 0, 0,
        0, 0, 3, 4, 1,
        0, 0, 5, 2, 1,
        0, 0, 1, 1, 0,
        0, 0, 0, 0, 0,
    ];
    assert_eq!(tokens, expect);
    assert_eq!(encode(&grid("12/30"), 2, 0, 0), [3, 4, 5, 2], "no room for a border");
    assert_eq!(encode(&grid("1"), 2, 1, 0), [0, 0, 3, 1], "no row below");
}

#[test]
fn tokens_show_the_largest_rectangle_at_the_corner() {
    let decode = |rows: &[&[u8]]| decode(&rows.concat(), rows.len() as u8).map(|board| board.text(Kind::Arc));
    for (rows, expect) in [
        ([[3, 4, 1], [5, 2, 1], [1, 1, 0]], Some("12/30")),
        ([[3, 4, 5], [5, 2, 0], [6, 0, 9]], Some("12/30")),
        // Two by one and one by two are equally large: the one with fewer rows.
        ([[3, 4, 0], [5, 0, 0], [0, 0, 0]], Some("12")),
        ([[3, 4, 5], [5, 0, 0], [6, 0, 0]], Some("123")),
        // A hole ends the rows that are as wide; what lies behind it is not seen.
        ([[3, 3, 3], [3, 12, 3], [3, 3, 3]], Some("111")),
        ([[11, 11, 12], [0, 0, 0], [3, 3, 3]], Some("99")),
        ([[0, 3, 3], [3, 3, 3], [3, 3, 3]], None),
        ([[1, 3, 3], [3, 3, 3], [3, 3, 3]], None),
        ([[255, 3, 3], [3, 3, 3], [3, 3, 3]], None),
    ] {
        assert_eq!(decode(&rows.each_ref().map(|row| &row[..])).as_deref(), expect, "{rows:?}");
    }
    assert_eq!(super::decode(&[3; 8], 3), None, "not a square");
    assert_eq!(super::decode(&[], 0), None);
}

#[test]
fn translations_reach_every_place_where_both_grids_fit() {
    let (question, answer) = (grid("12"), grid("1/2/3"));
    let mut rng = draw::stream(1, 2);
    let mut places: Vec<(u8, u8)> = (0..500).map(|_| translation(&mut rng, &question, &answer, 4)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
}

/// The bytes of an array file as the reference writes it, without its header.
fn array(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[10 + header..].to_vec()
}

fn numbers(path: &Path) -> Vec<usize> {
    array(path).chunks(4).map(|four| i32::from_le_bytes(four.try_into().unwrap()) as usize).collect()
}

#[test]
fn the_references_examples_are_reproduced() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let (built, archive) = (shared.join("fixtures/datasets/arc-upstream"), shared.join("data/arc/ARC-AGI-1.tar.gz"));
    if !built.exists() || !archive.exists() {
        eprintln!("skipped: {} or {} is not on this machine", built.display(), archive.display());
        return;
    }
    let tasks = read::read(&archive).unwrap();
    let identifiers: Vec<String> = serde_json::from_slice(&fs::read(built.join("identifiers.json")).unwrap()).unwrap();
    let mut reproduced = [0; 2];
    for (split, name) in ["train", "test"].into_iter().enumerate() {
        let file = |array: &str| built.join(name).join(format!("all__{array}.npy"));
        let (inputs, labels) = (array(&file("inputs")), array(&file("labels")));
        let indices = numbers(&file("puzzle_indices"));
        for (puzzle, &identifier) in numbers(&file("puzzle_identifiers")).iter().enumerate() {
            let (task, variant) = Variant::of_name(&identifiers[identifier]);
            assert_eq!(variant.name(task), identifiers[identifier]);
            let task = tasks.iter().find(|known| known.name == task).unwrap();
            // Pairs of the split, in the file's order.
            let demonstrations = task.train.iter().map(|pair| (&pair.input, &pair.output));
            let tests = task.test.iter().map(|test| (&test.input, test.output.as_ref().unwrap()));
            let pairs: Vec<(&Board, &Board)> = match (task.set, name) {
                (Set::Training, _) => demonstrations.chain(tests).collect(),
                (Set::Evaluation, "train") => demonstrations.collect(),
                (Set::Evaluation, _) => tests.collect(),
            };
            assert_eq!(indices[puzzle + 1] - indices[puzzle], pairs.len());
            for (example, (input, output)) in (indices[puzzle]..).zip(pairs) {
                let (input, output) = (variant.apply(input), variant.apply(output));
                let tokens = |array: &[u8]| array[example * 900..(example + 1) * 900].to_vec();
                let (questions, answers) = (tokens(&inputs), tokens(&labels));
                let (rows, columns) = (input.rows().max(output.rows()), input.columns().max(output.columns()));
                let places = (0..=30 - rows).flat_map(|top| (0..=30 - columns).map(move |left| (top, left)));
                let matching = places.filter(|&(top, left)| {
                    encode(&input, 30, top, left) == questions && encode(&output, 30, top, left) == answers
                });
                assert_eq!(matching.count(), 1, "{}, example {example}", identifiers[identifier]);
                reproduced[split] += 1;
                if name == "test" {
                    let shown = decode(&answers, 30).unwrap();
                    assert_eq!(variant.undo(&shown), *task.test[0].output.as_ref().unwrap(), "as it is scored");
                }
            }
        }
    }
    eprintln!("reproduced {} training and {} test examples", reproduced[0], reproduced[1]);
    assert_eq!(reproduced, [141, 18]);
}

fn any_board() -> impl Strategy<Value = Board> {
    (1u8..=8, 1u8..=8).prop_flat_map(|(rows, columns)| {
        let cells = proptest::collection::vec(0u8..=9, usize::from(rows) * usize::from(columns));
        cells.prop_map(move |cells| Board::new(rows, columns, cells).unwrap())
    })
}

proptest! {
    #[test]
    fn a_variant_undoes_itself(board in any_board(), seed in 0u64..1_000) {
        let variant = Variant::draw(&mut draw::stream(seed, 0));
        prop_assert_eq!(variant.undo(&variant.apply(&board)), board.clone());
        prop_assert_eq!(variant.inverse().inverse(), variant);
        prop_assert_eq!(Variant::IDENTITY.apply(&board), board);
        let name = variant.name("x_t1");
        prop_assert_eq!(Variant::of_name(&name), ("x_t1", variant));
    }

    #[test]
    fn tokens_at_the_corner_show_their_grid(board in any_board(), room in 0u8..4) {
        let side = board.rows().max(board.columns()) + room;
        prop_assert_eq!(decode(&encode(&board, side, 0, 0), side), Some(board));
    }

    #[test]
    fn no_tokens_make_decoding_panic(tokens in proptest::collection::vec(0u8..=255, 0..40), side in 0u8..8) {
        let _ = decode(&tokens, side);
    }
}
