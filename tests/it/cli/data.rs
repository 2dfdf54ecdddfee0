//! `hrm data`: what is imported is whole, or nothing is stored.

use super::program::{Place, shared};
use std::{fs, path::Path};

const GOOD: &str = "a,1.3.34.22.43.321,1234341221434321,0";

/// Rows of the list of datasets, without its heading.
fn listed(place: &Place) -> Vec<String> {
    let list = place.hrm(&["data", "list"]).succeeds();
    let mut lines = list.lines().map(str::to_owned);
    assert!(lines.next().is_some_and(|heading| heading.starts_with("id ")), "{list}");
    lines.collect()
}

#[test]
fn a_bad_file_names_its_row_and_stores_nothing() {
    let place = Place::new();
    for (rows, expect) in [
        (
            format!("{GOOD}\n{GOOD}\na,2.3.34.22.43.321,1234341221434321,0\n"),
            "bad.csv, row 4: answer: expected a solution of the question, but row 1, column 1: the given 2 became 1",
        ),
        (
            format!("{GOOD}\na,1.3.34.22.43.321,1234341221434321\n"),
            "bad.csv, row 3: expected 4 fields (source, question, answer, rating), found 3",
        ),
        (
            "a,1.3.34.22.43.3214,1234341221434321,0\n".to_owned(),
            "bad.csv, row 2: question: expected 16, 36 or 81 characters, found 17",
        ),
        (
            format!("{GOOD}\na,1.3.34.22.43.32x,1234341221434321,0\n"),
            "bad.csv, row 3: question, character 16: expected 1 to 4, or . or 0 for a blank, found 'x'",
        ),
        (String::new(), "bad.csv: expected at least one puzzle below the header, found none"),
    ] {
        place.write("bad.csv", format!("source,question,answer,rating\n{rows}"));
        assert_eq!(place.hrm(&["data", "import", "sudoku", "bad.csv", "--test-rows", "1"]).fails(), expect);
    }
    // A good training file is not stored either where its test file is bad.
    place.write("good.csv", format!("source,question,answer,rating\n{GOOD}\n"));
    let both = place.hrm(&["data", "import", "sudoku", "good.csv", "--test", "bad.csv"]).fails();
    assert_eq!(both, "bad.csv: expected at least one puzzle below the header, found none");
    // One row cannot be both trained on and tested with.
    assert_eq!(
        place.hrm(&["data", "import", "sudoku", "good.csv"]).fails(),
        "good.csv: expected at least two rows, the last for the test split, found 1: add some, or name a file of test rows \
         with --test"
    );
    assert_eq!(listed(&place), Vec::<String>::new());
}

#[test]
fn generated_puzzles_are_stored_once() {
    let place = Place::new();
    let generate = |name: &str| {
        let spec = ["--side", "4", "--train", "50", "--test", "10", "--givens", "6", "9", "--seed", "5"];
        place.hrm(&[&["data", "generate"][..], &spec, &["--name", name]].concat())
    };
    let first = generate("small").succeeds();
    assert!(
        first.starts_with("small: 50 training, 0 validation and 10 test puzzles, sudoku of side 4, id "),
        "{first}"
    );
    assert_eq!(generate("small").succeeds(), first);
    let other = generate("other").fails();
    assert!(other.starts_with("exactly these puzzles are stored already, as small: use that name"), "{other}");
    let listed = listed(&place);
    assert!(matches!(&listed[..], [row] if row.contains(" small ") && row.ends_with("generated")), "{listed:?}");
    // Other puzzles need another name.
    place.write("two.csv", format!("source,question,answer,rating\n{GOOD}\n{GOOD}\n"));
    let taken = place.hrm(&["data", "import", "sudoku", "two.csv", "--name", "small"]).fails();
    assert_eq!(taken, "a dataset named \"small\" is stored already; choose another with --name");
}

#[test]
fn a_name_means_the_dataset_of_the_team_that_is_named() {
    let place = Place::new();
    place
        .hrm_with_input(&["user", "add", "ann", "--role", "admin", "--team", "puzzlers"], "password of ann\n")
        .succeeds();
    let generate = |team: &str, seed: &str| {
        let spec = ["--side", "4", "--train", "5", "--test", "2", "--givens", "6", "9", "--seed", seed];
        place.hrm(&[&["data", "generate", "--name", "ours", "--team", team][..], &spec].concat()).succeeds()
    };
    generate("local", "1");
    generate("puzzlers", "2");
    let seed = |arguments: &[&str]| {
        let shown = place.hrm(&[&["data", "show", "ours"], arguments].concat()).succeeds();
        let line = shown.lines().find(|line| line.starts_with("seed")).expect("a seed").to_owned();
        line.split_whitespace().next_back().expect("a number").to_owned()
    };
    assert_eq!((seed(&[]), seed(&["--team", "puzzlers"])), ("1".into(), "2".into()));
    let unknown = place.hrm(&["data", "show", "ours", "--team", "nobody"]).fails();
    assert!(unknown.starts_with("no team is called \"nobody\"; there are: "), "{unknown}");
}

