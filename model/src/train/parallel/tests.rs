//! Two devices train as one does.

use super::*;
use crate::data::{self, Dataset};
use crate::train::{
    Start, TrainState,
    tests::{corpus, dataset, tiny},
    train,
};
use hrm_types::experiment::DataSpec;
use std::{cell::Cell, fs, ops::ControlFlow};

/// Loss and sequences of every point, and the weights at the end.
type Curve = (Vec<(u64, f64, Option<f64>)>, Vec<Vec<f32>>);

fn values(trained: &Trained) -> Vec<Vec<f32>> {
    let values = |tensor: &candle_core::Tensor| tensor.flatten_all().and_then(|x| x.to_vec1()).expect("values");
    trained.model.tensors().values().map(values).collect()
}

/// Those that the experiment generates.
fn puzzles(experiment: &Experiment) -> Dataset {
    let spec = experiment.data.generated().expect("generated puzzles");
    data::generate(spec, &mut |_, _| ControlFlow::Continue(())).expect("puzzles")
}

/// Trains on `count` threads, each a device of its own; `next` says what follows a step.
fn among(
    count: usize,
    experiment: &Experiment,
    origin: Origin<'_>,
    state: &Path,
    next: impl Fn(u64) -> Next,
) -> Result<Curve> {
    let puzzles = puzzles(experiment);
    let mut points = Vec::new();
    let trained = train_on(
        &vec![Device::Cpu; count],
        experiment,
        &corpus(&puzzles, experiment),
        origin,
        state,
        &mut |training, told| {
            let Told::Step(point) = told else { panic!("{told:?}") };
            points.extend(point.map(|point| (point.examples, point.loss, point.accuracy)));
            next(training.step())
        },
    )?;
    Ok((points, values(&trained)))
}

fn alone(experiment: &Experiment) -> Curve {
    let puzzles = dataset();
    let mut training = Training::begin(experiment, corpus(&puzzles, experiment), &Device::Cpu).expect("a training");
    let mut points = Vec::new();
    train(&mut training, &mut |_, point| {
        points.extend(point.map(|point| (point.examples, point.loss, point.accuracy)));
        ControlFlow::Continue(())
    })
    .expect("all steps");
    (points, values(&training.finish().expect("a model")))
}

/// Only the order of sums differs, and what grows of it in 25 steps.
fn near(ours: &Curve, theirs: &Curve) {
    assert_eq!(ours.0.len(), theirs.0.len());
    for ((examples, loss, accuracy), (their_examples, their_loss, their_accuracy)) in ours.0.iter().zip(&theirs.0) {
        assert_eq!(examples, their_examples, "the global batch");
        assert!((loss - their_loss).abs() < 1e-3 * their_loss, "loss {loss}, on one device {their_loss}");
        let difference = accuracy.unwrap_or(0.0) - their_accuracy.unwrap_or(0.0);
        assert!(difference.abs() < 0.02, "accuracy {accuracy:?}, on one device {their_accuracy:?}");
    }
}

#[test]
fn two_ranks_train_as_one_and_always_to_the_same_bits() {
    let (experiment, folder) = (tiny(), tempfile::tempdir().expect("a folder"));
    let state = folder.path().join("state");
    let two = among(2, &experiment, Origin::Drawn, &state, |_| Next::GoOn).expect("a training");
    near(&two, &alone(&experiment));
    let first = (two.0[0].1, alone(&experiment).0[0].1);
    assert!((first.0 - first.1).abs() < 1e-5 * first.1, "after five steps {first:?}");
    let again = among(2, &experiment, Origin::Drawn, &state, |_| Next::GoOn).expect("a training");
    assert!(two == again, "other bits the second time");
}

