//! `hrm train`, `hrm eval` and `hrm solve`: a checkpoint's way without a server.

use super::program::{Ended, Place};
use crate::wait::wait_until;
use serde_json::Value;
use std::fs;

/// Trains within seconds; good enough to show that what is trained is what is evaluated and asked.
const TINY: &str = r#"
name = "tiny"
seed = 3
[data]
source = "generate"
side = 4
train = 200
test = 40
givens = [8, 12]
seed = 3
[arch]
hidden_size = 32
num_heads = 2
H_layers = 1
L_layers = 1
H_cycles = 1
L_cycles = 1
halt_max_steps = 3
puzzle_emb_ndim = 32
[train]
batch_size = 32
epochs = 100
max_steps = 40
lr = 1e-2
lr_warmup_steps = 0
weight_decay = 0.1
"#;

const PUZZLE: &str = "1.3.34.22.43.321";

/// The lines of a score that the clock has no part in.
fn score(printed: &str) -> Vec<&str> {
    let parts = ["exact accuracy", "token accuracy", "q_halt accuracy", "mean ACT steps", "exact by step"];
    let lines: Vec<&str> = printed.lines().filter(|line| parts.iter().any(|part| line.starts_with(part))).collect();
    assert_eq!(lines.len(), parts.len(), "{printed}");
    lines
}

fn trained(out: &str, more: &[&str]) -> (Place, String) {
    let place = Place::new();
    place.write("tiny.toml", TINY);
    let printed = place.hrm(&[&["train", "--config", "tiny.toml", "--out", out], more].concat()).succeeds();
    (place, printed)
}

/// The model's answer as JSON, without how long it took.
fn solution(place: &Place, checkpoint: &str) -> (Option<i32>, Value) {
    let Ended { code, stdout, .. } = place.hrm(&["solve", PUZZLE, "--checkpoint", checkpoint, "--json"]);
    let mut solution: Value = serde_json::from_str(&stdout).expect("JSON");
    solution["milliseconds"].take();
    (code, solution)
}

#[test]
fn a_trained_checkpoint_is_evaluated_and_solves() {
    let (place, printed) = trained("tiny.safetensors", &[]);
    assert!(printed.contains("tiny: 200 training and 40 test puzzles, sudoku of side 4\n"), "{printed}");
    assert!(printed.contains(" weights, 40 steps\n"), "{printed}");
    assert!(printed.contains("trained 40 steps in "), "{printed}");
    assert!(printed.contains("wrote tiny.safetensors ("), "{printed}");
    assert!(!place.path("tiny.safetensors.partial").exists());

    let evaluated = place.hrm(&["eval", "--checkpoint", "tiny.safetensors", "--config", "tiny.toml"]).succeeds();
    assert_eq!(score(&evaluated), score(&printed), "the file scores what the model scored after its training");
    assert!(evaluated.contains(" of 40 puzzles; 95 % interval "), "{evaluated}");
    let few = ["eval", "--checkpoint", "tiny.safetensors", "--config", "tiny.toml", "--limit", "7", "--steps", "2"];
    let few = place.hrm(&few).succeeds();
    assert!(few.contains(" of 7 puzzles, the first of 40; ") && few.contains("after exactly 2 steps"), "{few}");

    let (code, solution) = solution(&place, "tiny.safetensors");
    let violations = solution["violations"].as_array().expect("a list");
    assert_eq!(solution["puzzle"], PUZZLE);
    assert_eq!(solution["solved"], violations.is_empty(), "{solution:#}");
    assert_eq!(code, Some(i32::from(!violations.is_empty())), "the exit code says whether it is solved: {solution:#}");
    let steps = solution["steps"].as_array().expect("a list");
    assert_eq!(solution["steps_used"], steps.len());
    assert_eq!(solution["answer"], steps.last().expect("a step")["grid"]);
    let exactly = ["solve", "-", "--checkpoint", "tiny.safetensors", "--steps", "5"];
    let exactly = place.hrm_with_input(&exactly, "1 . | 3 .\n3 4 | . 2\n----+----\n2 . | 4 3\n. 3 | 2 1\n");
    assert_eq!(exactly.stdout.lines().filter(|line| line.starts_with("step ")).count(), 5, "{exactly:#?}");
}

#[test]
fn an_experiment_always_trains_the_same_model() {
    let (first, _) = trained("model", &[]);
    let (second, _) = trained("model", &[]);
    let (other, _) = trained("model", &["--seed", "4"]);
    assert_eq!(solution(&first, "model"), solution(&second, "model"));
    assert_ne!(solution(&first, "model").1["steps"], solution(&other, "model").1["steps"]);
}

