//! Checkpoints of the reference code become ours bit for bit, and files that are none end in a clear error.

use super::*;
use hrm_types::experiment::{ArchConfig, PosEncodings, TrainConfig};
use std::{collections::BTreeMap, fs, io::Write, time::Instant};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const PREFIX: &str = "_orig_mod.model.inner.";

fn target() -> Target {
    let arch = ArchConfig {
        hidden_size: 8,
        num_heads: 2,
        expansion: 0.5,
        H_layers: 1,
        L_layers: 1,
        halt_max_steps: 2,
        puzzle_emb_ndim: 8,
        pos_encodings: PosEncodings::Learned,
        ..ArchConfig::default()
    };
    let experiment = Experiment {
        name: "tiny".to_owned(),
        description: String::new(),
        seed: 3,
        start_from: None,
        data: DataSpec::Stored { dataset: "none".to_owned() },
        arch,
        train: TrainConfig::default(),
    };
    let sizes = TaskShape { seq_len: 4, vocab_size: 5, num_puzzle_identifiers: 3 };
    Target { experiment, kind: TOKENS.to_owned(), side: 0, sizes: Some(sizes), tasks: vec![] }
}

/// A tensor as it is to be written.
#[derive(Clone)]
struct Written {
    class: String,
    shape: Vec<usize>,
    stride: Vec<usize>,
    offset: usize,
    elements: u32,
    bytes: Vec<u8>,
}

type Tensors = BTreeMap<String, Written>;

fn written(class: &str, shape: &[usize], bytes: Vec<u8>) -> Written {
    let mut stride = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        stride[i - 1] = stride[i] * shape[i];
    }
    let elements = shape.iter().product::<usize>() as u32;
    Written { class: class.to_owned(), shape: shape.to_vec(), stride, offset: 0, elements, bytes }
}

fn floats(shape: &[usize], values: &[f32]) -> Written {
    written("FloatStorage", shape, values.iter().flat_map(|x| x.to_le_bytes()).collect())
}

/// The weights of a start, by the names wrapped models give them.
fn tensors(target: &Target) -> Tensors {
    let arch = &target.experiment.arch;
    let dims = Dims::new(arch, target.sizes.expect("sizes"));
    let weights = params::initial(arch, &dims, target.experiment.seed, &candle_core::Device::Cpu).expect("weights");
    let named = weights.into_iter().map(|(name, tensor)| {
        let values = tensor.flatten_all().expect("a row").to_vec1::<f32>().expect("values");
        (format!("{PREFIX}{name}"), floats(tensor.dims(), &values))
    });
    named.collect()
}

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A whole number of 32 bits; `usize::MAX` is -1.
fn int(value: usize) -> Vec<u8> {
    [b"J".as_slice(), &(value as u32).to_le_bytes()].concat()
}

fn pickle(tensors: &Tensors) -> Vec<u8> {
    let mut program = b"\x80\x02}(".to_vec();
    for (key, (name, tensor)) in tensors.iter().enumerate() {
        let sizes = |sizes: &[usize]| -> Vec<u8> { sizes.iter().flat_map(|&size| int(size)).collect() };
        let class = format!("ctorch\n{}\n", tensor.class);
        program.extend([text(name), b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(), text("storage")].concat());
        program.extend([class.as_bytes(), &text(&key.to_string()), &text("cpu")].concat());
        program.extend([int(tensor.elements as usize), b"tQ".to_vec(), int(tensor.offset)].concat());
        program.extend([b"(", sizes(&tensor.shape).as_slice(), b"t(", &sizes(&tensor.stride), b"t"].concat());
        program.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    program.extend(b"u.");
    program
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in entries {
        zip.start_file(format!("step_7/{name}"), options).expect("an entry");
        zip.write_all(bytes).expect("its bytes");
    }
    zip.finish().expect("a zip file").into_inner()
}

fn checkpoint(tensors: &Tensors) -> Vec<u8> {
    let names: Vec<String> = (0..tensors.len()).map(|key| format!("data/{key}")).collect();
    let pickle = pickle(tensors);
    let mut entries: Vec<(&str, &[u8])> = vec![("data.pkl", &pickle), ("byteorder", b"little")];
    entries.extend(names.iter().map(String::as_str).zip(tensors.values().map(|tensor| tensor.bytes.as_slice())));
    archive(&entries)
}

/// Imports a file of these bytes.
fn imported(bytes: &[u8], target: Target) -> Result<Model> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("step_7");
    fs::write(&path, bytes).expect("a file");
    let result = import(&path, target);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "something was left behind");
    result
}

