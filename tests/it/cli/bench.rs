//! `hrm bench` at a size that takes no time: its figures are not looked at, only that they are there.

use super::program::Place;
use serde_json::Value;

const SMALL: [&str; 10] =
    ["--hidden-size", "32", "--heads", "2", "--layers", "1", "--tokens", "16", "--json", "--seconds"];

fn measured(task: &str, variables: &[(&str, &str)], options: &[&str]) -> Value {
    let arguments = [&["bench", task], &SMALL[..], &["0.01"], options].concat();
    let ended = Place::new().hrm_with_variables(&arguments, variables);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

#[test]
fn every_task_says_what_it_measured() {
    let train = measured("train", &[], &["--batch", "2"]);
    assert!(train["sequences_per_second"].as_f64() > Some(0.0), "{train}");
    assert!(train["share_of_matmul"].as_f64() > Some(0.0), "{train}");
    let solve = measured("solve", &[], &[]);
    assert!(solve["milliseconds_per_act_step"].as_f64() > Some(0.0), "{solve}");
    let ops = measured("ops", &[], &["--batch", "2"]);
    assert!(ops["ops"].as_array().is_some_and(|all| !all.is_empty()), "{ops}");
}

#[test]
fn threads_are_as_many_as_the_option_or_the_variable_says() {
    let threads = |variables, options| measured("solve", variables, options)["threads"].as_u64();
    assert_eq!(threads(&[("RAYON_NUM_THREADS", "1")], &[]), Some(1));
    assert_eq!(threads(&[("RAYON_NUM_THREADS", "1")], &["--threads", "2"]), Some(2));
}
