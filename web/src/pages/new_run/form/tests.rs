//! Experiments go into the form and come out as they were, or with what was changed.

use super::*;
use hrm_types::experiment::{ArchConfig, DataSpec, GenerateSpec, MazeStyle, TrainConfig};

fn experiment() -> Experiment {
    Experiment {
        name: "small".into(),
        description: "for tests".into(),
        seed: 3,
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
fn every_setting_has_a_field() {
    let fields = [IDENTITY, GENERATED, TRAINING, MODEL, FINE].concat();
    for (path, _) in listing::settings(&experiment()) {
        let elsewhere = ["description", SOURCE, "data.givens"].contains(&path.as_str());
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
        ("name", "a b", "expected 1 to 64 letters, digits, '-', '_' or '.', found \"a b\""),
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
    assert_eq!(planned_steps(&experiment, 1000), 20, "max_steps is less than 100");
    experiment.train.max_steps = None;
    assert_eq!(planned_steps(&experiment, 1000), 100);
}
