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

/// An experiment of another size than the reference model's on another kind of puzzle.
const SMALL_EXPERIMENT: &str = r#"
name = "small"
[data]
source = "generate"
kind = "maze"
maze = "perfect"
side = 5
train = 8
test = 1
[arch]
hidden_size = 32
num_heads = 2
H_layers = 1
L_layers = 1
puzzle_emb_ndim = 32
[train]
batch_size = 3
"#;

#[test]
fn an_experiments_file_says_the_model_its_puzzles_and_its_batch() {
    let place = Place::new();
    let sizes = |task: &str, options: &[&str]| {
        let bench = ["bench", task, "--config", "small.toml", "--json", "--seconds", "0.01"];
        let printed = place.hrm(&[&bench[..], options].concat()).succeeds();
        let measured: Value = serde_json::from_str(&printed).expect("JSON");
        ["hidden_size", "tokens", "vocabulary", "batch"].map(|size| measured[size].as_u64().expect("a number"))
    };
    place.write("small.toml", SMALL_EXPERIMENT);
    assert_eq!(sizes("train", &[]), [32, 25, 6, 3]);
    assert_eq!(sizes("solve", &[]), [32, 25, 6, 1], "one puzzle unless more are asked for");
    let given = ["--tokens", "9", "--vocabulary", "7", "--batch", "2"];
    assert_eq!(sizes("train", &given), [32, 9, 7, 2]);
    // What is stored is not looked at.
    let (before, after) = SMALL_EXPERIMENT.split_once("[data]").expect("its puzzles");
    let (_, after) = after.split_once("[arch]").expect("its model");
    let stored = "[data]\nsource = \"stored\"\ndataset = \"any\"\n[arch]";
    place.write("small.toml", [before, stored, after].concat());
    assert_eq!(sizes("train", &[]), [32, 81, 11, 3]);
}

#[test]
fn threads_are_as_many_as_the_option_or_the_variable_says() {
    let threads = |variables, options| measured("solve", variables, options)["threads"].as_u64();
    assert_eq!(threads(&[("RAYON_NUM_THREADS", "1")], &[]), Some(1));
    assert_eq!(threads(&[("RAYON_NUM_THREADS", "1")], &["--threads", "2"]), Some(2));
}
