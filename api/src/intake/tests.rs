//! Files that are made to do harm: each is refused, and by itself quickly and without much memory.

use super::{PuzzleFile, Received, dataset, model};
use crate::{
    http::error::ApiError,
    store::tests::{info, puzzles},
};
use flate2::{Compression, write::GzEncoder};
use hrm_model::shipped;
use hrm_types::board::Kind;
use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    time::{Duration, Instant},
};

fn received(bytes: &[u8]) -> Received {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("room");
    file.seek(SeekFrom::Start(0)).expect("a file");
    Received { file, size: bytes.len() as u64 }
}

/// A safetensors file of that header and so many bytes of tensors.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn gzipped(parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    parts.for_each(|part| encoder.write_all(&part).expect("memory"));
    encoder.finish().expect("memory")
}

/// This process's memory, bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}

/// Time in which a file is refused, and memory that it may take on the way, bytes. Only a test that runs alone can tell.
const BOUNDS: (Duration, u64) = (Duration::from_secs(1), 64 << 20);

fn refused<T>(what: &str, alone: bool, refuse: impl FnOnce() -> Result<T, ApiError>) {
    let (begun, before) = (Instant::now(), resident());
    let error = refuse().err().unwrap_or_else(|| panic!("{what} was taken"));
    let (took, grown) = (begun.elapsed(), resident().saturating_sub(before));
    let status = error.kind().0.as_u16();
    assert!((400..500).contains(&status), "{what}: {status} {error:?}");
    eprintln!("| {what} | {status} | {} ms | {} MiB | {error} |", took.as_millis(), grown >> 20);
    assert!(!alone || took < BOUNDS.0 && grown < BOUNDS.1, "{what}: {took:?}, {grown} bytes");
}

#[test]
fn crafted_checkpoints_are_refused() {
    checkpoints(false);
}

#[test]
fn crafted_puzzles_are_refused() {
    puzzle_files(false);
}

/// `make chaos` runs it.
#[test]
#[ignore = "measures time and memory of the whole process, so nothing else may run in it"]
fn crafted_files_are_refused_within_bounds() {
    checkpoints(true);
    puzzle_files(true);
}

