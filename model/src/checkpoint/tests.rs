//! Checkpoint files: exact round trips, and damaged ones refused.

use super::*;
use crate::{
    data::{self, Corpus},
    solve::{Asking, solve},
    train::{Training, train},
};
use hrm_types::{
    experiment::{ArchConfig, DataSpec, GenerateSpec, TrainConfig},
    solve::PuzzleInput,
};
use std::ops::ControlFlow;

pub(crate) fn model() -> Model {
    let spec = GenerateSpec::sudoku(4, 8, 1, [8, 10], 1);
    let experiment = Experiment {
        name: "tiny".to_owned(),
        description: String::new(),
        seed: 0,
        start_from: None,
        data: DataSpec::Generate(spec.clone()),
        arch: ArchConfig {
            hidden_size: 16,
            num_heads: 2,
            expansion: 1.0,
            H_layers: 1,
            L_layers: 1,
            halt_max_steps: 2,
            puzzle_emb_ndim: 16,
            ..ArchConfig::default()
        },
        train: TrainConfig { batch_size: 4, epochs: 1.0, ..TrainConfig::default() },
    };
    let dataset = data::generate(&spec, &mut |_, _| ControlFlow::Continue(())).expect("puzzles");
    let mut training =
        Training::begin(&experiment, Corpus::of_dataset(&dataset, &experiment), &Device::Cpu).expect("a training");
    train(&mut training, &mut |_, _| ControlFlow::Continue(())).expect("all steps");
    training.finish().expect("a model").model
}

#[test]
fn a_checkpoint_reads_back_to_the_same_bytes_and_answers() {
    let model = model();
    let bytes = model.to_bytes().expect("bytes");
    let again = Model::from_bytes(&bytes).expect("a model");
    assert_eq!(again.info(), model.info());
    assert_eq!(again.to_bytes().expect("bytes"), bytes);
    let puzzle = PuzzleInput::Text("1...............".into()).question(None, 0).expect("a puzzle");
    let answer =
        |model| solve(model, &puzzle, Asking::once(Some(3)), &mut || ControlFlow::Continue(())).expect("an answer");
    let (a, b) = (answer(&model), answer(&again));
    assert_eq!(a.steps, b.steps);
    assert_eq!(a.steps.len(), 3);
}

#[test]
fn every_truncation_is_refused() {
    let bytes = model().to_bytes().expect("bytes");
    for len in (0..bytes.len()).step_by(997).chain([bytes.len() - 1]) {
        assert!(matches!(Model::from_bytes(&bytes[..len]), Err(Error::Checkpoint(_))), "{len} bytes were accepted");
    }
}

/// The file with its weights and its info changed.
fn changed(
    tensors: impl FnOnce(&mut BTreeMap<String, Tensor>),
    info: impl FnOnce(&mut CheckpointInfo),
) -> Result<Model> {
    let mut model = model();
    tensors(&mut model.tensors);
    info(&mut model.info);
    Model::from_bytes(&model.to_bytes()?)
}

fn refused(result: Result<Model>) -> String {
    result.err().expect("a refusal").to_string()
}

#[test]
fn a_file_that_does_not_fit_its_settings_is_refused_with_both_sides_named() {
    let missing = changed(|tensors| drop(tensors.remove("lm_head.weight")), |_| {});
    assert_eq!(refused(missing), "weight lm_head.weight: expected [6, 16], found nothing");
    let wider = changed(|_| {}, |info| info.experiment.arch.hidden_size = 32);
    assert_eq!(refused(wider), "weight H_init: expected [32], found [16]");
    let other_side = changed(|_| {}, |info| info.side = 6);
    assert_eq!(refused(other_side), "weight embed_tokens.embedding_weight: expected [8, 16], found [6, 16]");
    let no_side = changed(|_| {}, |info| info.side = 5);
    assert_eq!(
        refused(no_side),
        "not a usable checkpoint: expected a sudoku of side 4, 6 or 9, a maze or arc of side 3 to 30, or tokens of side 0 with their sizes, \
         found sudoku of side 5 without sizes of its own"
    );
    let extra = changed(
        |tensors| {
            let extra = Tensor::zeros(1, DType::F32, &Device::Cpu).expect("a tensor");
            tensors.insert("extra".to_owned(), extra);
        },
        |_| {},
    );
    assert_eq!(refused(extra), "weight extra: expected nothing, found [1]");
}

