//! `hrm verify`: the reference implementation's fixtures are reproduced, and a difference is found.

use super::program::{Place, shared};
use std::fs;

/// Rotary and learned positions, both losses, a puzzle embedding wider than one position, more cycles and layers; a single
/// network that attends, and one that mixes positions by an MLP.
const FIXTURES: [&str; 5] =
    ["hrm_rope_stablemax", "hrm_learned_softmax", "hrm_nopuzzleid_deep", "trm_attention", "trm_mlp_t"];

/// Where a fixture's files lie, without their endings.
fn fixture(name: &str) -> Option<String> {
    let json = shared(&format!("fixtures/upstream/{name}.json"))?;
    Some(json.with_extension("").to_str().expect("UTF-8").to_owned())
}

#[test]
fn the_reference_is_reproduced() {
    for prefix in FIXTURES.iter().filter_map(|name| fixture(name)) {
        let printed = Place::new().hrm(&["verify", &prefix]).succeeds();
        let verdict = printed.lines().last().expect("a verdict");
        assert!(verdict.starts_with("passes: ") && verdict.contains(", allowed 1e-"), "{prefix}: {printed}");
        // Every comparison is printed with its error.
        let count: usize = verdict.split(' ').nth(1).and_then(|count| count.parse().ok()).expect("a count");
        assert!(count > 50 && printed.lines().count() == count + 1, "{prefix}: {printed}");
    }
}

#[test]
fn a_changed_fixture_fails() {
    let Some(prefix) = fixture(FIXTURES[0]) else { return };
    let place = Place::new();
    let mut tensors = fs::read(format!("{prefix}.safetensors")).expect("the fixture");
    // The last tensor of the file: the sign of its last value turns.
    *tensors.last_mut().expect("a fixture that is not empty") ^= 0x80;
    place.write("changed.safetensors", tensors);
    place.write("changed.json", fs::read(format!("{prefix}.json")).expect("the fixture"));
    let ended = place.hrm(&["verify", "changed"]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stdout.lines().last().is_some_and(|verdict| verdict.starts_with("fails: ")), "{ended:#?}");
}

#[test]
fn a_missing_fixture_is_named() {
    let error = Place::new().hrm(&["verify", "no/such/fixture"]).fails();
    assert!(error.contains("no/such/fixture"), "{error}");
}
