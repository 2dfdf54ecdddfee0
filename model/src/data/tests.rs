//! Content hashes tell datasets apart.

use super::*;

fn puzzle(rating: u32, source: &str) -> Puzzle {
    Puzzle {
        question: "1...............".parse().unwrap(),
        answer: "1234341221434321".parse().unwrap(),
        rating,
        source: source.to_owned(),
    }
}

#[test]
fn every_field_and_the_split_reach_the_hash() {
    let dataset = |train: Vec<Puzzle>, test: Vec<Puzzle>| Dataset { side: 4, train, test }.content_hash();
    let hashes = [
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
