//! Content hashes tell datasets apart.

use super::*;

fn puzzle(rating: u32, source: &str) -> Puzzle {
    Puzzle {
        question: Board::read(Kind::Sudoku, "1...............").unwrap(),
        answer: Board::read(Kind::Sudoku, "1234341221434321").unwrap(),
        rating,
        source: source.to_owned(),
        task: String::new(),
    }
}

#[test]
fn every_field_and_the_split_reach_the_hash() {
    let splits = |train: Vec<Puzzle>, validation: Vec<Puzzle>, test: Vec<Puzzle>| {
        Dataset { kind: Kind::Sudoku, side: 4, train, validation, test }.content_hash()
    };
    let dataset = |train: Vec<Puzzle>, test: Vec<Puzzle>| splits(train, vec![], test);
    let hashes = [
        splits(vec![], vec![puzzle(0, "a")], vec![]),
        dataset(vec![Puzzle { task: "t".to_owned(), ..puzzle(0, "a") }], vec![]),
        dataset(vec![puzzle(0, "a")], vec![]),
        dataset(vec![], vec![puzzle(0, "a")]),
        dataset(vec![puzzle(1, "a")], vec![]),
        dataset(vec![puzzle(0, "b")], vec![]),
        dataset(vec![puzzle(0, "a"), puzzle(0, "a")], vec![]),
    ];
    assert!(hashes.iter().all(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())));
    for (i, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..i].contains(hash), "dataset {i} has the hash of another");
    }
}

#[test]
fn a_dataset_without_validation_has_the_hash_it_had_before_there_was_any() {
    let dataset = Dataset {
        kind: Kind::Sudoku,
        side: 4,
        train: vec![puzzle(3, "a, b")],
        validation: vec![],
        test: vec![puzzle(0, "")],
    };
    let written = "hrm-lab dataset 1\nsudoku 4\ntrain 1\n1............... 1234341221434321 3 4 a, b\n\
                   test 1\n1............... 1234341221434321 0 0 \n";
    let digest = hex(&Sha256::digest(written));
    assert_eq!(dataset.content_hash(), digest);
}
