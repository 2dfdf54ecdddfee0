//! Published scores: an embedded table of claims with their sources. Nothing of it enters the database, so that no claim
//! can ever stand among scores that were measured.

use hrm_types::{
    dataset::Dataset,
    published::{Benchmark, PublishedScore, PublishedScores},
};
use serde::Deserialize;

/// The table's file.
const ROWS: &str = include_str!("rows.toml");

/// Test splits that are known as a benchmark's, by [`hrm_model::data::Dataset::test_hash`].
const TEST_SPLITS: [(Benchmark, &str); 3] =
    [(Benchmark::MazeHard, MAZE_HARD), (Benchmark::ArcAgi1, ARC_AGI_1), (Benchmark::ArcAgi2, ARC_AGI_2)];

const MAZE_HARD: &str = "42f0be479527eaec4c155c8155431dfda48568a26e54e264c2f66b5d46c20a48";
const ARC_AGI_1: &str = "9dc68b7421a2f4ba52a850591a5bd0418e89b790b5e2f2dec0d8af6e2fd8b56b";
const ARC_AGI_2: &str = "42f11c5d4eb6898486b1dbe8f93b349e60109b4abc82669838e8700cfab7974f";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: u32,
    score: Vec<PublishedScore>,
}

/// Every published score, in the order of the table.
///
/// # Errors
/// Where the embedded table is malformed, which a test rules out.
pub fn scores() -> Result<PublishedScores, toml::de::Error> {
    let Table { version, score: items } = toml::from_str(ROWS)?;
    Ok(PublishedScores { version, same_test_split: None, items })
}

/// The published scores on puzzles of a dataset's kind and side, and whether they are on its very test split.
///
/// # Errors
/// As [`scores`].
pub fn beside(dataset: &Dataset) -> Result<PublishedScores, toml::de::Error> {
    let mut scores = scores()?;
    scores.items.retain(|score| (score.benchmark.kind(), score.benchmark.side()) == (dataset.kind, dataset.side));
    Ok(PublishedScores { same_test_split: benchmark_of(dataset), ..scores })
}

/// The benchmark whose test split a dataset has, puzzle for puzzle. Of Sudoku-Extreme none is known: its test split is
/// not at hand.
fn benchmark_of(dataset: &Dataset) -> Option<Benchmark> {
    benchmark_with(dataset.test_hash.as_deref()?)
}

/// The benchmark whose test split has this hash.
pub fn benchmark_with(test_hash: &str) -> Option<Benchmark> {
    TEST_SPLITS.into_iter().find(|(_, known)| *known == test_hash).map(|(benchmark, _)| benchmark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_model::data;
    use hrm_types::{board::Kind, experiment::ArcSpec};
    use std::{collections::BTreeSet, path::Path};

    #[test]
    fn the_published_test_splits_have_the_hashes_they_are_known_by() {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
        let file = |name: &str| Some(shared.join(name)).filter(|path| path.exists());
        let Some(mazes) = file("maze/hard-test.csv.gz") else {
            eprintln!("skipped: {} is not on this machine", shared.display());
            return;
        };
        let test = data::read_csv_file(&mazes, Kind::Maze).expect("the mazes");
        let mazes = data::Dataset { kind: Kind::Maze, side: 30, train: vec![], validation: vec![], test };
        assert_eq!(mazes.test_hash(), MAZE_HARD);
        for (name, hash) in [("arc/ARC-AGI-1.tar.gz", ARC_AGI_1), ("arc/ARC-AGI-2.tar.gz", ARC_AGI_2)] {
            let paths = vec![file(name).expect("the archive").display().to_string()];
            let tasks = data::load_arc(&ArcSpec { paths, validation_tasks: 0, seed: 0 }).expect("the tasks");
            assert_eq!(tasks.test_hash(), hash, "{name}");
        }
    }

    #[test]
    fn every_row_has_a_source_and_is_there_once() {
        let table = scores().expect("the table");
        assert!(table.version >= 1);
        let mut seen = BTreeSet::new();
        for row in &table.items {
            let key = (row.benchmark, row.system.clone(), format!("{:?}", row.metric));
            assert!(seen.insert(key.clone()), "twice: {key:?}");
            assert!(
                (0.0..=100.0).contains(&row.percent) && !row.source.is_empty() && !row.protocol.is_empty(),
                "{row:?}"
            );
            let is_month = |date: &String| date.len() == 7 && date.as_bytes()[4] == b'-';
            assert!(row.date.iter().all(is_month), "{row:?}");
        }
        for benchmark in [Benchmark::SudokuExtreme, Benchmark::MazeHard, Benchmark::ArcAgi1, Benchmark::ArcAgi2] {
            let mut rows = scores().expect("the table").items;
            rows.retain(|row| row.benchmark == benchmark);
            for system in ["HRM", "TRM"] {
                assert!(rows.iter().any(|row| row.system.starts_with(system)), "no {system} on {benchmark:?}");
            }
        }
    }
}
