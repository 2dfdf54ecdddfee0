//! The rules of the house that no compiler checks: sizes, and what may stand where.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines a source file may have; tests may have more.
const MOST_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace around this package").to_path_buf()
}

/// A Rust file of the workspace.
struct Source {
    /// Relative to the workspace's root, with forward slashes.
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

fn sources() -> Vec<Source> {
    let root = root();
    let mut folders: Vec<PathBuf> = ["api", "model", "web", "tests"].map(|folder| root.join(folder)).into();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a readable source file");
                let path = path.strip_prefix(&root).expect("a file of the workspace");
                sources.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 50, "found only {} source files: is this the workspace?", sources.len());
    sources
}

/// Fails with everything that breaks a rule, one a line.
fn none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

/// Lines of `source` outside comments that contain one of `words`.
fn lines_with(source: &Source, words: &[&str]) -> Vec<String> {
    let found = source.text.lines().enumerate().filter(|(_, line)| {
        let code = line.trim_start();
        !code.starts_with("//") && words.iter().any(|word| code.contains(word))
    });
    found.map(|(i, line)| format!("{}:{}: {}", source.path, i + 1, line.trim())).collect()
}

#[test]
fn no_file_is_longer_than_a_room() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| !source.is_test())
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    none("at most 600 lines in a file", &long);
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> =
        sources().into_iter().filter(|source| !source.text.starts_with("//! ")).map(|source| source.path).collect();
    none("every file begins with a //! line", &silent);
}

#[test]
fn sql_stays_in_the_store() {
    let words = ["query!(", "query_as!(", "query_scalar!(", "sqlx::query", "raw_sql("];
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| source.path.starts_with("api/") && !source.path.starts_with("api/src/store/"))
        .filter(|source| !source.is_test())
        .flat_map(|source| lines_with(source, &words))
        .collect();
    none("SQL only in api/src/store", &found);
}

#[test]
fn unsafe_code_stays_in_the_kernels() {
    // `unsafe_code` is what an exception from the workspace's lint has to name.
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| !source.path.starts_with("model/src/kernels/") && source.path != "tests/it/house.rs")
        .flat_map(|source| lines_with(source, &["unsafe_code", "unsafe {", "unsafe fn", "unsafe impl"]))
        .collect();
    none("unsafe only in model/src/kernels", &found);
}

#[test]
fn pickles_are_opened_on_the_command_line_alone() {
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| source.path.starts_with("api/") && !source.path.starts_with("api/src/cli/"))
        .flat_map(|source| lines_with(source, &["upstream"]))
        .collect();
    none("the server and its workers never import a checkpoint of the reference code", &found);
}

#[test]
fn arrows_between_crates_point_one_way() {
    let broken: Vec<String> = [
        ("api/types/Cargo.toml", &["hrm-model", "hrm-api", "hrm-web", "tokio", "sqlx", "axum"][..]),
        ("model/Cargo.toml", &["hrm-api", "hrm-web", "tokio", "sqlx", "axum"]),
        ("web/Cargo.toml", &["hrm-api", "tokio", "sqlx", "axum"]),
        ("api/Cargo.toml", &["hrm-web", "it"]),
    ]
    .iter()
    .flat_map(|(manifest, forbidden)| {
        let text = fs::read_to_string(root().join(manifest)).expect("a readable manifest");
        let named =
            |line: &str, name: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '.', '=']));
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        forbidden
            .iter()
            .filter(move |name| lines.iter().any(|line| named(line, name)))
            .map(move |name| format!("{manifest} depends on {name}"))
    })
    .collect();
    none("types, model and page know nothing of the server", &broken);
}

#[test]
fn what_crosses_the_wire_has_names_of_its_own() {
    // The OpenAPI document knows a type by its bare name: of two, one would be described as the other.
    let mut names: Vec<(String, String)> = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("api/")) {
        let mut described = false;
        for line in source.text.lines().map(str::trim_start) {
            described |= line.starts_with("#[") && line.contains("ToSchema");
            let declared = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "));
            if let Some(name) = declared.filter(|_| described) {
                let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                names.push((name.to_owned(), source.path.clone()));
                described = false;
            }
        }
    }
    assert!(names.len() > 50, "found only {}", names.len());
    names.sort();
    let twice = names.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| format!("{pair:?}"));
    none("each of these names two types", &twice.collect::<Vec<_>>());
}
