//! Folders come back byte for byte, and malformed ones end in a clear error.

use super::*;
use std::process::Command;

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).expect("a file"));
        }
    }
    found
}

/// Two groups for training, one of two puzzles; one example for testing.
fn folder() -> Folder {
    let split = |groups: &[Vec<(u32, crate::data::tokens::Examples)>]| {
        let mut tokens = TokenSplit::empty(2);
        for group in groups {
            tokens.push_group(group).expect("a group");
        }
        let metadata = Metadata {
            pad_id: 0,
            ignore_label_id: 0,
            blank_identifier_id: 0,
            vocab_size: 4,
            seq_len: 2,
            num_puzzle_identifiers: 3,
            total_groups: tokens.groups(),
            mean_puzzle_examples: tokens.mean_puzzle_examples(),
            total_puzzles: None,
            sets: vec!["all".to_owned()],
        };
        Split { metadata, sets: vec![Set::new(tokens)] }
    };
    let example = |token: u8| (vec![token, 1], vec![token, 2]);
    let train = split(&[vec![(1, vec![example(0), example(1)]), (2, vec![example(2)])], vec![(0, vec![example(3)])]]);
    let test = split(&[vec![(0, vec![example(1)])]]);
    let splits = BTreeMap::from([("train".to_owned(), train), ("test".to_owned(), test)]);
    Folder { identifiers: ["<blank>", "a", "é"].map(str::to_owned).into(), splits }
}

fn round_trip(original: &Path) -> Folder {
    let place = tempfile::tempdir().expect("a folder");
    let read = Folder::read(original).expect("a folder of arrays");
    let copy = place.path().join("copy");
    read.write(&copy).expect("a copy");
    let (expected, found) = (files(original), files(&copy));
    assert!(found.len() == 13, "{:?}", found.keys());
    for (name, bytes) in &found {
        assert!(expected[name] == *bytes, "{name} differs");
    }
    let left: Vec<_> = expected.keys().filter(|name| !found.contains_key(*name)).collect();
    assert!(left.is_empty() || left == ["LICENSE"], "{left:?} was left behind");
    assert!(read.write(&copy).is_err(), "a folder was overwritten");
    assert_eq!(Folder::read(&copy).expect("the copy"), read);
    read
}

#[test]
fn the_builders_folders_come_back_byte_for_byte() {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    for (name, task, train, test) in [
        ("arc-upstream", [900, 12, 37], [12, 36, 141], [6, 18, 18]),
        ("sudoku-upstream", [81, 11, 1], [40, 160, 160], [40, 40, 40]),
    ] {
        let original = shared.join("fixtures/datasets").join(name);
        if !original.exists() {
            eprintln!("skipped: {} is not on this machine", original.display());
            continue;
        }
        let read = round_trip(&original);
        let TaskShape { seq_len, vocab_size, num_puzzle_identifiers } = read.task();
        assert_eq!([seq_len, vocab_size, num_puzzle_identifiers], task, "{name}");
        assert_eq!([read.splits["train"].counts(), read.splits["test"].counts()], [train, test], "{name}");
    }
}

#[test]
fn the_published_mazes_come_back_byte_for_byte() {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let archive = shared.join("data/maze/maze-30x30-hard-1k-built.tar.gz");
    let place = tempfile::tempdir().expect("a folder");
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(place.path());
    if !archive.exists() || !tar.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: {} or tar is not on this machine", archive.display());
        return;
    }
    let read = round_trip(&place.path().join("maze-30x30-hard-1k"));
    assert_eq!([read.splits["train"].counts(), read.splits["test"].counts()], [[1000; 3]; 2]);
}

#[test]
fn a_folder_of_our_own_reads_back() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("own");
    folder().write(&path).expect("a folder of arrays");
    assert_eq!(round_trip(&path), folder());
    let mut wide = folder();
    for split in wide.splits.values_mut() {
        split.metadata.total_puzzles = Some(split.counts()[1]);
        split.sets[0].dtypes = [Integer::I64, Integer::U16, Integer::U64, Integer::I8, Integer::U8];
    }
    let path = place.path().join("wide");
    wide.write(&path).expect("a folder of arrays");
    assert_eq!(round_trip(&path), wide);
}

