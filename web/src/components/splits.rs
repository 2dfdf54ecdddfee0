//! The splits of a dataset to choose from.

use hrm_types::dataset::{Dataset, Split};

/// All of them, the held-out ones first.
pub(crate) const SPLITS: [Split; 3] = [Split::Test, Split::Validation, Split::Train];

/// Those that have puzzles: the value and the words of each.
pub(crate) fn splits(dataset: &Dataset) -> Vec<(String, String)> {
    let some = SPLITS.into_iter().filter(|&split| dataset.count(split) > 0);
    some.map(|split| (split.as_str().to_owned(), format!("{} ({})", split.as_str(), dataset.count(split)))).collect()
}
