//! Trainings that begin with a model, and those that may not.

use super::*;
use crate::{
    data,
    train::{Origin, Training, tests::tiny, train},
};
use hrm_types::experiment::{DataSpec, GenerateSpec};
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
    // What changes no weight's size is free.
    let mut longer = after(&start, tiny());
    (longer.arch.halt_max_steps, longer.arch.L_cycles, longer.train.max_steps) = (8, 3, Some(1));
    trained(&longer, Origin::Model(&start));
}
