//! Training states: going on from one is never having stopped, and a damaged one is refused.

use super::TrainState;
use crate::tensor_file::bytes;
use crate::{
    Error,
    data::Dataset,
    random::{self, Purpose},
    train::{
        Training,
        tests::{corpus, dataset, tiny, tiny_trm, tiny_trm_mlp, validated, validation_dataset},
        train,
    },
};
use candle_core::Device;
use hrm_types::{
    experiment::{CheckpointRule, Experiment},
    run::MetricPoint,
};
use rand_chacha::rand_core::Rng;
use std::{fs, ops::ControlFlow, path::Path};
use tempfile::TempDir;

/// Everything of a point that is not a time.
fn numbers(point: &MetricPoint) -> [u64; 7] {
    let bits = |value: Option<f64>| value.map_or(0, f64::to_bits);
    [
        point.step,
        point.examples,
        point.loss.to_bits(),
        point.lr.to_bits(),
        bits(point.accuracy),
        bits(point.q_halt_accuracy),
        point.validation.map_or(0, |seen| 1 + u64::from(seen.exact)) ^ bits(point.validation.map(|seen| seen.accuracy)),
    ]
}

/// Trains to the end, writes the state there and returns the points.
fn to_the_end(mut training: Training<'_>, path: &Path) -> Vec<[u64; 7]> {
    let mut points = Vec::new();
    train(&mut training, &mut |_, point| {
        points.extend(point.map(numbers));
        ControlFlow::Continue(())
    })
    .expect("all steps");
    training.write(path).expect("a state");
    points
}

/// The bytes of everything in a state but the clock's two values.
fn content(path: &Path) -> Vec<(String, Vec<u8>)> {
    let state = TrainState::read(path).expect("a state");
    let bytes = |tensor| crate::tensor_file::bytes(tensor).expect("values");
    let content = state.tensors.iter().map(|(name, tensor)| {
        let mut bytes = bytes(tensor);
        if name == "progress" {
            bytes[..8].fill(0);
            bytes[16..24].fill(0);
        }
        (name.clone(), bytes)
    });
    content.collect()
}

/// Writes the state after `step` steps, with the points until there.
fn interrupted(experiment: &Experiment, dataset: &Dataset, step: u64, path: &Path) -> Vec<[u64; 7]> {
    let mut training = Training::begin(experiment, corpus(dataset, experiment), &Device::Cpu).expect("a training");
    let mut points = Vec::new();
    for _ in 0..step {
        points.extend(training.advance().expect("a step").as_ref().map(numbers));
    }
    training.write(path).expect("a state");
    points
}

#[test]
fn going_on_is_bit_for_bit_never_having_stopped() {
    goes_on(&tiny(), 20);
}

#[test]
fn a_training_that_averages_its_weights_goes_on_bit_for_bit() {
    goes_on(&tiny_trm(), 3);
    goes_on(&tiny_trm_mlp(), 3);
}

/// Interrupts a training as often, after other numbers of steps each time.
fn goes_on(experiment: &Experiment, times: usize) {
    let (dataset, folder) = (dataset(), TempDir::new().expect("a folder"));
    let whole = folder.path().join("whole");
    let points = to_the_end(
        Training::begin(experiment, corpus(&dataset, experiment), &Device::Cpu).expect("a training"),
        &whole,
    );
    let whole = content(&whole);
    assert_eq!(points.len(), 5, "25 steps, a point every 5");
    let mut rng = random::stream(20, Purpose::Order, 0);
    let steps: Vec<u64> = (0..times).map(|_| 1 + rng.next_u64() % 25).collect();
    eprintln!("seed 20: of 25 steps resumed after {steps:?}");
    for step in steps {
        let (at, end) = (folder.path().join("at"), folder.path().join("end"));
        let mut resumed = interrupted(experiment, &dataset, step, &at);
        let state = TrainState::read(&at).expect("a state");
        assert_eq!((state.info().step, state.info().examples), (step, step * 32));
        resumed.extend(to_the_end(
            Training::resume(experiment, corpus(&dataset, experiment), &state, &Device::Cpu).expect("a training"),
            &end,
        ));
        assert_eq!(resumed, points, "points, resumed at step {step}");
        assert!(content(&end) == whole, "weights, moments or carry differ, resumed at step {step}");
    }
}

