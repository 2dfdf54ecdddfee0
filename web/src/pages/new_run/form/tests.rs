//! Experiments go into the form and come out as they were, or with what was changed.

use super::*;
use hrm_types::experiment::{
    ArchConfig, CheckpointRule, DataSpec, GenerateSpec, Gradient, MazeStyle, PosEncodings, TrainConfig,
};
use serde::de::DeserializeOwned;

fn experiment() -> Experiment {
    Experiment {
        name: "small".into(),
        description: "for tests".into(),
        seed: 3,
        start_from: None,
        data: DataSpec::Generate(GenerateSpec::sudoku(6, 1000, 50, [12, 16], 1)),
        arch: ArchConfig { hidden_size: 64, num_heads: 4, ..ArchConfig::default() },
        train: TrainConfig { epochs: 10.0, batch_size: 100, max_steps: Some(20), ..TrainConfig::default() },
    }
}

#[test]
fn every_setting_survives_the_form() {
    assert_eq!(Form::of(&experiment()).experiment(), Ok(experiment()));
    let stored = Experiment { data: DataSpec::Stored { dataset: "extreme".into() }, ..experiment() };
    assert_eq!(Form::of(&stored).experiment(), Ok(stored));
}

#[test]
fn a_setting_that_is_listed_only_where_it_differs_survives_the_form() {
    let train = TrainConfig {
        validate_every: Some(5),
        validate_limit: Some(30),
        checkpoint: CheckpointRule::Best,
        ..experiment().train
    };
    let held_out = GenerateSpec { validation: 40, ..GenerateSpec::sudoku(6, 1000, 50, [12, 16], 1) };
    let validated = Experiment { data: DataSpec::Generate(held_out), train, ..experiment() };
    assert_eq!(Form::of(&validated).experiment(), Ok(validated));
    let arch = ArchConfig {
        H_layers: 0,
        mlp_t: true,
        gradient: Gradient::LastCycle,
        no_ACT_continue: true,
        puzzle_emb_len: 16,
        pos_encodings: PosEncodings::None,
        ..experiment().arch
    };
    let train = TrainConfig { ema_rate: Some(0.999), ..experiment().train };
    let single = Experiment { arch, train, ..experiment() };
    assert_eq!(Form::of(&single).experiment(), Ok(single));
    let tasks = TrainConfig { task_variants: 7, ..experiment().train };
    let stored = DataSpec::Stored { dataset: "arc".into() };
    let varied = Experiment { data: stored, train: tasks, ..experiment() };
    assert_eq!(Form::of(&varied).experiment(), Ok(varied));
    let further = Experiment { start_from: Some("a".repeat(64)), ..experiment() };
    assert_eq!(Form::of(&further).experiment(), Ok(further));
}

#[test]
fn with_a_model_to_begin_with_come_its_settings() {
    let arch = ArchConfig { hidden_size: 128, H_layers: 0, gradient: Gradient::LastCycle, ..ArchConfig::default() };
    let other = Experiment { arch: arch.clone(), seed: 9, ..experiment() };
    let mut form = Form::of(&experiment());
    form.take_model_of(&Form::of(&other));
    assert_eq!(form.experiment(), Ok(Experiment { arch, ..experiment() }));
}

