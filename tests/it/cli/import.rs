//! `hrm import checkpoint` and `hrm predict`: what the reference code saved computes what the reference code computes.

use super::program::{Place, shared};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};

const FIXTURES: [&str; 5] =
    ["hrm_rope_stablemax", "hrm_learned_softmax", "hrm_nopuzzleid_deep", "trm_attention", "trm_mlp_t"];

/// A tensor as it is in a safetensors file.
struct Stored {
    entry: Value,
    bytes: Vec<u8>,
}

impl Stored {
    fn floats(&self) -> Vec<f64> {
        assert_eq!(self.entry["dtype"], "F32");
        self.bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect()
    }
}

/// The tensors of a safetensors file.
fn tensors(file: &Path) -> BTreeMap<String, Stored> {
    let bytes = fs::read(file).expect("a safetensors file");
    let (length, rest) = bytes.split_first_chunk().expect("a header");
    let (header, values) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: BTreeMap<String, Value> = serde_json::from_slice(header).expect("JSON");
    let stored = header.into_iter().filter(|(name, _)| name != "__metadata__").map(|(name, entry)| {
        let place = |i: usize| entry["data_offsets"][i].as_u64().expect("an offset") as usize;
        let bytes = values[place(0)..place(1)].to_vec();
        (name, Stored { entry, bytes })
    });
    stored.collect()
}

/// A safetensors file with a fixture's batch.
fn batch(fixture: &BTreeMap<String, Stored>) -> Vec<u8> {
    let (mut header, mut values) = (BTreeMap::new(), Vec::new());
    for name in ["inputs", "puzzle_identifiers"] {
        let Stored { entry, bytes } = &fixture[&format!("eval/batch/{name}")];
        let (start, end) = (values.len(), values.len() + bytes.len());
        header.insert(name, json!({ "dtype": "I32", "shape": entry["shape"], "data_offsets": [start, end] }));
        values.extend(bytes);
    }
    let header = json!(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &values].concat()
}

fn import<'a>(file: &'a str, config: &'a str, out: &'a str) -> [&'a str; 7] {
    ["import", "checkpoint", file, "--config", config, "--out", out]
}

#[test]
fn an_imported_checkpoint_computes_what_the_reference_computes() {
    for name in FIXTURES {
        let Some(json) = shared(&format!("fixtures/upstream/{name}.json")) else { continue };
        let place = Place::new();
        let (file, config) = (json.with_extension("upstream.pt"), json.to_str().expect("UTF-8"));
        let file = file.to_str().expect("UTF-8");
        let printed = place.hrm(&import(file, config, "imported")).succeeds();
        assert!(printed.starts_with(name) && printed.contains(" weights for sequences of 9 tokens"), "{printed}");
        let again = place.hrm(&import(file, config, "imported")).fails();
        assert_eq!(again, "imported: expected a new or empty folder, found files in it");

        let fixture = tensors(&json.with_extension("safetensors"));
        place.write("batch.safetensors", batch(&fixture));
        let predict = ["predict", "--checkpoint", "imported", "--batch", "batch.safetensors", "--steps", "4"];
        place.hrm(&[&predict[..], &["--out", "out.safetensors"]].concat()).succeeds();
        let ours = tensors(&place.path("out.safetensors"));
        assert_eq!(ours.len(), 20);
        for (tensor, ours) in ours {
            let theirs = &fixture[&format!("eval/{tensor}")];
            assert_eq!(ours.entry["shape"], theirs.entry["shape"], "{tensor}");
            let (ours, theirs) = (ours.floats(), theirs.floats());
            let scale = theirs.iter().fold(0f64, |scale, x| scale.max(x.abs()));
            let error = ours.iter().zip(&theirs).fold(0f64, |worst, (a, b)| worst.max((a - b).abs())) / scale;
            // Each step of a model that mixes positions by an MLP multiplies what two computations differ by.
            let allowed = match (name, tensor.split('/').next()) {
                ("trm_mlp_t", Some("step2")) => 1e-3,
                ("trm_mlp_t", Some("step3")) => 1e-2,
                _ => 1e-4,
            };
            assert!(error <= allowed, "{name} {tensor}: {error:e}");
        }
    }
}

