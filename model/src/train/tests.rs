//! Training from start to end on tiny models.

use super::*;
use crate::{
    Model,
    checkpoint::CheckpointInfo,
    data::{self, Corpus, Dataset, encode::task_shape},
    eval::evaluate,
    params,
    rollout::{Reading, rollout},
    shape::Dims,
    threads::compute,
};
use candle_core::{Device, Tensor};
use hrm_types::{
    board::Kind,
    dataset::Split,
    evaluation::{Evaluation, Protocol},
    experiment::{
        ArchConfig, CheckpointRule, DataSpec, Experiment, ForwardDtype, GenerateSpec, Gradient, PosEncodings,
        TrainConfig,
    },
    provenance::Choice,
};
use std::{collections::BTreeMap, ops::ControlFlow};

const SPEC: GenerateSpec = GenerateSpec::sudoku(4, 200, 40, [6, 12], 3);

pub(super) fn tiny() -> Experiment {
    Experiment {
        name: "tiny".to_owned(),
        description: String::new(),
        seed: 5,
        start_from: None,
        data: DataSpec::Generate(SPEC),
        arch: ArchConfig {
            hidden_size: 32,
            num_heads: 2,
            expansion: 2.0,
            H_layers: 1,
            L_layers: 1,
            halt_max_steps: 4,
            puzzle_emb_ndim: 32,
            ..ArchConfig::default()
        },
        train: TrainConfig {
            batch_size: 32,
            epochs: 4.0,
            lr: 2e-3,
            lr_warmup_steps: 5,
            weight_decay: 0.1,
            puzzle_emb_lr: 2e-3,
            puzzle_emb_weight_decay: 0.1,
            log_every: 5,
            ..TrainConfig::default()
        },
    }
}

/// TRM's settings: one network, trained through its last cycle, that learns the value of halting alone, and averages.
pub(super) fn tiny_trm() -> Experiment {
    let mut experiment = tiny();
    let ArchConfig { H_layers, gradient, no_ACT_continue, puzzle_emb_len, .. } = &mut experiment.arch;
    (*H_layers, *gradient, *no_ACT_continue, *puzzle_emb_len) = (0, Gradient::LastCycle, true, 2);
    experiment.train.ema_rate = Some(0.9);
    experiment
}

/// The same with positions mixed by an MLP.
pub(super) fn tiny_trm_mlp() -> Experiment {
    let mut experiment = tiny_trm();
    (experiment.arch.mlp_t, experiment.arch.pos_encodings) = (true, PosEncodings::None);
    experiment
}

pub(super) fn dataset() -> Dataset {
    data::generate(&SPEC, &mut |_, _| ControlFlow::Continue(())).expect("puzzles")
}

pub(super) fn corpus(dataset: &Dataset, experiment: &Experiment) -> Corpus {
    Corpus::of_dataset(dataset, experiment)
}

/// Trains and returns the loss curve's bits with the checkpoint.
fn run(experiment: &Experiment) -> (Vec<u64>, Vec<u8>) {
    let mut losses = Vec::new();
    let dataset = dataset();
    let mut training = Training::begin(experiment, corpus(&dataset, experiment), &Device::Cpu).expect("a training");
    train(&mut training, &mut |_, point| {
        losses.extend(point.map(|point| point.loss.to_bits()));
        ControlFlow::Continue(())
    })
    .expect("all steps");
    let trained = training.finish().expect("a model");
    // The wall time is the one thing that may differ.
    let info = CheckpointInfo { train_seconds: 0.0, ..trained.model.info().clone() };
    let model = Model::new(info, trained.model.tensors().clone()).expect("a model");
    (losses, model.to_bytes().expect("a checkpoint"))
}