fn refused(bytes: &[u8]) -> String {
    let started = Instant::now();
    let error = imported(bytes, target()).err().expect("a refusal").to_string();
    assert!(started.elapsed().as_secs() < 5, "{error} took {:?}", started.elapsed());
    error.split_once("step_7: ").map_or(error.clone(), |(_, problem)| problem.to_owned())
}

fn changed(change: impl FnOnce(&mut Tensors)) -> String {
    let mut tensors = tensors(&target());
    change(&mut tensors);
    refused(&checkpoint(&tensors))
}

#[test]
fn every_weight_is_kept_bit_for_bit() {
    let tensors = tensors(&target());
    let model = imported(&checkpoint(&tensors), target()).expect("a model");
    assert_eq!((model.info().step, model.info().side, model.info().sizes), (7, 0, target().sizes));
    assert_eq!(model.tensors().len(), tensors.len());
    for (name, tensor) in model.tensors() {
        let bytes = crate::tensor_file::bytes(tensor).expect("values");
        assert_eq!(bytes, tensors[&format!("{PREFIX}{name}")].bytes, "{name}");
    }
    let again = Model::from_bytes(&model.to_bytes().expect("bytes")).expect("a checkpoint of ours");
    assert_eq!(again.info(), model.info());
}

#[test]
fn prefixes_and_half_precision_and_turned_views_are_understood() {
    let plain = tensors(&target());
    let reference = imported(&checkpoint(&plain), target()).expect("a model").to_bytes().expect("bytes");
    for prefix in ["", "model.inner.", "module.model.inner.", "_orig_mod.module.model.inner."] {
        let renamed = plain.iter().map(|(name, tensor)| (name.replace(PREFIX, prefix), tensor.clone()));
        let model = imported(&checkpoint(&renamed.collect()), target()).expect("a model");
        assert_eq!(model.to_bytes().expect("bytes"), reference, "{prefix}");
    }
    let mut turned = plain.clone();
    let weight = turned.get_mut(&format!("{PREFIX}lm_head.weight")).expect("a weight"); // (5, 8)
    let columns: Vec<[u8; 4]> = (0..40).map(|i| i % 5 * 8 + i / 5).map(|i| chunk(&weight.bytes, i)).collect();
    weight.bytes = [vec![0; 8], columns.concat()].concat();
    (weight.stride, weight.offset, weight.elements) = (vec![1, 5], 2, 42);
    let model = imported(&checkpoint(&turned), target()).expect("a model");
    assert_eq!(model.to_bytes().expect("bytes"), reference);
    for (class, bits) in [("HalfStorage", 0x3e00u16), ("BFloat16Storage", 0x3fc0)] {
        let mut halved = plain.clone();
        let bytes = [bits; 8].into_iter().flat_map(u16::to_le_bytes).collect();
        halved.insert(format!("{PREFIX}H_init"), written(class, &[8], bytes));
        let model = imported(&checkpoint(&halved), target()).expect("a model");
        assert_eq!(model.tensors()["H_init"].to_vec1::<f32>().expect("values"), [1.5; 8], "{class}");
    }
}

fn chunk(bytes: &[u8], i: usize) -> [u8; 4] {
    bytes[4 * i..4 * i + 4].try_into().expect("four bytes")
}

#[test]
fn rotary_tables_may_be_there_or_not() {
    let rope = || {
        let mut target = target();
        target.experiment.arch.pos_encodings = PosEncodings::Rope;
        target
    };
    let mut tensors = tensors(&rope());
    let table = |rows: usize| floats(&[rows, 4], &vec![0.5; rows * 4]);
    let without = imported(&checkpoint(&tensors), rope()).expect("a model").to_bytes().expect("bytes");
    for name in ["rotary_emb.cos_cached", "rotary_emb.sin_cached"] {
        tensors.insert(format!("{PREFIX}{name}"), table(5));
    }
    let with = imported(&checkpoint(&tensors), rope()).expect("a model").to_bytes().expect("bytes");
    assert_eq!(with, without);
    tensors.insert(format!("{PREFIX}rotary_emb.cos_cached"), table(6));
    let error = imported(&checkpoint(&tensors), rope()).err().expect("a refusal").to_string();
    assert!(error.contains("rotary_emb.cos_cached: expected nothing by the config, found [6, 4]"), "{error}");
}