fn checkpoints(alone: bool) {
    let whole = shipped::CHECKPOINTS[0].bytes;
    let changed = |at: usize, to: u8| {
        let mut bytes = whole.to_vec();
        bytes[at] = to;
        bytes
    };
    let header = u64::from_le_bytes(whole[..8].try_into().expect("eight bytes")) as usize;
    let text = std::str::from_utf8(&whole[8..8 + header]).expect("a header");
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        let mut bytes = safetensors(&changed, 0);
        bytes.extend(&whole[8 + header..]);
        bytes
    };
    let one = |shape: &str, end: u64| {
        format!(r#"{{"__metadata__":{{}},"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#)
    };
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let mut not_a_number = whole.to_vec();
    let last = not_a_number.len() - 4;
    not_a_number[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("seven bytes", b"1234567".to_vec()),
        ("a header longer than the file", u64::MAX.to_le_bytes().to_vec()),
        ("a header of a gigabyte", [(1_u64 << 30).to_le_bytes().to_vec(), vec![b' '; 1 << 20]].concat()),
        ("a header that is no JSON", safetensors("{", 0)),
        ("a header that is no object", safetensors("[]", 0)),
        ("a header 10,000 lists deep", safetensors(&deep, 0)),
        ("a tensor without a place", safetensors(r#"{"a":{}}"#, 0)),
        ("a tensor of a terabyte", safetensors(&one("[274877906944]", 1 << 40), 16)),
        ("a shape whose size overflows", safetensors(&one("[4294967296,4294967296]", 16), 16)),
        ("a shape that is not its bytes'", safetensors(&one("[3]", 16), 16)),
        ("bytes behind the tensors", [whole, &[0]].concat()),
        ("a byte missing", whole[..whole.len() - 1].to_vec()),
        ("no experiment in the header", safetensors(&one("[4]", 16), 16)),
        ("a pickle", b"\x80\x04cos\nsystem\n(S'true'\ntR.".to_vec()),
        ("a zip", b"PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_vec()),
        ("a broken header", changed(8, b'[')),
        ("a width that the weights do not have", replaced("\\\"hidden_size\\\":", "\\\"hidden_size\\\":1")),
        ("a setting that does not exist", replaced("\\\"hidden_size\\\":", "\\\"hidden_sizes\\\":")),
        ("a weight that is no number", not_a_number),
        ("a type that is not read", replaced("\"F32\"", "\"I32\"")),
    ];
    for (what, bytes) in cases {
        refused(what, alone, || model(received(&bytes)));
    }
    let (read, _) = model(received(whole)).expect("the whole one");
    assert_eq!(read.info().kind, info("any").kind);
}

fn puzzle_files(alone: bool) {
    let about = |kind| PuzzleFile { kind, test_rows: None, validation_rows: 0, seed: 0 };
    let header = "source,question,answer,rating\n";
    let row = "a,.23434..2.4..3.1,1234341221434321,0\n";
    let csv = |rows: &str| format!("{header}{rows}").into_bytes();
    let megabyte = || vec![b'\n'; 1 << 20];
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a gigabyte of line ends, gzipped", gzipped((0..1_024).map(|_| megabyte()))),
        ("one line of a gigabyte, gzipped", gzipped((0..1_024).map(|_| vec![b'a'; 1 << 20]))),
        ("a gigabyte of zeros, gzipped", gzipped((0..1_024).map(|_| vec![0; 1 << 20]))),
        (
            "half a gigabyte of rows, gzipped",
            gzipped([csv("")].into_iter().chain((0..512).map(|_| row.repeat((1 << 20) / row.len()).into_bytes()))),
        ),
        ("a gzip in a gzip", gzipped([gzipped([csv(row)].into_iter())].into_iter())),
        ("half a gzip", gzipped([csv(row)].into_iter())[..20].to_vec()),
        ("another header", b"question,answer\n".to_vec()),
        ("no row", csv("")),
        ("three fields", csv("a,.23434..2.4..3.1,1234341221434321\n")),
        ("an open quote", csv("\"a,.23434..2.4..3.1,1234341221434321,0\n")),
        ("a grid of another size", csv("a,.2343,12343,0\n")),
        ("an answer to another puzzle", csv("a,.23434..2.4..3.1,4321341221434321,0\n")),
        ("a NUL", csv("a\0,.23434..2.4..3.1,1234341221434321,0\n")),
        ("no text", vec![0xff; 100]),
        ("a rating that is none", csv("a,.23434..2.4..3.1,1234341221434321,-1\n")),
        ("an archive", b"ustar\0\0\0\0".repeat(100)),
    ];
    for (what, bytes) in cases {
        refused(what, alone, || dataset(received(&bytes), &about(Kind::Sudoku)));
    }
    refused("sudoku as mazes", alone, || dataset(received(&csv(row)), &about(Kind::Maze)));
    refused("one row, of which one is to be trained on and one to be tested on", alone, || {
        dataset(received(&csv(row)), &about(Kind::Sudoku))
    });
    let set = puzzles(1);
    let rows: Vec<String> = set
        .puzzles()
        .map(|puzzle| {
            let (question, answer) = (puzzle.question.text(Kind::Sudoku), puzzle.answer.text(Kind::Sudoku));
            format!("a,{question},{answer},{}\n", puzzle.rating)
        })
        .collect();
    let mut drawn = about(Kind::Sudoku);
    drawn.test_rows = Some(2);
    drawn.validation_rows = 1;
    let read = dataset(received(&gzipped([csv(&rows.concat())].into_iter())), &drawn).expect("a dataset");
    assert_eq!((read.train.len(), read.validation.len(), read.test.len()), (rows.len() - 3, 1, 2));
}