#[test]
fn a_finished_model_is_replaced_only_if_that_is_asked_for() {
    let (place, _) = trained("model", &["--steps", "1", "--no-eval"]);
    let bytes = || fs::read(place.path("model")).expect("a model");
    let before = bytes();
    let train =
        |more: &[&str]| place.hrm(&[&["train", "--config", "tiny.toml", "--out", "model", "--no-eval"], more].concat());
    let refused = "model: expected nothing yet, found a file; --overwrite replaces it, or choose another place";
    assert_eq!(train(&["--steps", "1", "--seed", "4"]).fails(), refused);
    assert_eq!(train(&["--steps", "2", "--resume"]).fails(), refused, "another experiment's");
    let printed = train(&["--steps", "1", "--resume"]).succeeds();
    assert_eq!(printed, "model is trained already: --overwrite trains it anew\n");
    assert_eq!(bytes(), before);
    train(&["--steps", "1", "--seed", "4", "--overwrite"]).succeeds();
    assert_ne!(bytes(), before);
}

#[test]
fn a_model_is_trained_further() {
    let (place, _) = trained("first.safetensors", &["--no-eval"]);
    let train = |out: &str, more: &[&str]| {
        let command = ["train", "--config", "tiny.toml", "--steps", "1", "--no-eval", "--out", out];
        place.hrm(&[&command, more].concat())
    };
    let printed = train("second.safetensors", &["--start-from", "first.safetensors"]).succeeds();
    assert!(printed.contains("begins with the weights of tiny\n"), "{printed}");
    train("drawn.safetensors", &[]).succeeds();
    let accuracy = |checkpoint: &str| -> f64 {
        let printed = place.hrm(&["eval", "--checkpoint", checkpoint, "--config", "tiny.toml"]).succeeds();
        let line = score(&printed)[1].trim_start_matches("token accuracy").trim();
        line.split(' ').next().and_then(|percent| percent.parse().ok()).unwrap_or_else(|| panic!("{printed}"))
    };
    let [second, drawn] = ["second.safetensors", "drawn.safetensors"].map(accuracy);
    assert!(second > drawn + 10.0, "after a step of its own it knows what it knew: {second}, drawn {drawn}");

    // To go on, what it began with is looked at as far as it is there.
    let again = |start: &str| train("second.safetensors", &["--start-from", start, "--resume"]);
    for start in ["first.safetensors", "gone.safetensors"] {
        let printed = again(start).succeeds();
        assert_eq!(printed, "second.safetensors is trained already: --overwrite trains it anew\n");
    }
    let refused = again("drawn.safetensors").fails();
    assert!(refused.starts_with("second.safetensors: expected nothing yet, found a file"), "{refused}");

    place.write("further.toml", format!("start_from = \"first.safetensors\"\n{TINY}"));
    let printed = place.hrm(&["train", "--config", "further.toml", "--steps", "1", "--no-eval"]).succeeds();
    assert!(printed.contains("begins with the weights of tiny\n"), "{printed}");
    let said = train("none.safetensors", &["--start-from", "nothing.safetensors"]).stderr;
    assert!(said.contains("no model nothing.safetensors to begin with; name a file"), "{said}");
    let said = train("none.safetensors", &["--start-from", "sudoku-6x6"]).stderr;
    assert!(
        said.contains("start_from: expected a model of the experiment's sizes, with arch.hidden_size = 32"),
        "{said}"
    );
}

#[test]
fn a_killed_training_goes_on_and_ends_in_the_same_model() {
    let (whole, _) = trained("model", &["--steps", "300", "--no-eval"]);
    let place = Place::new();
    place.write("tiny.toml", TINY);
    let arguments = ["train", "--config", "tiny.toml", "--out", "model", "--steps", "300", "--no-eval"];
    let mut killed = place.start(&[&arguments[..], &["--save-every", "0"]].concat());
    let state = place.path("model.state");
    wait_until(|| state.exists());
    let meanwhile = place.hrm(&arguments).fails();
    assert!(meanwhile.starts_with("model is being trained by another process: wait for its end"), "{meanwhile}");
    killed.kill().expect("a running process");
    killed.wait().expect("its end");
    assert!(!place.path("model").exists(), "it was killed before it ended");

    let error = place.hrm(&arguments).fails();
    assert!(error.contains("model.state is the state of an interrupted training") && error.contains("--resume"));
    let resume = [&arguments[..], &["--resume"]].concat();
    let error = place.hrm(&[&resume[..], &["--seed", "9"]].concat()).fails();
    assert!(error.starts_with("model.state cannot be gone on from; with other settings "), "{error}");
    assert!(error.contains("it belongs to another experiment: seed: expected 9, found 3"), "{error}");
    let printed = place.hrm(&resume).succeeds();
    assert!(printed.contains("goes on from model.state after step "), "{printed}");
    assert!(!state.exists(), "a training that has ended leaves no state");
    assert_eq!(solution(&place, "model"), solution(&whole, "model"));
}