#[test]
fn a_state_of_another_training_is_refused() {
    let (experiment, dataset, folder) = (tiny(), dataset(), TempDir::new().expect("a folder"));
    let path = folder.path().join("state");
    interrupted(&experiment, &dataset, 2, &path);
    let state = TrainState::read(&path).expect("a state");
    let refused = |experiment: &Experiment, dataset: &Dataset| {
        Training::resume(experiment, corpus(dataset, experiment), &state, &Device::Cpu)
            .err()
            .expect("an error")
            .to_string()
    };
    let other = Experiment { seed: 6, ..experiment.clone() };
    assert!(refused(&other, &dataset).contains("it belongs to another experiment"), "{}", refused(&other, &dataset));
    let fewer = Dataset { train: dataset.train[1..].to_vec(), ..dataset };
    assert!(refused(&experiment, &fewer).contains("it belongs to another dataset"));
    let mut wider = experiment;
    wider.arch.hidden_size = 64;
    assert!(matches!(
        Training::resume(&wider, corpus(&fewer, &wider), &state, &Device::Cpu).err(),
        Some(Error::Weight { .. })
    ));
}

#[test]
fn nothing_is_written_before_the_first_step_and_nothing_partial_is_left() {
    let (experiment, dataset, folder) = (tiny(), dataset(), TempDir::new().expect("a folder"));
    let mut training = Training::begin(&experiment, corpus(&dataset, &experiment), &Device::Cpu).expect("a training");
    let path = folder.path().join("state");
    assert_eq!(
        training.write(&path).err().map(|error| error.to_string()).as_deref(),
        Some("not a usable training state: no step has been made yet")
    );
    training.advance().expect("a step");
    assert!(training.write(&folder.path().join("missing").join("state")).is_err());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn every_truncated_or_flipped_state_is_refused() {
    let (experiment, dataset, folder) = (tiny(), dataset(), TempDir::new().expect("a folder"));
    let path = folder.path().join("state");
    interrupted(&experiment, &dataset, 1, &path);
    let whole = fs::read(&path).expect("the file");
    let mut rng = random::stream(21, Purpose::Order, 0);
    for i in 0..1_000 {
        let at = (rng.next_u64() % whole.len() as u64) as usize;
        let mut damaged = whole.clone();
        if i % 2 == 0 {
            damaged.truncate(at);
        } else {
            damaged[at] ^= 1 << (rng.next_u64() % 8);
        }
        fs::write(&path, &damaged).expect("a file");
        let kind = if i % 2 == 0 { "truncated" } else { "flipped" };
        assert!(TrainState::read(&path).is_err(), "{kind} at byte {at} of {}", whole.len());
    }
    eprintln!("seed 21: 500 truncated and 500 flipped states of {} bytes, all refused", whole.len());
}

/// Trains until `on_step` was called `calls` times, which may be in the middle of a look at the validation split.
fn interrupted_at_call(experiment: &Experiment, dataset: &Dataset, calls: u64, path: &Path) -> Vec<[u64; 7]> {
    let mut training = Training::begin(experiment, corpus(dataset, experiment), &Device::Cpu).expect("a training");
    let (mut points, mut left) = (Vec::new(), calls);
    let ended = train(&mut training, &mut |_, point| {
        points.extend(point.map(numbers));
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    training.write(path).expect("a state");
    points
}

#[test]
fn a_training_that_chooses_by_validation_goes_on_bit_for_bit_too() {
    let folder = TempDir::new().expect("a folder");
    let (experiment, dataset) = (validated(CheckpointRule::Best), validation_dataset());
    let finished = |training: Training<'_>| {
        let model = training.finish().expect("a model").model;
        let weights: Vec<_> =
            model.tensors().iter().map(|(name, tensor)| (name.clone(), bytes(tensor).expect("values"))).collect();
        (model.info().step, model.info().choice.clone(), weights)
    };
    let begin = || Training::begin(&experiment, corpus(&dataset, &experiment), &Device::Cpu).expect("a training");
    let run = |mut training: Training<'_>| {
        let (mut points, mut calls) = (Vec::new(), 0);
        train(&mut training, &mut |_, point| {
            points.extend(point.map(numbers));
            calls += 1;
            ControlFlow::Continue(())
        })
        .expect("all steps");
        (points, calls, finished(training))
    };
    let (points, calls, model) = run(begin());
    assert!(calls > 25 + 7, "25 steps and a call or more in each of 7 looks, found {calls}");
    let at = folder.path().join("at");
    let mut rng = random::stream(22, Purpose::Order, 0);
    for _ in 0..6 {
        let call = 1 + rng.next_u64() % (calls - 1);
        let mut resumed = interrupted_at_call(&experiment, &dataset, call, &at);
        let state = TrainState::read(&at).expect("a state");
        let training =
            Training::resume(&experiment, corpus(&dataset, &experiment), &state, &Device::Cpu).expect("a training");
        let (rest, _, resumed_model) = run(training);
        resumed.extend(rest);
        assert_eq!(resumed, points, "points, resumed after call {call}");
        assert!(resumed_model == model, "the chosen checkpoint, resumed after call {call}");
    }
}