#[test]
fn the_same_seed_gives_the_same_bits_at_one_and_two_threads() {
    let experiment = tiny();
    let one = compute(Some(1), || run(&experiment)).expect("threads");
    let two = compute(Some(2), || run(&experiment)).expect("threads");
    assert_eq!(one.0.len(), 5, "25 steps, a point every 5");
    assert!(one == two, "the loss curve or the weights differ");
    let other = run(&Experiment { seed: 6, ..experiment });
    assert_ne!(one.0, other.0, "another seed is another run");
}

#[test]
fn relatives_repeat_to_the_same_bits_at_one_and_two_threads() {
    for experiment in [tiny_trm(), tiny_trm_mlp()] {
        let one = compute(Some(1), || run(&experiment)).expect("threads");
        let two = compute(Some(2), || run(&experiment)).expect("threads");
        assert!(one == two, "the loss curve or the weights differ");
    }
}

#[test]
fn gradients_differ_where_they_reach_further_and_only_there() {
    let losses = |gradient, cycles: [usize; 2]| {
        let mut experiment = tiny();
        (experiment.arch.gradient, experiment.train.max_steps) = (gradient, Some(10));
        [experiment.arch.H_cycles, experiment.arch.L_cycles] = cycles;
        run(&experiment).0
    };
    assert!(losses(Gradient::OneStep, [2, 1]) == losses(Gradient::LastCycle, [2, 1]), "a cycle of one fast update");
    assert!(losses(Gradient::LastCycle, [1, 2]) == losses(Gradient::WholeStep, [1, 2]), "a step of one cycle");
    assert!(
        losses(Gradient::OneStep, [2, 2]) != losses(Gradient::LastCycle, [2, 2])
            && losses(Gradient::LastCycle, [2, 2]) != losses(Gradient::WholeStep, [2, 2])
    );
}

#[test]
fn a_model_that_learns_the_value_of_halting_alone_halts_where_it_is_positive() {
    let (experiment, dataset) = (tiny_trm(), dataset());
    let mut training = Training::begin(&experiment, corpus(&dataset, &experiment), &Device::Cpu).expect("a training");
    let mut losses = Vec::new();
    train(&mut training, &mut |_, point| {
        losses.extend(point.map(|point| point.q_continue_loss));
        ControlFlow::Continue(())
    })
    .expect("all steps");
    assert_eq!(losses, [0.0; 5]);
    // A head that finds halting good for some puzzles, and going on better for all.
    let trained = training.finish().expect("a model").model;
    let mut tensors = trained.tensors().clone();
    let slopes: Vec<f32> = (0..64u8).map(|i| f32::from(i * 37 % 11) - 5.0).collect();
    tensors.insert("q_head.weight".into(), Tensor::from_vec(slopes, (2, 32), &Device::Cpu).expect("weights"));
    tensors.insert("q_head.bias".into(), Tensor::new(&[0f32, 1e3], &Device::Cpu).expect("a bias"));
    let model = Model::new(trained.info().clone(), tensors).expect("a model");
    let batch = Batches::new(corpus(&dataset, &experiment), 32, 1).expect("batches").batch(0);
    let mut seen = [0; 2];
    let on_reading = |_, step, reading: Reading| {
        assert!(reading.q_continue == 0.0 && reading.last == (reading.q_halt > 0.0 || step == 4));
        seen[usize::from(reading.q_halt > 0.0)] += 1;
    };
    rollout(&model, &batch, &Protocol::halting_by_q(4), on_reading, &mut || ControlFlow::Continue(())).expect("steps");
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?} halted neither or both ways");
}

