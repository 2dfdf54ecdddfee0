//! Published collections, and files that are none.

use super::*;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use proptest::prelude::*;
use std::{io::Write, path::PathBuf};

const TASK: &str =
    r#"{"train": [{"input": [[1, 2]], "output": [[2], [1]]}], "test": [{"input": [[3]], "output": [[4]]}]}"#;

fn published(archive: &str) -> Option<Vec<Task>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/arc").join(archive);
    if !path.exists() {
        eprintln!("skipped: {} is not on this machine", path.display());
        return None;
    }
    Some(read(&path).unwrap())
}

fn in_set(tasks: &[Task], set: Set) -> usize {
    tasks.iter().filter(|task| task.set == set).count()
}

#[test]
fn arc_agi_1_has_400_and_400_tasks() {
    let Some(tasks) = published("ARC-AGI-1.tar.gz") else { return };
    assert_eq!((in_set(&tasks, Set::Training), in_set(&tasks, Set::Evaluation)), (400, 400));
    assert!(tasks.is_sorted_by(|a, b| a.name < b.name));
    let tests = |set| tasks.iter().filter(|task| task.set == set).map(|task| task.test.len()).sum::<usize>();
    assert_eq!((tests(Set::Training), tests(Set::Evaluation)), (416, 419));
    assert!(tasks.iter().all(|task| task.test.iter().all(|test| test.output.is_some())));
    assert_eq!(tasks.iter().map(Task::longest_side).max(), Some(30));
}

#[test]
fn arc_agi_2_has_1000_and_120_tasks_and_shares_most_of_arc_agi_1() {
    let Some(tasks) = published("ARC-AGI-2.tar.gz") else { return };
    assert_eq!((in_set(&tasks, Set::Training), in_set(&tasks, Set::Evaluation)), (1_000, 120));
    let Some(first) = published("ARC-AGI-1.tar.gz") else { return };
    let error = merge(vec![("ARC-AGI-1".into(), first), ("ARC-AGI-2".into(), tasks)]).unwrap_err().to_string();
    assert!(error.starts_with("ARC-AGI-2: expected tasks of different names, found "), "{error}");
}