#[test]
fn a_checkpoint_of_tokens_says_their_sizes() {
    let sizes = |change: fn(&mut TaskShape)| {
        changed(
            |_| {},
            |info| {
                let mut sizes = encode::task_shape(Kind::Sudoku, 4, 1);
                change(&mut sizes);
                *info = CheckpointInfo { kind: TOKENS.to_owned(), side: 0, sizes: Some(sizes), ..info.clone() };
            },
        )
    };
    let model = sizes(|_| {}).expect("a model");
    assert_eq!(model.info().task().expect("sizes"), encode::task_shape(Kind::Sudoku, 4, 1));
    let puzzle = PuzzleInput::Text("1...............".into()).question(None, 0).expect("a puzzle");
    let refusal = solve(&model, &puzzle, Asking::once(None), &mut || ControlFlow::Continue(()));
    assert_eq!(
        refusal.expect_err("a refusal").to_string(),
        "the model solves tokens of side 0, the puzzle is a sudoku of side 4"
    );
    assert_eq!(
        refused(sizes(|sizes| sizes.vocab_size = 7)),
        "weight embed_tokens.embedding_weight: expected [7, 16], found [6, 16]"
    );
    assert_eq!(
        refused(sizes(|sizes| sizes.seq_len = usize::MAX)),
        format!("not a usable checkpoint: seq_len: expected 1 to 16384, found {}", usize::MAX)
    );
}

#[test]
fn values_that_are_not_finite_are_refused() {
    for value in [f32::NAN, f32::INFINITY] {
        let result = changed(
            |tensors| {
                let bad = Tensor::from_slice(&[0.0, value], 2, &Device::Cpu).expect("a tensor");
                tensors.insert("q_head.bias".to_owned(), bad);
            },
            |_| {},
        );
        assert_eq!(
            refused(result),
            "not a usable checkpoint: weight q_head.bias holds a value that is not a finite number"
        );
    }
}

/// A file of this header and so many zero bytes.
fn file(header: &str, values: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; values]].concat()
}

