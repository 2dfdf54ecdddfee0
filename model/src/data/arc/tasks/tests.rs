//! What a visit of a task draws.

use super::*;
use crate::data::{arc::variant::decode, draw::stream, generate};
use hrm_types::experiment::{ArchConfig, DataSpec, GenerateSpec, TrainConfig};
use std::ops::ControlFlow;

fn experiment() -> Experiment {
    let spec =
        GenerateSpec { kind: Kind::Arc, validation: 2, givens: None, ..GenerateSpec::sudoku(6, 8, 3, [0, 0], 5) };
    Experiment {
        name: "tasks".into(),
        description: String::new(),
        seed: 7,
        start_from: None,
        data: DataSpec::Generate(spec),
        arch: ArchConfig::default(),
        train: TrainConfig { task_variants: 4, ..TrainConfig::default() },
    }
}

fn dataset() -> Dataset {
    let DataSpec::Generate(spec) = experiment().data else { unreachable!() };
    generate(&spec, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

#[test]
fn test_pairs_are_never_trained_on_but_their_tasks_are() {
    let (dataset, experiment) = (dataset(), experiment());
    assert_eq!((dataset.validation.len(), dataset.test.len()), (2, 3));
    let tasks = Tasks::of_dataset(&dataset, &experiment);
    assert_eq!(tasks.trained(), 11, "the demonstrations of evaluation tasks are trained on");
    let held_out: Vec<&Board> = dataset.validation.iter().chain(&dataset.test).map(|puzzle| &puzzle.question).collect();
    for task in &tasks.trained {
        assert!(task.pairs.iter().all(|pair| !held_out.contains(&&pair.input)));
    }
}

#[test]
fn a_visit_is_one_variant_of_all_pairs_under_its_own_identifier() {
    let (dataset, experiment) = (dataset(), experiment());
    let tasks = Tasks::of_dataset(&dataset, &experiment);
    let mut identifiers_seen = std::collections::BTreeSet::new();
    for number in 0..200 {
        let task = number as usize % tasks.trained();
        let visit = tasks.visit(task, &mut stream(3, number));
        let Trained { identifier, variants, pairs } = &tasks.trained[task];
        assert_eq!(visit.examples.len(), pairs.len());
        let variant = variants[(visit.identifier - identifier) as usize];
        let in_corner = visit.examples.iter().zip(pairs).filter(|((question, answer), pair)| {
            decode(question, 6).is_some_and(|board| variant.undo(&board) == pair.input)
                && decode(answer, 6).is_some_and(|board| variant.undo(&board) == pair.output)
        });
        assert!(in_corner.count() >= 1, "at least one pair stands in the corner");
        identifiers_seen.insert(visit.identifier);
    }
    let most = identifiers(Kind::Arc, 11, 4) as u32;
    assert!(identifiers_seen.iter().all(|&identifier| identifier != BLANK && identifier < most));
    assert!(identifiers_seen.len() > 40, "{} of 55 identifiers", identifiers_seen.len());
}