#[test]
fn averages_follow_the_weights_and_are_what_is_evaluated() {
    let (experiment, dataset) = (tiny_trm(), dataset());
    let dims = Dims::new(&experiment.arch, task_shape(Kind::Sudoku, 4, 1));
    let start = params::initial(&experiment.arch, &dims, 5, &Device::Cpu).expect("weights");
    let mut trainer = Trainer::new(&experiment.arch, &experiment.train, dims, 5, &start).expect("a trainer");
    let mut batches = Batches::new(corpus(&dataset, &experiment), 32, 5).expect("batches");
    let values = |weight: &Tensor| weight.flatten_all().and_then(|x| x.to_vec1::<f32>()).expect("values");
    let mut expected: BTreeMap<_, _> = start.iter().map(|(name, weight)| (name.clone(), values(weight))).collect();
    for step in 0..4 {
        let pass = trainer.pass(&batches.batch(step)).expect("a pass");
        trainer.update(&pass, 1.0).expect("an update");
        for (name, weight) in trainer.params.detached() {
            // The puzzle embedding is not averaged.
            let share = if name == params::PUZZLE_EMB { 1.0 } else { 0.1 };
            let averages = expected.get_mut(&name).expect("a weight");
            averages.iter_mut().zip(values(&weight)).for_each(|(average, x)| *average += share * (x - *average));
        }
    }
    for (name, found) in trainer.evaluated().expect("weights") {
        let (found, expected) = (values(&found), &expected[&name]);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{name}");
        assert_eq!(found == values(&start[&name]), params::is_fixed(&name), "{name} as it was at the start");
    }
}

#[test]
fn a_tiny_model_learns_small_sudoku() {
    let mut experiment = tiny();
    experiment.train.epochs = 80.0;
    let dataset = dataset();
    let (mut first, mut last) = (None, None);
    let mut training = Training::begin(&experiment, corpus(&dataset, &experiment), &Device::Cpu).expect("a training");
    train(&mut training, &mut |_, point| {
        if let Some(point) = point {
            first.get_or_insert(point.lm_loss);
            last = Some(point.lm_loss);
        }
        ControlFlow::Continue(())
    })
    .expect("all steps");
    let trained = training.finish().expect("a model");
    let (first, last) = (first.expect("a point"), last.expect("a point"));
    assert!(last < 0.5 * first, "the token loss went from {first} to {last}");
    let protocol = Protocol::fixed(4);
    let score = evaluate(&trained.model, &dataset, Split::Test, &protocol, &mut |_, _| ControlFlow::Continue(()))
        .expect("a score");
    // Copying the givens and guessing among four digits gives 0.67.
    assert!(score.accuracy > 0.75, "{score:?}");
    assert_eq!(score.n, 40);
    assert!((score.mean_steps - 4.0).abs() < 1e-12);
    assert!((score.exact_by_step[3] - score.exact_accuracy).abs() < 1e-12, "{score:?}");
}

#[test]
fn bfloat16_stays_near_float32() {
    let experiment = tiny();
    let mut half = experiment.clone();
    half.arch.forward_dtype = ForwardDtype::Bfloat16;
    let (full, half) = (run(&experiment).0, run(&half).0);
    assert_ne!(full, half, "the dtype is used");
    for (full, half) in full.into_iter().zip(half).map(|(a, b)| (f64::from_bits(a), f64::from_bits(b))) {
        assert!((full - half).abs() < 0.05 * full, "loss {half} in bfloat16, {full} in float32");
    }
}

#[test]
fn a_curve_in_bfloat16_lies_within_the_spread_of_seeds_in_float32() {
    let curves = |dtype| -> Vec<Vec<f64>> {
        let curve = |seed| {
            let mut experiment = Experiment { seed, ..tiny() };
            experiment.arch.forward_dtype = dtype;
            experiment.train.epochs = 16.0;
            run(&experiment).0.into_iter().map(f64::from_bits).collect()
        };
        (1..=4).map(curve).collect()
    };
    let (full, half) = (curves(ForwardDtype::Float32), curves(ForwardDtype::Bfloat16));
    assert_eq!(full[0].len(), 20, "100 steps, a point every 5");
    let (mut apart, mut spread) = (0.0, 0.0);
    for i in 0..full[0].len() {
        let at = |curves: &[Vec<f64>]| -> Vec<f64> { curves.iter().map(|curve| curve[i]).collect() };
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (full, half) = (at(&full), at(&half));
        let (least, most) = full.iter().fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
        (apart, spread) = (apart + (mean(&full) - mean(&half)).abs(), spread + most - least);
    }
    assert!(apart < 0.5 * spread, "the means are {apart} apart, seeds {spread}, over all points");
}

