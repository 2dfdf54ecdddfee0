//! Trainings that begin with a model, and those that may not.

use super::*;
use crate::{
    data,
    train::{Origin, Training, tests::tiny, train},
};
use hrm_types::{
    board::Kind,
    experiment::{DataSpec, GenerateSpec, PosEncodings},
};
use std::ops::ControlFlow;

fn corpus(experiment: &Experiment) -> Corpus {
    let DataSpec::Generate(spec) = &experiment.data else { panic!("its puzzles are generated") };
    let puzzles = data::generate(spec, &mut |_, _| ControlFlow::Continue(())).expect("puzzles");
    Corpus::of_dataset(&puzzles, experiment)
}

fn trained(experiment: &Experiment, origin: Origin<'_>) -> Model {
    let mut training = Training::open(experiment, corpus(experiment), origin, &Device::Cpu).expect("a training");
    train(&mut training, &mut |_, _| ControlFlow::Continue(())).expect("it trains");
    training.finish().expect("a model").model
}

fn start(model: &Model) -> Start {
    Start::from_bytes(&model.to_bytes().expect("bytes")).expect("a model to begin with")
}

/// `experiment`, beginning with `start`.
fn after(start: &Start, experiment: Experiment) -> Experiment {
    Experiment { start_from: Some(start.sha256().to_owned()), ..experiment }
}

fn refusal(experiment: &Experiment, origin: Origin<'_>) -> String {
    let refused = Training::open(experiment, corpus(experiment), origin, &Device::Cpu).err();
    refused.expect("a refusal").to_string()
}

#[test]
fn a_training_begins_with_the_weights_of_the_model_that_it_names() {
    let start = start(&trained(&tiny(), Origin::Drawn));
    let mut further = after(&start, tiny());
    // No step may move a weight: what comes out is what went in.
    (further.train.lr, further.train.puzzle_emb_lr, further.train.max_steps) = (0.0, 0.0, Some(1));
    let model = trained(&further, Origin::Model(&start));
    for (name, weight) in start.model().tensors() {
        let [before, after] =
            [weight, &model.tensors()[name]].map(|w| w.flatten_all().and_then(|w| w.to_vec1::<f32>()).expect("values"));
        assert_eq!(before, after, "{name}");
    }
    assert_eq!(model.info().experiment.start_from.as_deref(), Some(start.sha256()), "its file says so");
    assert_eq!(model.info().step, 1, "its own steps");
}

#[test]
fn what_was_learned_is_kept() {
    let start = start(&trained(&tiny(), Origin::Drawn));
    let mut further = after(&start, tiny());
    (further.train.max_steps, further.train.log_every, further.train.lr_warmup_steps) = (Some(3), 3, 1);
    let drawn = Experiment { start_from: None, ..further.clone() };
    let loss = |experiment: &Experiment, origin: Origin<'_>| {
        let mut training = Training::open(experiment, corpus(experiment), origin, &Device::Cpu).expect("a training");
        let mut loss = None;
        train(&mut training, &mut |_, point| {
            loss = point.map(|point| point.loss).or(loss);
            ControlFlow::Continue(())
        })
        .expect("it trains");
        loss.expect("a metric point")
    };
    let (warm, cold) = (loss(&further, Origin::Model(&start)), loss(&drawn, Origin::Drawn));
    assert!(warm < 0.9 * cold, "expected a lower loss than {cold}, found {warm}");
}

#[test]
fn another_model_than_the_named_one_is_refused() {
    let start = start(&trained(&tiny(), Origin::Drawn));
    let other = after(&start, tiny());
    let other = Experiment { start_from: Some("f".repeat(64)), ..other };
    let said = refusal(&other, Origin::Model(&start));
    assert!(said.starts_with("start_from: expected the checkpoint ffff") && said.ends_with(start.sha256()), "{said}");
    let said = refusal(&other, Origin::Drawn);
    assert!(said.ends_with("found no model"), "{said}");
    let said = refusal(&tiny(), Origin::Model(&start));
    assert!(said.ends_with("found nothing"), "{said}");
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_the_setting() {
    let start = start(&trained(&tiny(), Origin::Drawn));
    let mut wider = after(&start, tiny());
    wider.arch.hidden_size = 64;
    assert_eq!(
        refusal(&wider, Origin::Model(&start)),
        "start_from: expected a model of the experiment's sizes, with arch.hidden_size = 64, found one with 32"
    );
    let larger =
        Experiment { data: DataSpec::Generate(GenerateSpec::sudoku(6, 64, 4, [20, 24], 3)), ..after(&start, tiny()) };
    assert_eq!(
        refusal(&larger, Origin::Model(&start)),
        "start_from: expected a model for such puzzles, with weight embed_tokens.embedding_weight of [8, 32], found one \
         with [6, 32]"
    );
    let mut mixed = after(&start, tiny());
    (mixed.arch.mlp_t, mixed.arch.pos_encodings) = (true, PosEncodings::None);
    assert_eq!(
        refusal(&mixed, Origin::Model(&start)),
        "start_from: expected a model of the experiment's sizes, with arch.mlp_t = true, found one with false"
    );
    // What changes no weight's size is free.
    let mut longer = after(&start, tiny());
    (longer.arch.halt_max_steps, longer.arch.L_cycles, longer.train.max_steps) = (8, 3, Some(1));
    trained(&longer, Origin::Model(&start));
}

/// The rows of the puzzle embedding that a training of `experiment` begins with.
fn rows(experiment: &Experiment, origin: Origin<'_>) -> Vec<Vec<f32>> {
    let training = Training::open(experiment, corpus(experiment), origin, &Device::Cpu).expect("a training");
    let model = training.model().expect("a model");
    model.tensors()[PUZZLE_EMB].to_vec2().expect("rows")
}

#[test]
fn rows_of_puzzles_are_kept_for_the_same_variants_of_the_same_tasks_alone() {
    let tasks = |seed| {
        let sudoku = GenerateSpec::sudoku(6, 4, 2, [0, 0], seed);
        DataSpec::Generate(GenerateSpec { kind: Kind::Arc, givens: None, ..sudoku })
    };
    let mut first = Experiment { data: tasks(1), ..tiny() };
    (first.train.task_variants, first.train.batch_size, first.train.max_steps) = (2, 8, Some(3));
    let start = start(&trained(&first, Origin::Drawn));
    let its: Vec<Vec<f32>> = start.model().tensors()[PUZZLE_EMB].to_vec2().expect("rows");
    assert!(its.len() > 10 && its[1] != its[2], "rows that tell from each other");
    let rows = |experiment: Experiment| rows(&after(&start, experiment), Origin::Model(&start));
    assert_eq!(rows(first.clone()), its, "the same variants of the same tasks");
    let more = |variants| {
        let mut experiment = first.clone();
        experiment.train.task_variants = variants;
        experiment
    };
    for other in [Experiment { seed: 6, ..first.clone() }, Experiment { data: tasks(2), ..first.clone() }, more(3)] {
        let rows = rows(other);
        assert_eq!(rows[0], its[0], "the blank row stays");
        for (column, value) in rows[1].iter().enumerate() {
            let mean = its.iter().map(|row| row[column]).sum::<f32>() / its.len() as f32;
            assert!((value - mean).abs() < 1e-6, "{value}, mean {mean}");
        }
        assert!(rows[1..].iter().all(|row| *row == rows[1]), "all others are alike");
    }
    let plain = Experiment { train: more(0).train, ..first };
    assert_eq!(rows(plain).len(), 1 + start.model().info().tasks.len());
}
