//! The replay against the reference's numbers.

use super::*;
use std::path::PathBuf;

fn check(name: &str) {
    let prefix = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/upstream").join(name);
    if !prefix.with_extension("json").exists() {
        eprintln!("skipped: {} is not on this machine", prefix.display());
        return;
    }
    let report = verify(&prefix).expect("a replay");
    for Comparison { what, error, .. } in &report.comparisons {
        eprintln!("{error:.2e}  {what}");
    }
    assert!(report.passes(), "{name}: {:?}", report.nearest());
}

#[test]
fn rotary_positions_and_stablemax() {
    check("hrm_rope_stablemax");
}

#[test]
fn learned_positions_and_softmax() {
    check("hrm_learned_softmax");
}

#[test]
fn one_identifier_and_deeper_modules() {
    check("hrm_nopuzzleid_deep");
}

#[test]
fn one_network_for_both_modules_trained_through_its_last_cycle() {
    check("trm_attention");
}

#[test]
fn positions_mixed_by_an_mlp() {
    check("trm_mlp_t");
}
