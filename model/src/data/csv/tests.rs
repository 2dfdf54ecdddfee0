//! Files are read whole and right, or refused with their row named.

use super::*;
use flate2::{Compression, write::GzEncoder};
use std::{fmt::Write as _, io::Write as _, path::PathBuf};

const QUESTION: &str = "1.3.34.22.43.321";
const ANSWER: &str = "1234341221434321";

fn file(rows: &str) -> String {
    format!("source,question,answer,rating\n{rows}\n")
}

fn read(text: &str) -> Result<Vec<Puzzle>, String> {
    read_csv(text.as_bytes(), "puzzles.csv", Kind::Sudoku).map_err(|error| error.to_string())
}

/// Many different rows of side 4: every source is another.
fn rows(count: usize) -> String {
    (0..count).fold(String::from("source,question,answer,rating\n"), |mut text, i| {
        writeln!(text, "list {i},{QUESTION},{ANSWER},{i}").unwrap();
        text
    })
}

fn zip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("puzzles.csv.gz");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn a_row_becomes_a_puzzle() {
    let puzzles = read(&file(&format!("a list,{QUESTION},{ANSWER},17"))).unwrap();
    assert_eq!(puzzles.len(), 1);
    assert_eq!(puzzles[0].question.text(Kind::Sudoku), QUESTION);
    assert_eq!(puzzles[0].answer.text(Kind::Sudoku), ANSWER);
    assert_eq!((puzzles[0].rating, puzzles[0].source.as_str()), (17, "a list"));
}

#[test]
fn common_notations_are_read() {
    let zeros = QUESTION.replace('.', "0");
    for text in [
        format!("\u{feff}source,question,answer,rating\r\na,{QUESTION},{ANSWER},1\r\n"),
        format!("source,question,answer,rating\na,{QUESTION},{ANSWER},1"),
        format!("source,question,answer,rating\n\na,{zeros},{ANSWER},1\n\n"),
        format!("\"source\",question,answer,rating\n\"a\",\"{QUESTION}\",{ANSWER},\"1\"\n"),
    ] {
        let puzzles = read(&text).unwrap();
        assert_eq!(puzzles[0].question.text(Kind::Sudoku), QUESTION, "{text:?}");
        assert_eq!((puzzles[0].rating, puzzles[0].source.as_str()), (1, "a"), "{text:?}");
    }
    let quoted = read(&file(&format!("\"Royle, \"\"17\"\"\",{QUESTION},{ANSWER},1"))).unwrap();
    assert_eq!(quoted[0].source, "Royle, \"17\"");
}

#[test]
fn bad_files_are_refused_by_row() {
    let good = format!("a,{QUESTION},{ANSWER},1");
    let nine = ".".repeat(81);
    for (rows, expect) in [
        (format!("a,{QUESTION},{ANSWER}"), "row 2: expected 4 fields (source, question, answer, rating), found 3"),
        (format!("{good},5"), "row 2: expected 4 fields (source, question, answer, rating), found 5"),
        (format!("{good}\na,{QUESTION}"), "row 3: expected 4 fields (source, question, answer, rating), found 2"),
        (format!("a,{QUESTION}.,{ANSWER},1"), "row 2: question: expected 16, 36 or 81 characters, found 17"),
        (format!("a,,{ANSWER},1"), "row 2: question: expected 16, 36 or 81 characters, found 0"),
        (format!("{good}\na,{nine},{nine},1"), "row 3: question: expected 16 characters, found 81"),
        (format!("a,{QUESTION},123434122143432,1"), "row 2: answer: expected 16 characters, found 15"),
        (
            format!("a,1.5.34.22.43.321,{ANSWER},1"),
            "row 2: question, character 3: expected 1 to 4, or . or 0 for a blank, found '5'",
        ),
        (
            format!("a,1.é.34.22.43.321,{ANSWER},1"),
            "row 2: question, character 3: expected 1 to 4, or . or 0 for a blank, found 'é'",
        ),
        (format!("a,{QUESTION},123434122143432.,1"), "row 2: answer, character 16: expected 1 to 4, found '.'"),
        (
            format!("a,2.3.34.22.43.321,{ANSWER},1"),
            "row 2: answer: expected a solution of the question, but row 1, column 1: the given 2 became 1",
        ),
        (
            "a,................,1234341221434312,1".to_owned(),
            "row 2: answer: expected a solution of the question, but 1 stands twice in column 3",
        ),
        (
            format!("a,{QUESTION},{ANSWER},-1"),
            "row 2: rating: expected a whole number from 0 to 4294967295, found \"-1\"",
        ),
        (
            format!("a,{QUESTION},{ANSWER},4294967296"),
            "row 2: rating: expected a whole number from 0 to 4294967295, found \"4294967296\"",
        ),
        (
            format!("\"a,{QUESTION},{ANSWER},1"),
            "row 2: expected a quote that closes on the same line, before a comma or the line's end",
        ),
        (
            format!("\"a\"b,{QUESTION},{ANSWER},1"),
            "row 2: expected a quote that closes on the same line, before a comma or the line's end",
        ),
        (format!("a\0,{QUESTION},{ANSWER},1"), "row 2: expected UTF-8 text without control characters"),
        (
            format!("{},{QUESTION},{ANSWER},1", "a".repeat(5_000)),
            "row 2: expected at most 4096 bytes in a line, found more",
        ),
    ] {
        assert_eq!(read(&file(&rows)).unwrap_err(), format!("puzzles.csv, {expect}"));
    }
}