#[test]
fn the_published_thousand_are_imported() {
    let Some(file) = shared("data/sudoku/extreme-1k-published.csv.gz") else { return };
    let place = Place::new();
    let file = file.to_str().expect("UTF-8");
    let import = ["data", "import", "sudoku", file, "--test-rows", "100", "--name", "published"];
    let stored = place.hrm(&import).succeeds();
    assert!(
        stored.contains("published: 900 training, 0 validation and 100 test puzzles, sudoku of side 9, id "),
        "{stored}"
    );
    let listed = listed(&place);
    assert!(matches!(&listed[..], [row] if row.contains(" published ")), "{listed:?}");
    assert!(listed[0].ends_with("extreme-1k-published.csv.gz"), "{listed:?}");
}

#[test]
fn the_published_mazes_are_imported() {
    let (Some(train), Some(test)) = (shared("data/maze/hard-train.csv.gz"), shared("data/maze/hard-test.csv.gz"))
    else {
        return;
    };
    let place = Place::new();
    let (train, test) = (train.to_str().expect("UTF-8"), test.to_str().expect("UTF-8"));
    let import = ["data", "import", "maze", train, "--test", test, "--validation", "100", "--name", "mazes"];
    let stored = place.hrm(&import).succeeds();
    assert!(
        stored.contains("mazes: 900 training, 100 validation and 1,000 test puzzles, maze of side 30, id "),
        "{stored}"
    );
    assert!(stored.contains("up to symmetry, 0 test and 0 validation puzzles are trained on"), "{stored}");
}

#[test]
fn published_arc_tasks_are_imported_by_the_published_assignment() {
    let Some(archive) = shared("data/arc/ARC-AGI-1.tar.gz") else { return };
    let place = Place::new();
    let archive = archive.to_str().expect("UTF-8");
    let import = ["data", "import", "arc", archive, "--license", "Apache-2.0", "--name", "arc-1"];
    let stored = place.hrm(&import).succeeds();
    // 1,302 demonstrations and 416 tests of training tasks, 1,363 demonstrations and 419 tests of evaluation tasks.
    assert!(
        stored.contains("arc-1: 3,081 training, 0 validation and 419 test puzzles, arc of side 30, id "),
        "{stored}"
    );
}

#[test]
fn a_stored_dataset_is_written_in_every_format_of_its_kind_and_comes_back() {
    let place = Place::new();
    let spec =
        ["--side", "4", "--train", "30", "--test", "10", "--validation", "5", "--givens", "6", "9", "--seed", "5"];
    place.hrm(&[&["data", "generate"][..], &spec, &["--name", "made"]].concat()).succeeds();
    let csv = ["sudoku", "csv/train.csv", "--test", "csv/test.csv", "--validation-file", "csv/validation.csv"];
    for (format, import, name) in [("csv", &csv[..], "from-csv"), ("arrays", &["folder", "arrays"], "from-arrays")] {
        let export = ["data", "export", "made", "--out", format, "--format", format];
        let written = place.hrm(&export).succeeds();
        assert_eq!(written, format!("wrote {format}: 30 training, 5 validation and 10 test puzzles of made\n"));
        assert!(place.hrm(&export).fails().contains("found a folder"), "{format} is there already");
        let stored = place.hrm(&[&["data", "import"], import, &["--name", name]].concat());
        if format == "csv" {
            let known = stored.fails();
            assert!(known.starts_with("exactly these puzzles are stored already, as made: "), "{known}");
        } else {
            // Arrays hold no ratings.
            stored.succeeds();
        }
    }
    let refused = place.hrm(&["data", "export", "made", "--out", "json", "--format", "json"]).fails();
    assert_eq!(refused, "expected arrays or csv for sudoku, found json");
    assert!(!place.path("json").exists());
    let listed = listed(&place);
    let counts = |name: &str| {
        let row = listed.iter().find(|row| row.contains(&format!(" {name} "))).expect("it is stored");
        row.split_whitespace().skip(1).take(5).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(counts("from-arrays"), counts("made"));
}

#[test]
fn a_builders_folder_is_stored_as_its_original_puzzles() {
    let (Some(sudoku), Some(arc)) =
        (shared("fixtures/datasets/sudoku-upstream"), shared("fixtures/datasets/arc-upstream"))
    else {
        return;
    };
    let place = Place::new();
    let import = |folder: &Path| place.hrm(&["data", "import", "folder", folder.to_str().expect("UTF-8")]).succeeds();
    let stored = import(&sudoku);
    assert!(
        stored.starts_with("sudoku-upstream: 40 training, 0 validation and 40 test puzzles, sudoku of side 9"),
        "{stored}"
    );
    let stored = import(&arc);
    assert!(
        stored.starts_with("arc-upstream: 47 training, 0 validation and 6 test puzzles, arc of side 30"),
        "{stored}"
    );
    place.hrm(&["data", "export", "arc-upstream", "--out", "tasks", "--format", "json"]).succeeds();
    let again = place.hrm(&["data", "import", "arc", "tasks", "--name", "tasks"]).succeeds();
    assert!(again.contains("47 training, 0 validation and 6 test puzzles, arc of side 30"), "{again}");
}

#[test]
fn what_is_exported_as_in_the_examples_lies_where_they_are_run() {
    let help = Place::new().hrm(&["help", "data", "export"]).succeeds();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("README.md");
    for text in [help, readme] {
        let examples = text.lines().map(str::trim).filter(|line| line.starts_with("hrm data export "));
        let examples: Vec<&str> = examples.collect();
        assert!(!examples.is_empty(), "{text}");
        for example in examples {
            let (_, out) = example.split_once("--out ").expect("a folder");
            let folder = out.split(' ').next().expect("its name");
            assert!(!folder.contains('/'), "no other folder has to be there: {example}");
        }
    }
}
