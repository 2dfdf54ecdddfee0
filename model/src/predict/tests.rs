//! Predictions equal the reference's numbers, whole batches or in turns, and batches that do not fit are refused.

use super::{
    AfterLast::{BeginAnew, GoOn},
    *,
};
use crate::{
    shape::TaskShape,
    upstream::{Target, import},
};
use candle_core::{DType, Device};
use safetensors::{Dtype, tensor::TensorView};
use std::{collections::BTreeMap, fs, path::PathBuf};

fn fixture(name: &str) -> Option<(Model, BTreeMap<String, Tensor>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/upstream");
    let json = folder.join(name).with_extension("json");
    if !json.exists() {
        eprintln!("skipped: {} is not on this machine", json.display());
        return None;
    }
    let model = import(&json.with_extension("upstream.pt"), Target::of_fixture(&json).expect("settings"));
    let values = load(&json.with_extension("safetensors"));
    Some((model.expect("a model"), values))
}

/// The tensors of a safetensors file by name.
fn load(path: &Path) -> BTreeMap<String, Tensor> {
    candle_core::safetensors::load(path, &Device::Cpu).expect("a safetensors file").into_iter().collect()
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().expect("a row").to_dtype(DType::F64).expect("f64").to_vec1().expect("values")
}

fn ints(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Writes a safetensors file of these tensors.
fn write(path: &Path, tensors: &[(&str, Dtype, &[usize], &[u8])]) {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.to_vec(), bytes).expect("a tensor")));
    fs::write(path, safetensors::serialize(views, None).expect("bytes")).expect("a file");
}

/// The bar of a reading: each ACT step of a model that mixes positions by an MLP multiplies what two computations differ by
/// about ten times, until all sequences begin anew.
fn allowed(fixture: &str, key: &str) -> f64 {
    match (fixture, key.split('/').next()) {
        ("trm_mlp_t", Some("step2")) => 1e-3,
        ("trm_mlp_t", Some("step3")) => 1e-2,
        _ => 1e-4,
    }
}

#[test]
fn predictions_equal_the_numbers_of_the_reference() {
    for name in ["hrm_rope_stablemax", "hrm_learned_softmax", "hrm_nopuzzleid_deep", "trm_attention", "trm_mlp_t"] {
        let Some((model, values)) = fixture(name) else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        let (input, output) = (folder.path().join("batch.safetensors"), folder.path().join("out.safetensors"));
        let integers = |name: &str| -> Vec<i32> { flat(&values[name]).iter().map(|&x| x as i32).collect() };
        let shape = values["eval/batch/inputs"].dims();
        let (tokens, identifiers) = (integers("eval/batch/inputs"), integers("eval/batch/puzzle_identifiers"));
        write(
            &input,
            &[
                ("inputs", Dtype::I32, shape, &ints(&tokens)),
                ("puzzle_identifiers", Dtype::I32, &shape[..1], &ints(&identifiers)),
            ],
        );
        let batch = read_batch(&input, &model.info().task().expect("sizes")).expect("a batch");
        let steps = (1..=9).take_while(|step| values.contains_key(&format!("eval/step{step}/logits"))).count() as u32;
        assert!(steps >= 4, "{name} has {steps} steps");
        predict(&model, &batch, (steps, BeginAnew), &output, &mut || ()).expect("predictions");
        let found = load(&output);
        assert_eq!(found.len(), 5 * steps as usize);
        let mut worst = BTreeMap::new();
        for (key, ours) in &found {
            let theirs = &values[&format!("eval/{key}")];
            assert_eq!((ours.dims(), ours.dtype()), (theirs.dims(), DType::F32), "{key}");
            let (ours, theirs) = (flat(ours), flat(theirs));
            let scale = theirs.iter().fold(0f64, |scale, x| scale.max(x.abs()));
            let error = ours.iter().zip(&theirs).fold(0f64, |worst, (a, b)| worst.max((a - b).abs())) / scale;
            assert!(error <= allowed(name, key), "{name} {key}: {error:e}");
            let reading = key.split('/').next_back().expect("a name").to_owned();
            let entry = worst.entry(reading).or_insert(0f64);
            *entry = entry.max(error);
        }
        eprintln!("{name}, {steps} steps: {worst:?}");
    }
}

#[test]
fn sequences_do_not_depend_on_their_turn() {
    let model = crate::checkpoint::tests::model();
    let task = model.info().task().expect("sizes");
    let folder = tempfile::tempdir().expect("a folder");
    let batch = |size: usize| Batch {
        seq_len: task.seq_len,
        inputs: (0..size * task.seq_len).map(|i| (i * i % 7 % task.vocab_size) as u32).collect(),
        labels: vec![0; size * task.seq_len],
        puzzle_identifiers: vec![0; size],
    };
    let (whole, count) = (batch(MOST_SEQUENCES + 3), MOST_SEQUENCES + 3);
    let run = |batch: &Batch, name: &str| {
        let path = folder.path().join(name);
        let mut heard = 0;
        predict(&model, batch, (2, GoOn), &path, &mut || heard += 1).expect("predictions");
        (load(&path), heard)
    };
    let (all, heard) = run(&whole, "all");
    assert_eq!((heard, all["step2/logits"].dims()), (4, &[count, 16, 6][..]));
    let (last, _) = run(&whole.part(MOST_SEQUENCES..count), "last");
    for (name, tensor) in last {
        let ours = flat(&all[&name].narrow(0, MOST_SEQUENCES, 3).expect("rows"));
        assert_eq!(ours, flat(&tensor), "{name}");
    }
    assert!(matches!(
        predict(&model, &whole, (0, GoOn), &folder.path().join("none"), &mut || ()),
        Err(Error::Steps(0))
    ));
    assert!(matches!(
        predict(&model, &whole, (1025, GoOn), &folder.path().join("none"), &mut || ()),
        Err(Error::Steps(1025))
    ));
    assert!(predict(&model, &whole, (1, GoOn), &folder.path().join("no/folder"), &mut || ()).is_err());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "something was left behind");
}