#[test]
fn a_break_ends_the_training_as_cancelled() {
    let (experiment, dataset) = (tiny(), dataset());
    let mut training = Training::begin(&experiment, corpus(&dataset, &experiment), &Device::Cpu).expect("a training");
    let result = train(&mut training, &mut |training, _| match training.step() {
        3 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(result, Err(Error::Cancelled)));
    assert_eq!((training.step(), training.total_steps(), training.is_done()), (3, 25, false));
}

#[test]
fn fewer_puzzles_than_a_batch_are_refused() {
    let mut experiment = tiny();
    experiment.train.batch_size = 201;
    let refused = experiment.validate().expect_err("more than are generated").to_string();
    assert_eq!(refused, "train.batch_size: expected at most the 200 training puzzles, found 201");
    // Where the settings do not say how many there are.
    experiment.data = DataSpec::Stored { dataset: "set".into() };
    let error = Training::begin(&experiment, corpus(&dataset(), &experiment), &Device::Cpu).err().expect("an error");
    assert_eq!(error.to_string(), "expected at least 201 training puzzles to fill one batch, found 200");
}

#[test]
fn the_reference_model_has_27_275_266_weights() {
    let arch = ArchConfig::default();
    assert_eq!(params::count(&arch, &Dims::new(&arch, task_shape(Kind::Sudoku, 9, 1))), 27_275_266);
}

#[test]
fn an_epoch_visits_every_puzzle_once_and_batches_are_a_function_of_the_iteration() {
    let dataset = dataset();
    let mut plain = tiny();
    plain.train.augment = false;
    let batches = || Batches::new(corpus(&dataset, &plain), 25, 9).expect("batches");
    let (mut forward, mut anywhere) = (batches(), batches());
    let epoch: Vec<_> = (0..8).map(|i| forward.batch(i)).collect();
    let mut seen: Vec<Vec<u32>> = epoch.iter().flat_map(|b| b.inputs.chunks(16).map(<[u32]>::to_vec)).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 200, "every puzzle once");
    assert_ne!(forward.batch(8), epoch[0], "the next epoch has another order");
    for i in [7, 0, 8, 3] {
        assert_eq!(anywhere.batch(i), forward.batch(i), "batch {i}");
    }
}

const WITH_VALIDATION: GenerateSpec = GenerateSpec { validation: 150, ..SPEC };

/// 25 steps with a look after every 4 and after the last.
pub(super) fn validated(checkpoint: CheckpointRule) -> Experiment {
    let mut experiment = Experiment { data: DataSpec::Generate(WITH_VALIDATION), ..tiny() };
    experiment.train.validate_every = Some(4);
    experiment.train.checkpoint = checkpoint;
    experiment
}

pub(super) fn validation_dataset() -> Dataset {
    data::generate(&WITH_VALIDATION, &mut |_, _| ControlFlow::Continue(())).expect("puzzles")
}