#[test]
fn what_is_no_such_file_is_refused() {
    for (text, expect) in [
        ("", "puzzles.csv: expected at least one puzzle below the header, found none"),
        ("source,question,answer,rating\n\n", "puzzles.csv: expected at least one puzzle below the header, found none"),
        (
            "question,answer\n",
            "puzzles.csv, row 1: expected the header \"source,question,answer,rating\", found \"question,answer\"",
        ),
        ("\u{1}", "puzzles.csv, row 1: expected UTF-8 text without control characters"),
    ] {
        assert_eq!(read(text).unwrap_err(), expect);
    }
    let not_text = read_csv(&b"source,question,answer,rating\n\xff\xfe"[..], "x", Kind::Sudoku).unwrap_err();
    assert_eq!(not_text.to_string(), "x, row 2: expected UTF-8 text without control characters");
    let missing = read_csv_file(Path::new("/nowhere/puzzles.csv"), Kind::Sudoku).unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/puzzles.csv: "), "{missing}");
}

#[test]
fn packed_and_plain_files_read_alike() {
    let text = rows(100);
    let (_plain_folder, plain) = written(text.as_bytes());
    let (_zipped_folder, zipped) = written(&zip(&text));
    // Two gzip members one after the other are one file.
    let (first, second) = text.split_at(1_000);
    let (_members_folder, members) = written(&[zip(first), zip(second)].concat());
    let expect = read(&text).unwrap();
    assert_eq!(expect.len(), 100);
    for path in [plain, zipped, members] {
        assert_eq!(read_csv_file(&path, Kind::Sudoku).unwrap(), expect);
    }
}