/// The names of all fields of a structure that refuses others, also of those that are not always written.
fn names<T: DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
    let refusal = serde_json::from_str::<T>(r#"{"?": 0}"#).unwrap_err().to_string();
    let (_, listed) = refusal.split_once("expected one of ").expect("a list of what is known");
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_setting_has_a_field() {
    let fields = [IDENTITY, GENERATED, TRAINING, MODEL, FINE].concat();
    let tables =
        [("data", names::<GenerateSpec>()), ("arch", names::<ArchConfig>()), ("train", names::<TrainConfig>())];
    let inner =
        tables.into_iter().flat_map(|(table, names)| names.into_iter().map(move |name| format!("{table}.{name}")));
    let all: Vec<String> = names::<Experiment>().into_iter().chain(inner).collect();
    assert!(all.contains(&"train.checkpoint".into()) && all.contains(&"data.min_path".into()), "{all:?}");
    for path in all {
        let elsewhere = ["description", "data", "arch", "train", "data.givens", START].contains(&path.as_str());
        assert!(elsewhere || fields.iter().any(|setting| setting.path == path), "{path}");
    }
}

#[test]
fn changes_arrive_and_are_listed() {
    let mut form = Form::of(&experiment());
    form.set("train.lr", "1e-3".into());
    form.set("train.max_steps", String::new());
    form.set("arch.pos_encodings", "learned".into());
    form.set("data.givens.1", "17".into());
    form.set("train.augment", "false".into());
    form.set("name", "other".into());
    let changed = form.experiment().unwrap();
    assert_eq!((changed.train.lr, changed.train.max_steps, changed.train.augment), (1e-3, None, false));
    let differences = differences(&experiment(), &changed);
    let paths: Vec<&str> = differences.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(
        paths,
        ["data.givens", "arch.pos_encodings", "train.max_steps", "train.lr", "train.augment"].sorted_like(&paths)
    );
    assert!(differences.contains(&("train.max_steps".into(), Some(20.into()), None)));
    assert!(super::differences(&experiment(), &experiment()).is_empty());
}

/// The same elements in the order of another list, so that a comparison is of sets with a readable difference.
trait SortedLike<'a> {
    fn sorted_like(self, order: &[&'a str]) -> Vec<&'a str>;
}

impl<'a, const N: usize> SortedLike<'a> for [&'a str; N] {
    fn sorted_like(self, order: &[&'a str]) -> Vec<&'a str> {
        let mut sorted = self.to_vec();
        sorted.sort_by_key(|path| order.iter().position(|other| other == path));
        sorted
    }
}

#[test]
fn what_cannot_be_run_is_told_at_its_field() {
    let cases = [
        ("train.batch_size", "many", "expected a whole number, found \"many\""),
        ("train.lr", "", "expected a number, found \"\""),
        ("train.lr", "2", "expected 0 to 1, found 2"),
        ("data.givens.0", "99", "expected at most 80 givens"),
        ("data.train", "99999999", "expected at most 1,000,000"),
        ("arch.num_heads", "5", "expected heads of an even width: 64 into 5 heads is not"),
        ("name", "a b", "expected 1 to 64 letters, digits, '-', '_' or '.', and no UUID, found \"a b\""),
    ];
    for (path, text, problem) in cases {
        let mut form = Form::of(&experiment());
        form.set(path, text.into());
        assert_eq!(form.experiment(), Err(FieldError { path: path.into(), problem: problem.into() }));
    }
}

#[test]
fn a_maze_has_walls_and_no_givens() {
    let mut form = Form::of(&experiment());
    for (path, text) in [("data.kind", "maze"), ("data.side", "9"), ("data.maze", "hard")] {
        form.set(path, text.into());
    }
    assert!(form.asks("data.maze") && !form.asks("data.givens.0"));
    let DataSpec::Generate(spec) = form.experiment().unwrap().data else { panic!("not generated") };
    assert_eq!((spec.givens, spec.maze, spec.min_path), (None, Some(MazeStyle::Hard), None));
    let again = Form::of(&form.experiment().unwrap());
    assert_eq!(again.experiment(), form.experiment());
}

#[test]
fn steps_are_planned() {
    let mut experiment = experiment();
    assert_eq!(experiment.train.steps(1000), 20, "max_steps is less than 100");
    experiment.train.max_steps = None;
    assert_eq!(experiment.train.steps(1000), 100);
}

#[test]
fn fewer_puzzles_than_a_batch_holds_plan_no_steps() {
    let experiment = experiment();
    let batch = u32::try_from(experiment.train.batch_size).unwrap();
    assert!(fills_a_batch(&experiment, board::Kind::Sudoku, batch));
    assert!(!fills_a_batch(&experiment, board::Kind::Maze, batch - 1));
    assert!(fills_a_batch(&experiment, board::Kind::Arc, 1), "a task holds several examples");
}

#[test]
fn a_refused_batch_size_is_told_at_its_field() {
    let refused = InvalidExperiment { field: "train.batch_size", problem: "too large".into() };
    assert_eq!(FieldError::from(refused).path, "train.batch_size");
    assert!(TRAINING.iter().any(|setting| setting.path == "train.batch_size"));
}