#[test]
fn headers_that_lie_are_refused_before_anything_is_allocated() {
    let good = model().to_bytes().expect("bytes");
    let length = u64::from_le_bytes(*good.first_chunk().expect("a length")) as usize;
    let header = std::str::from_utf8(&good[8..8 + length]).expect("text");
    let with = |from: &str, to: &str| {
        let changed = header.replacen(from, to, 1);
        assert_ne!(changed, header, "{from} is not in the header");
        [&(changed.len() as u64).to_le_bytes(), changed.as_bytes(), &good[8 + length..]].concat()
    };
    let entry = |dtype: &str, shape: &str, end: &str| {
        format!(
            r#"{{"__metadata__":{{"{INFO_KEY}":"{{}}"}},"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#
        )
    };
    let mut wrong = Vec::new();
    for (bytes, expected) in [
        (vec![], "header too small"),
        (u64::MAX.to_le_bytes().to_vec(), "header too large"),
        ([&(1u64 << 40).to_le_bytes()[..], b"{}"].concat(), "header too large"),
        (file("{", 0), "invalid JSON in header"),
        (file(&"[".repeat(100_000), 0), "invalid JSON in header"),
        (file(&format!("{{\"a\":{}", "{\"a\":".repeat(100_000)), 0), "invalid JSON in header"),
        (file("{}", 0), "its header has no entry"),
        (file("{}", 8), "incomplete metadata"),
        (file(&entry("F32", "[1099511627776]", "4398046511104"), 0), "incomplete metadata"),
        (file(&entry("F32", "[18446744073709551615, 2]", "8"), 8), "overflow computing buffer size"),
        (file(&entry("F32", "[3]", "8"), 8), "invalid shape, data type, or offset"),
        (file(&entry("F32", "[2]", "8"), 8), "missing field `experiment`"),
        (with("hrm_lab_checkpoint", "another_checkpoint"), "its header has no entry"),
        (with("F32", "F64"), "invalid shape, data type, or offset"),
    ] {
        let error = refused(Model::from_bytes(&bytes));
        let shown: String = error.chars().take(200).collect();
        if !error.contains(expected) {
            wrong.push(format!("expected {expected}, found {shown}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The file of a model with values of two bytes in place of four.
fn of_halves(model: &Model, dtype: Dtype, half: fn(f32) -> [u8; 2]) -> Vec<u8> {
    let values = model.tensors.iter().map(|(name, tensor)| {
        let values = tensor.flatten_all().expect("values").to_vec1::<f32>().expect("values");
        (name.clone(), tensor.dims().to_vec(), values.into_iter().flat_map(half).collect::<Vec<u8>>())
    });
    let values: Vec<_> = values.collect();
    let views = values
        .iter()
        .map(|(name, shape, bytes)| (name.as_str(), TensorView::new(dtype, shape.clone(), bytes).expect("a view")));
    let info = serde_json::to_string(&model.info).expect("JSON");
    let header = HashMap::from([(INFO_KEY.to_owned(), info)]);
    safetensors::serialize(views.collect::<Vec<_>>(), Some(header)).expect("bytes")
}

#[test]
fn values_of_another_type_are_refused_by_name() {
    let bytes = of_halves(&model(), Dtype::F16, |x| half::f16::from_f32(x).to_le_bytes());
    assert_eq!(refused(Model::from_bytes(&bytes)), "weight H_init: expected F32 or BF16, found F16");
}

#[test]
fn values_in_bfloat16_are_those_of_the_model_rounded() {
    let model = model();
    let bytes = of_halves(&model, Dtype::BF16, |x| half::bf16::from_f32(x).to_le_bytes());
    let rounded = Model::from_bytes(&bytes).expect("a model");
    assert_eq!(rounded.info(), model.info());
    for (name, tensor) in model.tensors() {
        let values = |tensor: &Tensor| tensor.flatten_all().expect("values").to_vec1::<f32>().expect("values");
        let expected: Vec<f32> = values(tensor).into_iter().map(|x| half::bf16::from_f32(x).to_f32()).collect();
        assert_eq!(values(&rounded.tensors()[name]), expected, "{name}");
    }
}

#[test]
fn a_file_that_says_nothing_of_a_choice_is_of_the_last_step() {
    let model = model();
    let mut json = serde_json::to_value(model.info()).expect("JSON");
    let fields = json.as_object_mut().expect("an object");
    fields.remove("choice").expect("it is written");
    let old: CheckpointInfo = serde_json::from_value(json).expect("an info");
    assert_eq!(old.choice, Some(Choice::Last));
    let unknown = CheckpointInfo { choice: None, ..old };
    let json = serde_json::to_string(&unknown).expect("JSON");
    assert_eq!(
        serde_json::from_str::<CheckpointInfo>(&json).expect("an info").choice,
        None,
        "an import's stays unknown"
    );
}

#[test]
fn a_header_that_contradicts_itself_is_refused() {
    let refused = |change: &dyn Fn(&mut CheckpointInfo)| {
        let model = model();
        let mut info = model.info().clone();
        change(&mut info);
        Model::new(info, model.tensors().clone()).err().expect("a refusal").to_string()
    };
    let best =
        |exact, n, candidates| refused(&|info| info.choice = Some(Choice::BestOnValidation { exact, n, candidates }));
    for found in [best(60, 50, 3), best(0, 0, 3), best(1, 2, 0)] {
        assert!(found.contains("expected the best of some states on some validation puzzles"), "{found}");
    }
    // Mazes of side 4 have the sizes of its Sudokus.
    let found = refused(&|info| info.kind = "maze".into());
    assert!(
        found.contains("expected the sudoku of side 4 that its experiment trains on, found maze of side 4"),
        "{found}"
    );
}