#[test]
fn the_best_state_on_validation_becomes_the_checkpoint_and_the_test_split_has_no_part_in_it() {
    let (experiment, dataset) = (validated(CheckpointRule::Best), validation_dataset());
    let corpus = corpus(&dataset, &experiment);
    assert_eq!(
        (corpus.held_out.validation.len(), corpus.held_out.train.len(), corpus.held_out.test.len()),
        (150, 0, 0)
    );
    let mut training = Training::begin(&experiment, corpus, &Device::Cpu).expect("a training");
    // Scores that no training of a second would have; the latest of the two best is chosen.
    let (mut scores, mut looks) = ([1, 5, 2, 5, 4, 3, 0].into_iter(), Vec::new());
    while !training.is_done() {
        training.advance().expect("a step");
        if training.is_validation_due() {
            let model = training.model().expect("a model");
            let seen = training.look(&mut |_, _| ControlFlow::Continue(())).expect("a score");
            let protocol = Protocol::halting_by_q(4);
            let score = evaluate(&model, &dataset, Split::Validation, &protocol, &mut |_, _| ControlFlow::Continue(()));
            let score = score.expect("a score");
            assert_eq!((seen.n, seen.exact, seen.accuracy.to_bits()), (150, score.exact, score.accuracy.to_bits()));
            let pretended = Evaluation { exact: scores.next().expect("seven looks"), ..seen };
            let point = training.note(&pretended).expect("a point");
            assert_eq!(point.validation.map(|seen| seen.exact), Some(pretended.exact));
            looks.push((training.step(), model));
        }
    }
    assert_eq!(looks.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [4, 8, 12, 16, 20, 24, 25]);
    let trained = training.finish().expect("a model");
    let choice = Choice::BestOnValidation { exact: 5, n: 150, candidates: 7 };
    assert_eq!((trained.model.info().step, &trained.model.info().choice, trained.step), (16, &Some(choice), 25));
    for (name, tensor) in looks[3].1.tensors() {
        let values = |tensor: &candle_core::Tensor| crate::tensor_file::bytes(tensor).expect("values");
        assert!(values(tensor) == values(&trained.model.tensors()[name]), "{name} is not that of step 16");
    }
}

#[test]
fn looking_changes_no_bit_of_the_training_and_the_last_state_stays_the_checkpoint() {
    let (looking, mut blind) = (validated(CheckpointRule::Last), validated(CheckpointRule::Last));
    blind.train.validate_every = None;
    let dataset = validation_dataset();
    let weights = |experiment: &Experiment| {
        let mut training = Training::begin(experiment, corpus(&dataset, experiment), &Device::Cpu).expect("a training");
        train(&mut training, &mut |_, _| ControlFlow::Continue(())).expect("all steps");
        let model = training.finish().expect("a model").model;
        assert_eq!((model.info().step, &model.info().choice), (25, &Some(Choice::Last)));
        model.tensors().values().map(|tensor| crate::tensor_file::bytes(tensor).expect("values")).collect::<Vec<_>>()
    };
    assert!(weights(&looking) == weights(&blind));
}

#[test]
fn a_step_that_is_to_be_validated_is_not_passed_over() {
    let (experiment, dataset) = (validated(CheckpointRule::Last), validation_dataset());
    let mut training = Training::begin(&experiment, corpus(&dataset, &experiment), &Device::Cpu).expect("a training");
    for _ in 0..4 {
        training.advance().expect("a step");
    }
    assert!(training.is_validation_due());
    assert!(matches!(training.advance(), Err(Error::ValidationDue { step: 4 })));
    let score = training.look(&mut |_, _| ControlFlow::Continue(())).expect("a score");
    assert_eq!(training.note(&score).expect("a point").validation.map(|seen| seen.n), Some(150));
    training.advance().expect("the next step");
}

#[test]
fn a_dataset_without_validation_puzzles_is_refused_where_some_are_asked_for() {
    let mut experiment = validated(CheckpointRule::Best);
    experiment.data = DataSpec::Stored { dataset: "without".to_owned() };
    let error = Training::begin(&experiment, corpus(&dataset(), &experiment), &Device::Cpu).err().expect("an error");
    assert!(
        error.to_string().starts_with("train.validate_every: expected a dataset with a validation split"),
        "{error}"
    );
    experiment.data = DataSpec::Generate(SPEC);
    let error = Training::begin(&experiment, corpus(&dataset(), &experiment), &Device::Cpu).err().expect("an error");
    assert!(error.to_string().starts_with("train.validate_every: expected a validation split in data"), "{error}");
}