#[test]
fn a_truncated_or_damaged_archive_is_refused() {
    let bytes = zip(&rows(1_000));
    let (_folder, truncated) = written(&bytes[..bytes.len() / 2]);
    let error = read_csv_file(&truncated, Kind::Sudoku).unwrap_err();
    assert!(matches!(&error, DataError::Row { problem: RowError::Read(_), row, .. } if *row > 1), "{error}");
    let mut damaged = bytes.clone();
    let checksum = bytes.len() - 6;
    damaged[checksum] ^= 1;
    let (_folder, damaged) = written(&damaged);
    let error = read_csv_file(&damaged, Kind::Sudoku).unwrap_err();
    assert!(matches!(&error, DataError::Row { problem: RowError::Read(_), row: 1_002, .. }), "{error}");
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused() {
    let bomb = zip(&rows(20_000));
    let unzip = || MultiGzDecoder::new(&bomb[..]);
    let limits = Limits { bytes: 100_000, ..LIMITS };
    let error = read_rows(unzip(), "bomb", Kind::Sudoku, limits).unwrap_err().to_string();
    assert!(error.ends_with("cannot be read: expected at most 100000 bytes, found more"), "{error}");
    let limits = Limits { rows: 1_000, ..LIMITS };
    let error = read_rows(unzip(), "bomb", Kind::Sudoku, limits).unwrap_err().to_string();
    assert_eq!(error, "bomb, row 1002: expected at most 1000 puzzles in a file, found more");
    // One line without an end is given up after its cap, however much follows.
    let zeros = io::repeat(b'0').take(1 << 40);
    let error = read_csv(zeros, "zeros", Kind::Sudoku).unwrap_err().to_string();
    assert_eq!(error, "zeros, row 1: expected at most 4096 bytes in a line, found more");
}

#[test]
fn a_subsample_is_stable_and_uniform() {
    let puzzles = read(&rows(20)).unwrap();
    let ratings =
        |rows, seed| subsample(puzzles.clone(), rows, seed).0.iter().map(|puzzle| puzzle.rating).collect::<Vec<_>>();
    assert_eq!(ratings(20, 1), (0..20).collect::<Vec<_>>());
    assert_eq!(ratings(30, 1), (0..20).collect::<Vec<_>>());
    assert_eq!(ratings(5, 1), ratings(5, 1));
    assert!(ratings(5, 1).is_sorted(), "rows keep their order");
    assert_eq!(ratings(5, 1), [4, 7, 8, 10, 19], "a seed always draws the same rows");
    let mut drawn = [0; 20];
    for seed in 0..4_000 {
        for rating in ratings(5, seed) {
            drawn[rating as usize] += 1;
        }
    }
    // Each row is drawn 1,000 times of 4,000; five standard deviations are 137.
    assert!(drawn.iter().all(|count| (863..=1_137).contains(count)), "{drawn:?}");
}

#[test]
fn a_spec_takes_the_rows_it_names() {
    let (_train_folder, train) = written(rows(30).as_bytes());
    let (_test_folder, test) = written(&zip(&rows(10)));
    let path = |path: &Path| path.display().to_string();
    let spec = CsvSpec {
        kind: Kind::Sudoku,
        train: path(&train),
        test: path(&test),
        train_rows: Some(12),
        test_rows: Some(4),
        validation_rows: 3,
        subsample_seed: 3,
    };
    let dataset = load_csv(&spec).unwrap();
    assert_eq!((dataset.side, dataset.train.len(), dataset.test.len()), (4, 12, 4));
    assert_eq!(dataset.validation.len(), 3);
    let trained = |puzzle: &Puzzle| dataset.train.iter().any(|other| other.rating == puzzle.rating);
    assert!(!dataset.validation.iter().any(trained), "validation rows are none that are trained on");
    assert_eq!(dataset.test[3].rating, 3, "the first test rows");
    let whole = load_csv(&CsvSpec { train_rows: None, test_rows: None, ..spec.clone() }).unwrap();
    assert_eq!((whole.train.len(), whole.validation.len(), whole.test.len()), (27, 3, 10));
    let error = load_csv(&CsvSpec { train_rows: Some(28), ..spec.clone() }).unwrap_err().to_string();
    assert!(error.contains("at most 2 puzzles for validation") && error.ends_with("a wish for 3"), "{error}");
    for (wanted, expect) in [(31, "found 31"), (0, "found 0")] {
        let error = load_csv(&CsvSpec { train_rows: Some(wanted), ..spec.clone() }).unwrap_err().to_string();
        assert!(error.contains("has 30 rows: expected to take 1 to 30 of them") && error.ends_with(expect), "{error}");
    }
}

#[test]
fn published_rows_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/sudoku");
    let file = folder.join("extreme-1k-published.csv.gz");
    if !file.exists() {
        eprintln!("skipped: {} is not on this machine", file.display());
        return;
    }
    let puzzles = read_csv_file(&file, Kind::Sudoku).unwrap();
    assert_eq!(puzzles.len(), 1_000);
    let grid = |board: &Board| Grid::from_cells(board.cells().to_vec()).unwrap();
    assert!(puzzles.iter().all(|puzzle| grid(&puzzle.answer).solves(&grid(&puzzle.question))));
    let unique = puzzles.iter().filter(|puzzle| search::count_solutions(&grid(&puzzle.question), 2) == 1).count();
    assert_eq!(unique, 1_000);
}

#[test]
fn a_maze_of_a_side_that_none_has_is_refused_with_its_row() {
    let read = |row: &str| read_csv(file(row).as_bytes(), "mazes.csv", Kind::Maze).map_err(|error| error.to_string());
    let small = read("a,SG  ,SG  ,1").expect_err("a refusal");
    assert!(
        small.contains("row 2") && small.contains("expected a maze of side 3 to 30, found one of side 2"),
        "{small}"
    );
}