#[test]
fn what_is_not_the_model_asked_for_is_refused_and_leaves_nothing() {
    let Some(json) = shared(&format!("fixtures/upstream/{}.json", FIXTURES[0])) else { return };
    let folder = json.parent().expect("a folder");
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let place = Place::new();
    // Runs `touch ran` where it is believed.
    place.write("evil.pt", b"\x80\x02cos\nsystem\nX\x09\x00\x00\x00touch ranq\x00\x85R.");
    place.write("sudoku.toml", "name = \"sudoku\"\n[data]\nsource = \"stored\"\ndataset = \"extreme\"\n");
    let good = path("hrm_rope_stablemax.upstream.pt");
    for (file, config, more, message) in [
        (
            path("trm_mlp_t.upstream.pt"),
            path("hrm_rope_stablemax.json"),
            &[][..],
            "by the config, found nothing in the file",
        ),
        (path("hrm_rope_stablemax.upstream.pt"), path("trm_attention.json"), &[], "expected nothing by the config"),
        (
            path("hrm_learned_softmax.upstream.pt"),
            path("hrm_rope_stablemax.json"),
            &[],
            "expected [4, 32] by the config",
        ),
        (path("hrm_rope_stablemax.json"), path("hrm_rope_stablemax.json"), &[], "expected a zip file"),
        ("evil.pt".into(), path("hrm_rope_stablemax.json"), &[], "expected a zip file"),
        (good.clone(), "sudoku.toml".into(), &[], "does not say which puzzles it is for"),
        (good.clone(), "sudoku.toml".into(), &["--identifiers", "nowhere.json"], "nowhere.json: No such file"),
        (good.clone(), "sudoku.toml".into(), &["--side", "9"], "H_init: expected [512] by the config, found [32]"),
        (good.clone(), "sudoku.toml".into(), &["--kind", "arc", "--side", "9"], "with --data DIR"),
        (good.clone(), "sudoku.toml".into(), &["--data", "none"], "none/train/dataset.json: No such file"),
        (good.clone(), "sudoku.toml".into(), &["--side", "5"], "found sudoku of side 5"),
        (good.clone(), path("hrm_rope_stablemax.json"), &["--side", "9"], "says the sizes itself"),
        (good, "none.json".into(), &[], "none.json: No such file"),
    ] {
        let error = place.hrm(&[&import(&file, &config, "imported"), more].concat()).fails();
        assert!(error.contains(message), "expected {message:?}, found {error:?}");
    }
    let left: Vec<_> =
        fs::read_dir(place.path(".")).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_batch_for_another_model_is_refused() {
    let Some(json) = shared(&format!("fixtures/upstream/{}.json", FIXTURES[0])) else { return };
    let place = Place::new();
    let (file, config) = (json.with_extension("upstream.pt"), json.to_str().expect("UTF-8"));
    place.hrm(&import(file.to_str().expect("UTF-8"), config, "imported")).succeeds();
    let good = batch(&tensors(&json.with_extension("safetensors")));
    for (bytes, message) in [
        (good[..good.len() - 1].to_vec(), "expected a safetensors file"),
        ([&good[..good.len() - 4], &[9, 0, 0, 0]].concat(), "puzzle_identifiers: expected values from 0 to 3, found 9"),
        (b"not a batch".to_vec(), "expected a safetensors file"),
    ] {
        place.write("batch.safetensors", bytes);
        let predict = ["predict", "--checkpoint", "imported", "--batch", "batch.safetensors", "--steps", "4"];
        let error = place.hrm(&[&predict[..], &["--out", "out.safetensors"]].concat()).fails();
        assert!(error.contains(message), "expected {message:?}, found {error:?}");
    }
    assert!(!place.path("out.safetensors").exists());
}

#[test]
fn a_checkpoint_of_no_kind_of_puzzle_neither_solves_nor_is_evaluated() {
    let Some(json) = shared(&format!("fixtures/upstream/{}.json", FIXTURES[0])) else { return };
    let place = Place::new();
    let (file, config) = (json.with_extension("upstream.pt"), json.to_str().expect("UTF-8"));
    place.hrm(&import(file.to_str().expect("UTF-8"), config, "imported")).succeeds();
    place.write("four.csv", "source,question,answer,rating\na,1.3.34.22.43.321,1234341221434321,0\n");
    for arguments in [&["solve", "1.3.34.22.43.321"][..], &["eval", "--csv", "four.csv"]] {
        let refused = place.hrm(&[arguments, &["--checkpoint", "imported"]].concat()).fails();
        assert!(refused.starts_with("imported belongs to no kind of puzzle of ours: "), "{refused}");
    }
}

#[test]
fn a_builders_folder_is_checked_and_written_again() {
    let place = Place::new();
    for (name, printed_identifiers, train) in [
        ("arc-upstream", "37: \"<blank>\", \"03560426\", ", "141 examples of 36 puzzles in 12 groups; sets: all"),
        ("sudoku-upstream", "1: \"<blank>\"", "160 examples of 160 puzzles in 40 groups; sets: all"),
    ] {
        let Some(folder) = shared(&format!("fixtures/datasets/{name}")) else { continue };
        let original = folder.to_str().expect("UTF-8");
        let printed = place.hrm(&["data", "info", original, "--rewrite", name]).succeeds();
        assert!(printed.contains(printed_identifiers) && printed.contains(train), "{printed}");
        for file in ["identifiers.json", "train/dataset.json", "train/all__inputs.npy", "test/all__group_indices.npy"] {
            let read = |path: &Path| fs::read(path.join(file)).expect("a file");
            assert_eq!(read(&folder), read(&place.path(name)), "{name}/{file}");
        }
        assert!(
            place
                .hrm(&["data", "info", original, "--rewrite", name])
                .fails()
                .contains("expected nothing yet, found a folder")
        );
        fs::write(place.path(name).join("test/all__labels.npy"), b"\x93NUMPY").expect("a file");
        let error = place.hrm(&["data", "info", name]).fails();
        assert_eq!(
            error,
            format!(
                "{name}/test/all__labels.npy: expected an array of the .npy format, version 1.0, found another file"
            )
        );
    }
}