#[test]
fn values_too_large_for_their_type_leave_nothing_behind() {
    let place = tempfile::tempdir().expect("a folder");
    let mut folder = folder();
    let train = &mut folder.splits.get_mut("train").expect("a split").sets[0];
    train.dtypes[2] = Integer::I8;
    train.tokens.puzzle_identifiers[0] = 128;
    let error = folder.write(&place.path().join("own")).expect_err("a refusal").to_string();
    assert!(
        error.ends_with("train/all__puzzle_identifiers.npy: expected values that fit into |i1, found 128"),
        "{error}"
    );
    assert_eq!(files(place.path()).len(), 0, "something was left behind");
}

/// Writes our folder, changes a file's bytes, and tells why it is refused.
#[track_caller]
fn check(file: &str, change: impl FnOnce(&mut Vec<u8>), message: &str) {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("own");
    folder().write(&path).expect("a folder of arrays");
    let mut bytes = fs::read(path.join(file)).expect("a file");
    change(&mut bytes);
    fs::write(path.join(file), bytes).expect("a file");
    let error = Folder::read(&path).expect_err(message).to_string();
    assert!(error.contains(message) && error.contains("own/"), "expected {message:?}, found {error:?}");
}

/// A change of the first place where a text stands.
fn replace<'a>(from: &'a str, to: &'a str) -> impl FnOnce(&mut Vec<u8>) + 'a {
    move |bytes| {
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect("the text");
        bytes.splice(at..at + from.len(), to.bytes());
    }
}

const INPUTS: &str = "train/all__inputs.npy";

#[test]
fn arrays_that_are_none_are_refused() {
    let another = "expected an array of the .npy format, version 1.0, found another file";
    check(INPUTS, Vec::clear, another);
    check(INPUTS, |bytes| bytes.truncate(9), another);
    check(INPUTS, |bytes| bytes[0] = 0, another);
    check(INPUTS, |bytes| bytes[6] = 2, another);
    check(INPUTS, |bytes| bytes.truncate(100), "expected a header of 118 bytes, found the end of the file");
    check(INPUTS, |bytes| bytes[8..10].copy_from_slice(&[0xff; 2]), "expected a header of 65535 bytes");
    check(
        INPUTS,
        |bytes| bytes.truncate(bytes.len() - 1),
        "expected the values of the shape (4, 2) of |u1, found 7 bytes",
    );
    check(INPUTS, |bytes| bytes.push(0), "expected the values of the shape (4, 2) of |u1, found 9 bytes");
    check(INPUTS, replace("(4, 2)", "(5, 2)"), "expected the values of the shape (5, 2) of |u1, found 8 bytes");
    check(INPUTS, replace("(4, 2)", "(2, 4)"), "labels.npy: examples: expected 2, found 4");
    check(INPUTS, replace("(4, 2)", "(8,)  "), "expected a header {'descr'");
    check(INPUTS, replace("(4, 2), }", "(8,), }  "), "expected 2 dimensions, found the shape (8,)");
    check(INPUTS, replace("(4, 2), }      ", "(2, 2, 2), }   "), "expected a shape of one or two sizes");
    let huge = "(4294967295, 4294967295), }";
    check(
        INPUTS,
        replace("(4, 2), }                  ", huge),
        "expected the values of the shape (4294967295, 4294967295)",
    );
    check(INPUTS, replace("(4, 2), }          ", "(4294967296, 2), } "), "sizes below 4294967296");
    check(INPUTS, replace("(4, 2)", "(-4,2)"), "expected a shape of one or two sizes");
    check(INPUTS, replace("|u1", "<f4"), "expected whole numbers, little-endian, found '<f4'");
    check(INPUTS, replace("|u1", ">i4"), "expected whole numbers, little-endian, found '>i4'");
    check(INPUTS, replace("|u1", "|O8"), "expected whole numbers, little-endian, found '|O8'");
    check(INPUTS, replace("|u1", "<i8"), "expected the values of the shape (4, 2) of <i8, found 8 bytes");
    check(INPUTS, replace("False", "True "), "expected rows one after another (fortran_order False), found True ");
    check(INPUTS, replace("'shape'", "'sharp'"), "expected a header {'descr'");
    check("train/all__puzzle_identifiers.npy", replace("(3,)", "(3) "), "expected a header {'descr'");
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let last = |value: i32| {
        move |bytes: &mut Vec<u8>| {
            let at = bytes.len() - 4;
            bytes[at..].copy_from_slice(&value.to_le_bytes());
        }
    };
    check(
        INPUTS,
        |bytes| *bytes.last_mut().expect("a token") = 4,
        "train/all: inputs: expected tokens below 4, found 4",
    );
    check("test/all__labels.npy", |bytes| bytes[128] = 9, "test/all: labels: expected tokens below 4, found 9");
    let identifiers = "train/all__puzzle_identifiers.npy";
    check(identifiers, last(3), "puzzle_identifiers: expected identifiers below 3, found 3");
    check(identifiers, last(-1), "expected values from 0 to 4294967295, found -1 at position 2");
    check("train/all__puzzle_indices.npy", last(5), "expected 4 as the last entry, the number of examples, found 5");
    check("train/all__puzzle_indices.npy", last(3), "entries that grow, above 3 after entry 2, found 3");
    check("train/all__group_indices.npy", last(2), "expected entries that grow, above 2 after entry 1, found 2");
    check("train/all__group_indices.npy", last(i32::MAX), "expected 3 as the last entry, the number of puzzles");
    let shorter = |bytes: &mut Vec<u8>| {
        replace("(4, 2)", "(3, 2)")(bytes);
        bytes.truncate(bytes.len() - 2);
    };
    check("train/all__labels.npy", shorter, "all__labels.npy: examples: expected 4, found 3");
}

