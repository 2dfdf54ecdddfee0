//! Whole trainings on a GPU: near those on the CPU, always the same bits, and gone on from as if they had not stopped.

use super::{
    tests::{corpus, dataset, tiny, tiny_trm, tiny_trm_mlp},
    *,
};
use crate::{
    act::Batch,
    checkpoint::Model,
    device::DeviceChoice,
    rollout::{Reading, rollout},
};
use candle_core::Device;
use hrm_types::{
    evaluation::Protocol,
    experiment::{Experiment, ForwardDtype},
};
use std::ops::ControlFlow;

fn gpu() -> Device {
    DeviceChoice::Cuda(0).open().unwrap_or_else(|error| panic!("{error}"))
}

/// A few steps of an HRM whose heads have a kernel on tensor cores.
fn experiment(dtype: ForwardDtype) -> Experiment {
    short(tiny(), dtype)
}

/// The same of TRMs, too.
fn experiments(dtype: ForwardDtype) -> [Experiment; 3] {
    [tiny(), tiny_trm(), tiny_trm_mlp()].map(|experiment| short(experiment, dtype))
}

fn short(mut experiment: Experiment, dtype: ForwardDtype) -> Experiment {
    experiment.arch.hidden_size = 64;
    experiment.arch.puzzle_emb_ndim = 64;
    experiment.arch.forward_dtype = dtype;
    experiment.train.batch_size = 8;
    experiment.train.log_every = 1;
    experiment.train.max_steps = Some(6);
    experiment
}

/// Every step's loss, and the weights at the end.
fn curve(mut training: Training<'_>) -> (Vec<f64>, Vec<Vec<f32>>) {
    let mut losses = Vec::new();
    train(&mut training, &mut |_, point| {
        losses.extend(point.map(|point| point.loss));
        std::ops::ControlFlow::Continue(())
    })
    .expect("all steps");
    let model = training.model().expect("a model");
    let values = |tensor: &candle_core::Tensor| tensor.flatten_all().and_then(|x| x.to_vec1::<f32>()).expect("values");
    (losses, model.tensors().values().map(values).collect())
}

fn begin<'a>(experiment: &'a Experiment, device: &Device) -> Training<'a> {
    Training::begin(experiment, corpus(&dataset(), experiment), device).expect("a training")
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_training_is_near_the_cpus() {
    let formats = [(ForwardDtype::Float32, 1e-4), (ForwardDtype::Bfloat16, 3e-2)];
    // One sequence at a time, too: what is cut out of it lies as if nothing had been cut.
    for (dtype, tolerance, batch_size) in formats.into_iter().flat_map(|(d, t)| [(d, t, 8), (d, t, 1)]) {
        for (which, mut experiment) in experiments(dtype).into_iter().enumerate() {
            experiment.train.batch_size = batch_size;
            let ours = curve(begin(&experiment, &gpu())).0;
            let theirs = curve(begin(&experiment, &Device::Cpu)).0;
            for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                assert!(
                    (ours - theirs).abs() < tolerance * theirs,
                    "{which}, {dtype:?}, batch {batch_size}, step {step}: {ours}, on the CPU {theirs}"
                );
            }
        }
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_training_gives_the_same_bits_twice() {
    for (dtype, experiment) in
        [ForwardDtype::Float32, ForwardDtype::Bfloat16].into_iter().flat_map(|d| experiments(d).map(|e| (d, e)))
    {
        assert!(curve(begin(&experiment, &gpu())) == curve(begin(&experiment, &gpu())), "{dtype:?}");
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_training_goes_on_where_it_was_written_on_any_device() {
    let experiment = experiment(ForwardDtype::Bfloat16);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let (whole, weights) = curve(begin(&experiment, &gpu()));
    let mut training = begin(&experiment, &gpu());
    for _ in 0..3 {
        training.advance().expect("a step");
    }
    training.write(&path).expect("a state");
    let state = TrainState::read(&path).expect("the state");
    let resume = |device: &Device| {
        curve(Training::resume(&experiment, corpus(&dataset(), &experiment), &state, device).expect("a training"))
    };
    let (rest, weights_again) = resume(&gpu());
    assert!(whole[3..] == rest[..] && weights == weights_again, "{whole:?} and {rest:?}");
    let (on_the_cpu, _) = resume(&Device::Cpu);
    for (ours, theirs) in rest.iter().zip(&on_the_cpu) {
        assert!((ours - theirs).abs() < 3e-2 * theirs, "{rest:?}, on the CPU {on_the_cpu:?}");
    }
}

/// Every reading of so many sequences: their tokens, and the two values.
fn readings(model: &Model, sequences: usize) -> Vec<(Vec<u32>, [f32; 2])> {
    let task = model.info().task().expect("a task");
    let inputs = (0..sequences * task.seq_len).map(|i| (i * i % (task.vocab_size - 1)) as u32 + 1).collect();
    let labels = vec![1; sequences * task.seq_len];
    let batch = Batch { seq_len: task.seq_len, inputs, labels, puzzle_identifiers: vec![0; sequences] };
    let mut all = Vec::new();
    let on_reading = |_, _, reading: Reading| all.push((reading.tokens, [reading.q_halt, reading.q_continue]));
    rollout(model, &batch, &Protocol::fixed(2), on_reading, &mut || ControlFlow::Continue(())).expect("all steps");
    all
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_answers_are_the_cpus() {
    let formats = [(ForwardDtype::Float32, 1e-3), (ForwardDtype::Bfloat16, 1e-1)];
    for (dtype, tolerance, experiment) in formats.into_iter().flat_map(|(d, t)| experiments(d).map(|e| (d, t, e))) {
        let mut training = begin(&experiment, &Device::Cpu);
        training.advance().expect("a step");
        let model = training.model().expect("a model");
        let on_gpu = model.to_device(&gpu()).expect("on the GPU");
        // One sequence at a time, too, which is what a batch comes to when the others have halted.
        for sequences in [3, 1] {
            let (ours, theirs) = (readings(&on_gpu, sequences), readings(&model, sequences));
            assert_eq!(ours.len(), 2 * sequences);
            for ((tokens, q), (their_tokens, their_q)) in ours.iter().zip(&theirs) {
                let far = q.iter().zip(their_q).any(|(q, theirs)| (q - theirs).abs() > tolerance);
                assert!(!far, "{dtype:?}, {sequences} sequences: {q:?}, on the CPU {their_q:?}");
                // In bf16 two tokens may be as probable as each other.
                assert!(dtype == ForwardDtype::Bfloat16 || tokens == their_tokens, "{sequences} sequences");
            }
        }
    }
}