#[test]
fn the_model_that_ships_solves_the_puzzle_in_the_help() {
    let place = Place::new();
    let help = place.hrm(&["help", "solve"]).succeeds();
    let example =
        help.lines().find_map(|line| line.trim().strip_prefix("hrm solve ").filter(|puzzle| puzzle.len() == 36));
    let puzzle = example.expect("an example of a puzzle of side 6");
    let printed = place.hrm(&["solve", puzzle]).succeeds();
    assert_eq!(printed.lines().last(), Some("solved"), "{printed}");
    let error = place.hrm(&["solve", PUZZLE]).fails();
    assert!(error.contains("no model for sudoku of side 4 ships") && error.contains("--checkpoint"), "{error}");
}

#[test]
fn the_model_that_ships_under_an_experiments_name_is_measured_on_its_puzzles() {
    let place = Place::new();
    let six = TINY.replace("side = 4", "side = 6").replace("[8, 12]", "[16, 20]");
    let six = six.replace("train = 200", "train = 40").replace("test = 40", "test = 4");
    let measured = |name: &str, more: &[&str]| {
        place.write("six.toml", six.replace("tiny", name));
        let printed = place.hrm(&[&["eval", "--config", "six.toml"], more].concat()).succeeds();
        printed.split(':').next().expect("the model's name").to_owned()
    };
    assert_eq!(measured("sudoku-6x6", &[]), "sudoku-6x6");
    assert_eq!(measured("mine", &[]), "trm-sudoku-6x6", "the best of those for such puzzles");
    assert_eq!(measured("mine", &["--checkpoint", "sudoku-6x6"]), "sudoku-6x6");
    // A file is taken before what ships under its name.
    place.write("sudoku-6x6", [7; 1000]);
    let error = place.hrm(&["eval", "--config", "six.toml", "--checkpoint", "sudoku-6x6"]).fails();
    assert!(error.starts_with("sudoku-6x6: not a usable checkpoint: "), "{error}");
}

#[test]
fn a_wrong_puzzle_is_refused() {
    let place = Place::new();
    for (puzzle, expect) in [
        ("1.3", "expected 16, 36 or 81 cells (side 4, 6 or 9), found 3"),
        ("1.3.34.22.43.329", "row 4, column 4: expected 1 to 4, or one of . 0 _ * for a blank, found \"9\""),
        (
            "11..............",
            "the givens contradict each other: 1 stands twice in row 1, at row 1, column 1 and row 1, column 2",
        ),
    ] {
        assert_eq!(place.hrm(&["solve", puzzle]).fails(), expect);
        assert_eq!(place.hrm_with_input(&["solve", "-"], puzzle).fails(), expect);
    }
    place.write("maze.txt", "S #\n ##\n  G\n");
    let expect = "expected a puzzle, found the name of a file; to read a file: hrm solve - < maze.txt";
    assert_eq!(place.hrm(&["solve", "maze.txt"]).fails(), expect);
}

#[test]
fn a_wrong_experiment_or_checkpoint_is_refused() {
    let (place, _) = trained("model", &["--steps", "1"]);
    let side_9 = ".".repeat(81);
    let error = place.hrm(&["solve", &side_9, "--checkpoint", "model"]).fails();
    assert!(error.contains("side 4") && error.contains("side 9"), "{error}");
    place.write("noise", [7; 1000]);
    let error = place.hrm(&["solve", PUZZLE, "--checkpoint", "noise"]).fails();
    assert!(error.starts_with("noise: "), "{error}");
    let error = place.hrm(&["eval", "--checkpoint", "nowhere", "--config", "tiny.toml"]).fails();
    assert!(error.starts_with("reading nowhere (models that ship: ") && error.contains("sudoku-6x6"), "{error}");

    place.write("bad.toml", TINY.replace("num_heads = 2", "num_heads = 3"));
    let error = place.hrm(&["train", "--config", "bad.toml"]).fails();
    assert!(error.starts_with("bad.toml: arch.num_heads: expected "), "{error}");
    place.write("bad.toml", TINY.replace("batch_size", "batchsize"));
    let unknown = place.hrm(&["train", "--config", "bad.toml"]);
    assert_eq!(unknown.code, Some(1), "{unknown:#?}");
    assert!(unknown.stderr.contains("bad.toml") && unknown.stderr.contains("`batchsize`"), "{unknown:#?}");
    let nowhere = place.hrm(&["train", "--config", "tiny.toml", "--steps", "1", "--out", "no/such/folder"]);
    let expected = "no/such/folder: there is no folder no/such; make it, or choose another place";
    assert_eq!(nowhere.fails(), expected);
}

#[test]
fn wrong_arguments_end_with_code_2_and_help() {
    let place = Place::new();
    for arguments in [&["frobnicate"][..], &["train"], &["eval", "--steps", "0"], &[]] {
        let ended = place.hrm(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:#?}");
        assert!(ended.stderr.contains("--help"), "{arguments:?}: {ended:#?}");
    }
}