#[test]
fn descriptions_that_do_not_fit_are_refused() {
    let file = "train/dataset.json";
    check(file, Vec::clear, "EOF while parsing");
    check(file, |bytes| bytes.truncate(50), "EOF while parsing");
    check(file, |bytes| *bytes = b"[".repeat(60_000), "invalid type: sequence");
    check(file, |bytes| bytes.extend(vec![b' '; 1 << 16]), "expected at most 65536 bytes, found more");
    check(file, replace("\"pad_id\"", "\"pad_ix\""), "unknown field `pad_ix`");
    check(file, replace("\"pad_id\": 0", "\"pad_id\": 1"), "pad_id: expected 0, found 1");
    check(file, replace("label_id\": 0", "label_id\": null"), "invalid type: null");
    check(file, replace("label_id\": 0", "label_id\": 5"), "ignore_label_id: expected 0, found 5");
    check(file, replace("identifier_id\": 0", "identifier_id\": 2"), "blank_identifier_id: expected 0, found 2");
    check(file, replace("\"vocab_size\": 4", "\"vocab_size\": 257"), "vocab_size: expected at most 256, found 257");
    check(file, replace("\"vocab_size\": 4", "\"vocab_size\": 0"), "vocab_size: expected 1 to 65536, found 0");
    check(
        file,
        replace("\"vocab_size\": 4", "\"vocab_size\": 5"),
        "test/dataset.json: vocab_size: expected 5, found 4",
    );
    check(file, replace("\"seq_len\": 2", "\"seq_len\": 9"), "expected sequences of 9 tokens, found sequences of 2");
    check(file, replace("\"seq_len\": 2", "\"seq_len\": 1e99"), "invalid type: floating point");
    check(file, replace("identifiers\": 3", "identifiers\": 4"), "num_puzzle_identifiers: expected 4, found 3");
    check(file, replace("total_groups\": 2", "total_groups\": 3"), "total_groups: expected 2, found 3");
    check(file, replace("1.3333333333333333", "1.0"), "mean_puzzle_examples: expected 1.3333333333333333, found 1");
    check(file, replace("[\"all\"]", "[]"), "sets: expected 1 to 16 names, found 0");
    check(file, replace("[\"all\"]", "[\"all\", \"all\"]"), "found \"all\"");
    check(file, replace("[\"all\"]", "[\"../all\"]"), "letters, digits, '-' or '_', found \"../all\"");
    check(file, replace("[\"all\"]", "[\"none\"]"), "none__inputs.npy: No such file");
    let file = "identifiers.json";
    check(file, replace("\"a\", ", ""), "names of puzzle identifiers: expected 3, found 2");
    check(file, replace("\"a\"", "17"), "invalid type: integer");
    check(file, |bytes| *bytes = b"[".repeat(1 << 20), "expected a string");
    check(file, |bytes| bytes.truncate(bytes.len() - 1), "EOF while parsing");
}

#[test]
fn a_folder_without_a_split_is_refused() {
    let place = tempfile::tempdir().expect("a folder");
    let error = Folder::read(place.path()).expect_err("a refusal").to_string();
    assert!(error.ends_with("train/dataset.json: No such file or directory (os error 2)"), "{error}");
}