#[test]
fn mismatches_name_both_sides() {
    let at = |name: &str| format!("{PREFIX}{name}");
    let zeros = |shape: &[usize]| floats(shape, &vec![0.0; shape.iter().product()]);
    let replaced = |name: &str, tensor: Written| changed(|tensors| drop(tensors.insert(at(name), tensor)));
    for (name, shape, message) in [
        ("embed_tokens.embedding_weight", [6, 8], "vocab_size: expected 5 by the config, found 6 in the file"),
        ("lm_head.weight", [4, 8], "vocab_size: expected 5 by the config, found 4 in the file"),
        (params::PUZZLE_EMB, [2, 8], "num_puzzle_identifiers: expected 3 by the config, found 2 in the file"),
        ("embed_pos.embedding_weight", [10, 8], "seq_len: expected 5 by the config, found 10 in the file"),
        ("q_head.weight", [3, 8], "weight q_head.weight: expected [2, 8] by the config, found [3, 8] in the file"),
        ("lm_head.weight", [5, 9], "weight lm_head.weight: expected [5, 8] by the config, found [5, 9] in the file"),
    ] {
        let found = replaced(name, zeros(&shape));
        assert!(found.contains(message), "{found}");
    }
    let missing = changed(|tensors| drop(tensors.remove(&at("L_init"))));
    assert_eq!(missing, "weight L_init: expected [8] by the config, found nothing in the file");
    let surplus = replaced("H_level.layers.1.mlp.down_proj.weight", zeros(&[8, 256]));
    assert!(
        surplus.ends_with("layers.1.mlp.down_proj.weight: expected nothing by the config, found [8, 256] in the file")
    );
    let twice = changed(|tensors| drop(tensors.insert("module.L_init".to_owned(), zeros(&[8]))));
    assert_eq!(twice, "expected one tensor of the name L_init, found two");
    for value in [f32::NAN, f32::INFINITY] {
        let values = [1.0, value, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        let found = replaced("L_init", floats(&[8], &values));
        assert_eq!(found, "not a usable checkpoint: weight L_init holds a value that is not a finite number");
    }
    for (class, width) in [("LongStorage", 8), ("DoubleStorage", 8), ("ByteStorage", 1), ("BoolStorage", 1)] {
        let found = replaced("L_init", written(class, &[8], vec![0; 8 * width]));
        let expected = "weight L_init: expected FloatStorage, HalfStorage or BFloat16Storage, found ";
        assert_eq!(found, format!("{expected}{class}"));
    }
}

#[test]
fn lies_about_where_values_lie_are_refused() {
    let lie = |change: fn(&mut Written)| {
        changed(|tensors| change(tensors.get_mut(&format!("{PREFIX}L_init")).expect("a weight")))
    };
    let beyond = "expected values within their storage";
    for (found, message) in [
        (lie(|tensor| tensor.offset = 1), beyond),
        (lie(|tensor| tensor.offset = i32::MAX as usize), beyond),
        (lie(|tensor| tensor.offset = usize::MAX), "expected a size of at least 0, found -1"),
        (lie(|tensor| tensor.stride = vec![2]), beyond),
        (lie(|tensor| tensor.stride = vec![i32::MAX as usize]), beyond),
        (lie(|tensor| tensor.stride = vec![1, 1]), "expected as many sizes as strides"),
        (lie(|tensor| tensor.elements = 7), beyond),
        (lie(|tensor| tensor.elements = i32::MAX as u32), "expected 8589934588 bytes in the entry data/"),
        (lie(|tensor| tensor.elements = 9), "expected 36 bytes in the entry data/"),
        (lie(|tensor| drop(tensor.bytes.split_off(31))), "expected 32 bytes in the entry data/"),
        (lie(|tensor| tensor.bytes.extend([0; 4])), "expected 32 bytes in the entry data/"),
        (lie(|tensor| tensor.bytes.clear()), "expected 32 bytes in the entry data/"),
    ] {
        assert!(found.contains(message), "expected {message:?}, found {found:?}");
    }
}

#[test]
fn files_that_are_no_checkpoints_are_refused() {
    let good = checkpoint(&tensors(&target()));
    let pickle = pickle(&tensors(&target()));
    let with = |name: &'static str, bytes: &[u8]| archive(&[("data.pkl", &pickle), (name, bytes)]);
    let system = b"\x80\x02cos\nsystem\nX\x08\x00\x00\x00touch ranq\x00\x85R.";
    let no_zip = "expected a zip file as torch.save has written since version 1.6";
    for (bytes, message) in [
        (Vec::new(), no_zip),
        (b"PK\x05\x06".to_vec(), no_zip),
        (pickle.clone(), no_zip),
        (vec![0; 1 << 20], no_zip),
        (archive(&[]), "expected one entry data.pkl, found 0"),
        (archive(&[("a/data.pkl", b""), ("data.pkl", b"")]), "expected one entry data.pkl, found 2"),
        (archive(&[("data.pkl", system)]), "expected tensors only, found a call of os.system"),
        (archive(&[("data.pkl", &vec![b'('; (1 << 20) + 1])]), "expected at most 1048576 bytes in the entry data.pkl"),
        (archive(&[("data.pkl", &[b"\x80\x02".as_slice(), &vec![b'('; 1 << 19]].concat())]), "found its end"),
        (with("byteorder", b"big"), "expected little-endian values, found big"),
        (with("byteorder", &[b'l'; 1_000]), "expected at most 16 bytes in the entry byteorder, found 1000"),
        (with("data/0", b""), "expected "),
        (with("version", b"3\n"), "specified file not found in archive"),
        (patched(&good, b"PK\x01\x02", 10, &[8, 0]), "uncompressed, as torch.save writes it, found"),
        (patched(&good, b"PK\x01\x02", 24, &[0xfe, 0xff, 0xff, 0xff]), "uncompressed, as torch.save writes it"),
        (patched(&good, b"PK\x01\x02", 8, &[1, 0]), "Password required"),
        (patched(&good, b"PK\x01\x02", 16, &[1, 2, 3, 4]), "Invalid checksum"),
        (patched(&good, b"PK\x05\x06", 10, &[0xfe, 0xff]), no_zip),
        (patched(&good, b"PK\x05\x06", 16, &[0xfe, 0xff, 0xff, 0xff]), no_zip),
    ] {
        let found = refused(&bytes);
        assert!(found.contains(message), "expected {message:?}, found {found:?}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    assert!(import(folder.path(), target()).is_err(), "a folder was accepted");
    assert!(import(&folder.path().join("none"), target()).is_err(), "nothing was accepted");
}

/// Every record of a zip file with this signature changed at an offset.
fn patched(bytes: &[u8], signature: &[u8], offset: usize, change: &[u8]) -> Vec<u8> {
    let mut patched = bytes.to_vec();
    for at in (0..bytes.len() - 4).filter(|&at| &bytes[at..at + 4] == signature) {
        patched[at + offset..at + offset + change.len()].copy_from_slice(change);
    }
    patched
}

#[test]
fn damaged_files_end_in_an_error_or_in_the_same_weights() {
    let bytes = checkpoint(&tensors(&target()));
    let expected = imported(&bytes, target()).expect("a model").to_bytes().expect("bytes");
    for length in (0..bytes.len()).step_by(991).chain(bytes.len() - 300..bytes.len()) {
        assert!(imported(&bytes[..length], target()).is_err(), "{length} bytes were accepted");
    }
    let tail = bytes.len() - 2_000;
    for at in (0..4_000).step_by(3).chain((4_000..tail).step_by(487)).chain((tail..bytes.len()).step_by(2)) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        // A bit that says nothing, such as one of a date, may be any.
        if let Ok(model) = imported(&damaged, target()) {
            assert_eq!(model.to_bytes().expect("bytes"), expected, "byte {at}");
        }
    }
}

#[test]
fn the_fixtures_of_the_reference_are_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/upstream");
    for name in ["hrm_rope_stablemax", "hrm_learned_softmax", "hrm_nopuzzleid_deep", "trm_attention", "trm_mlp_t"] {
        let json = folder.join(name).with_extension("json");
        if !json.exists() {
            eprintln!("skipped: {} is not on this machine", json.display());
            continue;
        }
        let target = Target::of_fixture(&json).expect("settings");
        let model = import(&json.with_extension("upstream.pt"), target).expect("a model");
        let values = candle_core::safetensors::load(json.with_extension("safetensors"), &candle_core::Device::Cpu);
        let values = values.expect("values");
        assert!(values.keys().all(|name| name.strip_prefix("param/").is_none_or(|n| model.tensors().contains_key(n))));
        for (name, tensor) in model.tensors() {
            let bytes = |tensor| crate::tensor_file::bytes(tensor).expect("values");
            assert_eq!(bytes(tensor), bytes(&values[&format!("param/{name}")]), "{name}");
        }
        let other = Target::of_fixture(&folder.join("hrm_rope_stablemax.json")).expect("settings");
        if name != "hrm_rope_stablemax" {
            let error = import(&json.with_extension("upstream.pt"), other).err().expect("a refusal").to_string();
            eprintln!("{error}");
            assert!(error.contains("by the config, found"), "{error}");
        }
    }
}