#[test]
fn after_the_last_step_sequences_begin_anew_or_go_on() {
    let model = crate::checkpoint::tests::model();
    let halt_max_steps = model.info().experiment.arch.halt_max_steps as u32;
    let task = model.info().task().expect("sizes");
    let inputs = (0..task.seq_len as u32).map(|i| i % 6).collect();
    let labels = vec![0; task.seq_len];
    let batch = Batch { seq_len: task.seq_len, inputs, labels, puzzle_identifiers: vec![0] };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out");
    for (after_last, same) in [(BeginAnew, true), (GoOn, false)] {
        predict(&model, &batch, (halt_max_steps + 1, after_last), &path, &mut || ()).expect("predictions");
        let found = load(&path);
        let next = flat(&found[&format!("step{}/z_H", halt_max_steps + 1)]);
        assert_eq!(flat(&found["step1/z_H"]) == next, same, "{after_last:?}");
    }
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    const TASK: TaskShape = TaskShape { seq_len: 2, vocab_size: 3, num_puzzle_identifiers: 2 };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("batch.safetensors");
    let check = |message: &str| {
        let error = read_batch(&path, &TASK).expect_err(message).to_string();
        assert!(error.contains(message), "expected {message:?}, found {error:?}");
    };
    let inputs: (_, _, &[usize], _) = ("inputs", Dtype::I32, &[2, 2], &ints(&[0, 1, 2, 0])[..]);
    let identifiers: (_, _, &[usize], _) = ("puzzle_identifiers", Dtype::I32, &[2], &ints(&[0, 1])[..]);
    write(&path, &[inputs, identifiers]);
    let batch = read_batch(&path, &TASK).expect("a batch");
    assert_eq!((batch.inputs, batch.puzzle_identifiers), (vec![0, 1, 2, 0], vec![0, 1]));
    write(&path, &[inputs, ("puzzle_identifiers", Dtype::I64, &[2], &ints(&[1, 0, 0, 0]))]);
    assert_eq!(read_batch(&path, &TASK).expect("a batch").puzzle_identifiers, [1, 0]);
    for (tensors, message) in [
        (vec![identifiers], "inputs: expected a tensor of I32, found none"),
        (vec![inputs], "puzzle_identifiers: expected a tensor of I32 or I64, found none"),
        (vec![("inputs", Dtype::F32, &[2, 2], inputs.3), identifiers], "inputs: expected a tensor of I32, found F32"),
        (vec![("inputs", Dtype::I64, &[1, 2], inputs.3), identifiers], "inputs: expected a tensor of I32, found I64"),
        (vec![("inputs", Dtype::I32, &[4], inputs.3), identifiers], "at least one row by 2 tokens, found [4]"),
        (vec![("inputs", Dtype::I32, &[1, 4], inputs.3), identifiers], "at least one row by 2 tokens, found [1, 4]"),
        (vec![("inputs", Dtype::I32, &[0, 2], &[]), identifiers], "at least one row by 2 tokens, found [0, 2]"),
        (vec![inputs, ("puzzle_identifiers", Dtype::I32, &[1], &ints(&[0]))], "expected the shape [2], found [1]"),
        (vec![inputs, ("puzzle_identifiers", Dtype::I32, &[2, 1], identifiers.3)], "the shape [2], found [2, 1]"),
        (vec![inputs, ("puzzle_identifiers", Dtype::F64, &[1], &ints(&[0, 0]))], "of I32 or I64, found F64"),
        (
            vec![("inputs", Dtype::I32, &[2, 2], &ints(&[0, 1, 3, 0])), identifiers],
            "inputs: expected values from 0 to 2, found 3 at position 2",
        ),
        (
            vec![("inputs", Dtype::I32, &[2, 2], &ints(&[0, -1, 0, 0])), identifiers],
            "inputs: expected values from 0 to 2, found -1 at position 1",
        ),
        (
            vec![inputs, ("puzzle_identifiers", Dtype::I32, &[2], &ints(&[0, 2]))],
            "puzzle_identifiers: expected values from 0 to 1, found 2 at position 1",
        ),
        (
            vec![inputs, ("puzzle_identifiers", Dtype::I64, &[2], &ints(&[0, 0, 0, 1]))],
            "puzzle_identifiers: expected values from 0 to 1, found 4294967296 at position 1",
        ),
    ] {
        write(&path, &tensors);
        check(message);
    }
    let good = fs::read(&path).expect("bytes");
    for bytes in [&[], &good[..7], &good[..60], &good[..good.len() - 1], &[0xff; 64], b"\x80\x02}."] {
        fs::write(&path, bytes).expect("a file");
        check("expected a safetensors file");
    }
    fs::remove_file(&path).expect("it was there");
    check("No such file");
}
