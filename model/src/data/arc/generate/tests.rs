//! The family's rules and what a collection of it promises.

use super::super::{assign::assign, variant};
use super::*;
use hrm_types::board::Kind;

fn go_on(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn grid(text: &str) -> Board {
    Board::read(Kind::Arc, text).unwrap()
}

#[test]
fn each_rule_does_what_it_says() {
    let input = grid("0102/3030/0120");
    for (rule, expect) in [
        (Rule::Swap(1, 3), "0302/1010/0320"),
        (Rule::Recolour(1, 3), "0302/3030/0320"),
        (Rule::Keep(3), "0000/3030/0000"),
        (Rule::Fill(7), "7172/3737/7127"),
        (Rule::Frame(7), "7777/7037/7777"),
    ] {
        assert_eq!(rule.apply(&input).text(Kind::Arc), expect, "{rule:?}");
    }
    let all: Vec<Rule> = Rule::all().collect();
    assert_eq!(all.len(), 36 + 72 + 27);
}

/// The one rule that explains the demonstrations.
fn rule_of(task: &Task) -> Rule {
    let explains = |rule: &Rule| task.train.iter().all(|pair| rule.apply(&pair.input) == pair.output);
    let rules: Vec<Rule> = Rule::all().filter(explains).collect();
    assert_eq!(rules.len(), 1, "{}", task.name);
    rules[0]
}

#[test]
fn tasks_are_what_the_family_promises() {
    for (side, training, evaluation) in [(3, 9, 3), (4, 20, 5), (6, 200, 50), (8, 100, 25), (30, 3, 2)] {
        let tasks = generate(side, training, evaluation, 3, &mut go_on).unwrap();
        let of = |set| tasks.iter().filter(|task| task.set == set).count();
        assert_eq!((of(Set::Training), of(Set::Evaluation)), (training, evaluation));
        assert!(tasks.is_sorted_by(|a, b| a.name < b.name));
        let mut inputs = HashSet::new();
        for task in &tasks {
            assert!(matches!(task.train.len(), 3 | 4) && task.test.len() == 1);
            assert!(task.longest_side() <= side);
            let rule = rule_of(task);
            let test = &task.test[0];
            assert_eq!(test.output.as_ref(), Some(&rule.apply(&test.input)));
            for input in task.train.iter().map(|pair| &pair.input).chain([&test.input]) {
                assert_ne!(rule.apply(input), *input);
                assert!(inputs.insert(least_image(input)), "{}: a grid comes twice", task.name);
            }
        }
    }
}

#[test]
fn every_kind_of_rule_occurs_and_variants_stay_in_the_family() {
    let tasks = generate(6, 200, 0, 1, &mut go_on).unwrap();
    let kinds: HashSet<_> = tasks.iter().map(|task| std::mem::discriminant(&rule_of(task))).collect();
    assert_eq!(kinds.len(), 5);
    for task in &tasks[..20] {
        for variant in variant::variants(task, 8, 1) {
            let apply = |pair: &Pair| Pair { input: variant.apply(&pair.input), output: variant.apply(&pair.output) };
            rule_of(&Task { train: task.train.iter().map(apply).collect(), ..task.clone() });
        }
    }
}

#[test]
fn the_evaluation_set_is_tested_on_its_tests_alone() {
    let tasks = generate(6, 10, 4, 1, &mut go_on).unwrap();
    let assigned = assign(&tasks, 0, 0);
    assert_eq!(assigned.test.len(), 4);
    let demonstrations: usize = tasks.iter().map(|task| task.train.len()).sum();
    assert_eq!(assigned.train.len(), demonstrations + 10);
}

#[test]
fn the_same_seed_gives_the_same_tasks() {
    let few = generate(6, 5, 3, 1, &mut go_on).unwrap();
    assert_eq!(few, generate(6, 5, 3, 1, &mut go_on).unwrap());
    assert_ne!(few, generate(6, 5, 3, 2, &mut go_on).unwrap());
    assert_eq!(few[..3], generate(6, 9, 3, 1, &mut go_on).unwrap()[..3], "the evaluation tasks come first by name");
}

#[test]
fn what_cannot_be_made_is_said_in_numbers() {
    let error = |side, tasks| generate(side, tasks, 0, 1, &mut go_on).unwrap_err().to_string();
    assert_eq!(error(2, 1), "expected a side from 3 to 30, found 2");
    assert_eq!(error(31, 1), "expected a side from 3 to 30, found 31");
    let few = error(3, 1_000_000);
    assert!(few.starts_with("expected 1000000 tasks of side 3 that share no grid, found only "), "{few}");
    assert_eq!(generate(6, 5, 5, 1, &mut |_, _| ControlFlow::Break(())).unwrap_err(), GenerateError::Cancelled);
}