#[test]
fn concept_arc_has_160_tasks_without_its_minimal_ones() {
    let Some(tasks) = published("ConceptARC.tar.gz") else { return };
    assert_eq!((tasks.len(), in_set(&tasks, Set::Evaluation)), (160, 0));
    assert!(tasks.iter().all(|task| task.test.len() == 3));
    let Some(first) = published("ARC-AGI-1.tar.gz") else { return };
    let both = merge(vec![("ARC-AGI-1".into(), first), ("ConceptARC".into(), tasks)]).unwrap();
    assert_eq!(both.len(), 960, "what the published experiments were trained on");
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// A gzipped tar archive of these files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        // Set by hand, because the library refuses to write the names that a reader must refuse.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// Writes bytes to a file and reads it as a collection.
fn read_bytes(bytes: &[u8]) -> Result<Vec<Task>, String> {
    let folder = folder(&[("tasks.tar.gz", bytes)]);
    let prefix = folder.path().display().to_string();
    read(&folder.path().join("tasks.tar.gz")).map_err(|error| error.to_string().replace(&(prefix + "/"), ""))
}

#[test]
fn a_folder_and_its_archive_are_the_same_tasks() {
    let competition = r#"{"name": "x", "train": [{"input": [[0]], "output": [[9]]}], "test": [{"input": [[1]]}]}"#;
    let files: [(&str, &[u8]); 6] = [
        ("data/MinimalTasks/d.json", TASK.as_bytes()),
        ("data/training/b.json", TASK.as_bytes()),
        ("data/evaluation/a.json", competition.as_bytes()),
        ("c.json", TASK.as_bytes()),
        ("data/LICENSE", b"not a task"),
        ("data/training/._b.json", b"\0hidden"),
    ];
    let folder = folder(&files);
    let tasks = read(folder.path()).unwrap();
    let summary: Vec<(&str, Set, &str)> =
        tasks.iter().map(|task| (task.name.as_str(), task.set, task.folder.as_str())).collect();
    assert_eq!(
        summary,
        [("a", Set::Evaluation, "evaluation"), ("b", Set::Training, "training"), ("c", Set::Training, "")]
    );
    assert_eq!(tasks[0].test[0].output, None, "a competition's test");
    assert_eq!(read_bytes(&archive(&files)).unwrap(), tasks);
    assert_eq!(read(&folder.path().join("data/MinimalTasks")).unwrap().len(), 1, "asked for by name");
}

#[test]
fn a_file_that_is_no_task_is_refused_with_its_place() {
    let row = |cells: usize| format!("[{}]", vec!["1"; cells].join(","));
    let with =
        |grid: &str| format!(r#"{{"train": [{{"input": {grid}, "output": [[1]]}}], "test": [{{"input": [[1]]}}]}}"#);
    let pairs = vec![r#"{"input": [[1]], "output": [[1]]}"#; 101].join(",");
    for (text, expect) in [
        (with("[[1, 2], [3]]"), "train, pair 1, input: expected 2 cells in every row, found 1 in row 2"),
        (with("[]"), "train, pair 1, input: expected 1 to 30 rows and columns, found 0 × 0"),
        (with("[[]]"), "train, pair 1, input: expected 1 to 30 rows and columns, found 1 × 0"),
        (with(&format!("[{}]", row(31))), "train, pair 1, input: expected 1 to 30 rows and columns, found 1 × 31"),
        (
            with(&format!("[{}]", vec!["[1]"; 300].join(","))),
            "train, pair 1, input: expected 1 to 30 rows and columns, found 300 × 1",
        ),
        (with("[[1, 2], [3, 10]]"), "train, pair 1, input, row 2, column 2: expected a colour from 0 to 9, found 10"),
        (with("[[256]]"), "invalid value: integer `256`, expected u8 at line 1 column 26"),
        (with("[[-1]]"), "invalid value: integer `-1`, expected u8"),
        (with("[[1.5]]"), "invalid type: floating point `1.5`, expected u8"),
        (with("[[\"1\"]]"), "invalid type: string \"1\", expected u8"),
        (with(&format!("[[\"{}\"]]", "long".repeat(100_000))), "… at line 1 column 400025"),
        (with("[[null]]"), "invalid type: null, expected u8"),
        (with("[[[1]]]"), "invalid type: sequence, expected u8"),
        (with("7"), "invalid type: integer `7`, expected a sequence"),
        (with(&"[".repeat(100_000)), "expected u8"),
        (format!(r#"{{"name": {}, "train": [], "test": []}}"#, "[".repeat(100_000)), "expected value at line 1"),
        ("{}".to_owned(), "missing field `train`"),
        ("[]".to_owned(), "invalid length 0"),
        (String::new(), "EOF while parsing a value"),
        (TASK[..60].to_owned(), "EOF while parsing"),
        (format!("{TASK} 1"), "trailing characters"),
        (TASK.replace("\"test\"", "\"train\""), "duplicate field `train`"),
        (TASK.replace("1, 2", "1, \u{0}"), "expected value"),
        (r#"{"train": [], "test": [{"input": [[1]]}]}"#.to_owned(), "train: expected 1 to 100 pairs, found 0"),
        (with("[[1]]").replace("[{\"input\": [[1]]}]", "[]"), "test: expected 1 to 100 pairs, found 0"),
        (
            format!(r#"{{"train": [{pairs}], "test": [{{"input": [[1]]}}]}}"#),
            "train: expected 1 to 100 pairs, found 101",
        ),
        (with("[[1]]").replace(", \"output\": [[1]]", ""), "train, pair 1: expected an output, found none"),
    ] {
        let shown = &text[..text.len().min(80)];
        let error = read_bytes(&archive(&[("data/a.json", text.as_bytes())])).expect_err(shown);
        assert!(error.starts_with("tasks.tar.gz: data/a.json: "), "{shown}: {error}");
        assert!(error.contains(expect), "{shown}: {error}");
    }
}

#[test]
fn an_archive_that_is_none_is_refused() {
    let good = archive(&[("a.json", TASK.as_bytes()), ("b.json", TASK.as_bytes())]);
    for cut in [3, 20, good.len() / 2, good.len() - 9, good.len() - 1] {
        let error = read_bytes(&good[..cut]).expect_err("cut short");
        assert!(error.starts_with("tasks.tar.gz: "), "{cut}: {error}");
    }
    let mut damaged = good.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    assert!(read_bytes(&damaged).unwrap_err().contains("corrupt"), "the checksum at the end");
    let mut noise = GzEncoder::new(Vec::new(), Compression::fast());
    noise.write_all(&[7; 5_000]).unwrap();
    assert!(read_bytes(&noise.finish().unwrap()).is_err(), "gzipped, but no archive");
    assert!(read_bytes(TASK.as_bytes()).unwrap_err().contains("expected a folder or a gzipped tar archive"));
    assert!(read_bytes(b"").unwrap_err().contains("expected a folder or a gzipped tar archive"));
    let empty = read_bytes(&archive(&[("README.md", b"nothing")])).unwrap_err();
    assert_eq!(empty, "tasks.tar.gz: expected at least one task (a .json file), found none");
    assert!(read(&PathBuf::from("/nowhere/at all")).unwrap_err().to_string().starts_with("/nowhere/at all: "));
}

#[test]
fn names_that_are_none_or_come_twice_are_refused() {
    let task = TASK.as_bytes();
    for (files, expect) in [
        (vec![("../a.json", task)], "tasks.tar.gz: ../a.json: expected files and folders with paths below"),
        (vec![("x/../../a.json", task)], "one that leads elsewhere"),
        (vec![("/etc/a.json", task)], "one that leads elsewhere"),
        (vec![("a b.json", task)], "expected a name of 1 to 64 letters, digits, '-', '_' and '.', found \"a b\""),
        (vec![("ä.json", task)], "found \"ä\""),
        (vec![("\u{1b}[2J.json", task)], "tasks.tar.gz: \\u{1b}[2J.json: expected a name"),
        (
            vec![("x/a.json", task), ("y/a.json", task)],
            "tasks.tar.gz: y/a.json: expected tasks of different names, found \"a\" in tasks.tar.gz: x/a.json already",
        ),
    ] {
        let error = read_bytes(&archive(&files)).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }
    let long = format!("{}.json", "a".repeat(65));
    assert!(read_bytes(&archive(&[(&long, task)])).unwrap_err().contains("expected a name of 1 to 64"));
}

#[test]
fn links_are_refused() {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "a.json", "/etc/passwd").unwrap();
    let error = read_bytes(&builder.into_inner().unwrap().finish().unwrap()).unwrap_err();
    assert!(error.ends_with("found a link or a device"), "{error}");

    let folder = folder(&[("b.json", TASK.as_bytes())]);
    std::os::unix::fs::symlink(folder.path().join("b.json"), folder.path().join("a.json")).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("a.json: ") && error.ends_with("found a link or a device"), "{error}");
    fs::remove_file(folder.path().join("a.json")).unwrap();
    // A link to a folder is no folder, so a circle of them ends nothing.
    std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
    assert_eq!(read(folder.path()).unwrap().len(), 1);
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let spaces = vec![b' '; 5 << 20];
    let long = read_bytes(&archive(&[("a.json", &spaces)])).unwrap_err();
    assert_eq!(long, "tasks.tar.gz: a.json: expected at most 4194304 bytes, found more");
    let folder = folder(&[("a.json", &spaces)]);
    assert!(read(folder.path()).unwrap_err().to_string().ends_with("expected at most 4194304 bytes, found more"));
    // 80 MB of zeros in a file that is passed over.
    let bomb = vec![0; 80 << 20];
    let error = read_bytes(&archive(&[("bomb", &bomb), ("a.json", TASK.as_bytes())])).unwrap_err();
    assert!(error.contains("expected at most 67108864 bytes, found more"), "{error}");
    let deep = format!("{}a.json", "d/".repeat(MAX_DEPTH + 1));
    let error = read(self::folder(&[(&deep, TASK.as_bytes())]).path()).unwrap_err().to_string();
    assert!(error.ends_with("expected at most 8 folders inside each other, found more"), "{error}");
}

proptest! {
    #[test]
    fn no_damage_makes_reading_panic(damage in proptest::collection::vec((0usize..4_096, 0u8..=255), 1..40), end in 0usize..4_096) {
        let mut good = Vec::new();
        GzDecoder::new(&archive(&[("data/a.json", TASK.as_bytes()), ("b.json", TASK.as_bytes())])[..]).read_to_end(&mut good).unwrap();
        for (at, byte) in damage {
            let at = at % good.len();
            good[at] = byte;
        }
        good.truncate(end.max(600));
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(&good).unwrap();
        if let Err(error) = read_bytes(&zipped.finish().unwrap()) {
            prop_assert!(error.starts_with("tasks.tar.gz: ") && error.len() < 1_000, "{}", error);
        }
    }

    #[test]
    fn no_damage_makes_a_task_panic(damage in proptest::collection::vec((0usize..200, 0u8..=255), 1..10)) {
        let mut text = TASK.as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at % text.len();
            text[at] = byte;
        }
        if let Ok((train, test)) = json::parse(&text) {
            prop_assert!(!train.is_empty() && !test.is_empty());
        }
    }
}