#[test]
fn a_state_that_two_ranks_wrote_is_gone_on_from_by_any_number() {
    let (experiment, folder) = (tiny(), tempfile::tempdir().expect("a folder"));
    let (state, other) = (folder.path().join("state"), folder.path().join("other"));
    let whole = among(2, &experiment, Origin::Drawn, &other, |_| Next::GoOn).expect("a training");
    let stop_at = |step| move |now| if now == step { Next::Stop } else { Next::GoOn };
    let stopped = among(2, &experiment, Origin::Drawn, &state, stop_at(10)).expect_err("it was stopped");
    assert!(matches!(stopped, Error::Cancelled), "{stopped}");
    let from = TrainState::read(&state).expect("a state");
    assert_eq!(from.info().step, 10);
    let two = among(2, &experiment, Origin::State(&from), &other, |_| Next::GoOn).expect("a training");
    assert!(two.0[..] == whole.0[2..] && two.1 == whole.1, "as if it had not stopped");
    for count in [1, 4] {
        let others = among(count, &experiment, Origin::State(&from), &other, |_| Next::GoOn).expect("a training");
        near(&others, &two);
    }
    fs::remove_file(&state).expect("the state was written");
}

#[test]
fn a_look_of_two_ranks_can_be_stopped_and_is_made_anew() {
    let (mut experiment, folder) = (tiny(), tempfile::tempdir().expect("a folder"));
    let (state, other) = (folder.path().join("state"), folder.path().join("other"));
    let DataSpec::Generate(spec) = &mut experiment.data else { panic!("puzzles of another source") };
    spec.validation = 6;
    experiment.train.validate_every = Some(5);
    let whole = among(2, &experiment, Origin::Drawn, &other, |_| Next::GoOn).expect("a training");
    // Once after the step, then while the first rank looks.
    let asked = Cell::new(0);
    let while_looking = |step| {
        asked.set(asked.get() + u32::from(step == 5));
        if asked.get() == 2 { Next::Stop } else { Next::GoOn }
    };
    let stopped = among(2, &experiment, Origin::Drawn, &state, while_looking).expect_err("it was stopped");
    assert!(matches!(stopped, Error::Cancelled), "{stopped}");
    assert_eq!(asked.get(), 2, "nobody was asked again");
    let from = TrainState::read(&state).expect("a state");
    assert_eq!(from.info().step, 5);
    let rest = among(2, &experiment, Origin::State(&from), &other, |_| Next::GoOn).expect("a training");
    assert!(rest == whole, "as if it had not stopped");
}

#[test]
fn a_state_that_cannot_be_written_is_told_and_the_training_goes_on() {
    let (puzzles, experiment) = (dataset(), tiny());
    let nowhere = Path::new("/nowhere/at/all.state");
    let (mut told_of, mut steps) = (0, 0);
    let trained = train_on(
        &[Device::Cpu, Device::Cpu],
        &experiment,
        &corpus(&puzzles, &experiment),
        Origin::Drawn,
        nowhere,
        &mut |training, told| {
            steps = training.step();
            told_of += u32::from(matches!(told, Told::Unsaved(Error::Unwritten(_))));
            if steps == 2 { Next::Save } else { Next::GoOn }
        },
    );
    assert_eq!((trained.expect("a model").step, told_of), (steps, 1));
}

#[test]
fn two_ranks_begin_with_the_weights_of_a_model() {
    let puzzles = dataset();
    let first = tiny();
    let training = Training::begin(&first, corpus(&puzzles, &first), &Device::Cpu).expect("a training");
    let bytes = training.model().and_then(|model| model.to_bytes()).expect("a checkpoint");
    let start = Start::from_bytes(&bytes).expect("a model to begin with");
    // Drawn from another seed, the weights would be others.
    let mut further = Experiment { seed: 6, start_from: Some(start.sha256().to_owned()), ..first };
    (further.train.lr, further.train.puzzle_emb_lr, further.train.max_steps) = (0.0, 0.0, Some(1));
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let (_, weights) = among(2, &further, Origin::Model(&start), &state, |_| Next::GoOn).expect("a training");
    let begun = start.model().tensors().values();
    let begun: Vec<Vec<f32>> = begun.map(|x| x.flatten_all().and_then(|x| x.to_vec1()).expect("values")).collect();
    assert!(weights == begun, "other weights than the model's");
}

#[test]
fn a_batch_that_cannot_be_shared_is_refused_by_all() {
    let (experiment, folder) = (tiny(), tempfile::tempdir().expect("a folder"));
    let error =
        among(3, &experiment, Origin::Drawn, &folder.path().join("state"), |_| Next::GoOn).expect_err("an error");
    assert!(error.to_string().contains("batch size that 3 devices can share evenly, found 32"), "{error}");
}
