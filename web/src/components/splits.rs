//! The splits of a dataset to choose from.

use super::select::standing;
use hrm_types::dataset::{Dataset, Split};

/// All of them, the held-out ones first.
const SPLITS: [Split; 3] = [Split::Test, Split::Validation, Split::Train];

/// Those that have puzzles: the value and the words of each.
pub(crate) fn splits(dataset: &Dataset) -> Vec<(String, String)> {
    let some = SPLITS.into_iter().filter(|&split| dataset.count(split) > 0);
    some.map(|split| (split.as_str().to_owned(), format!("{} ({})", split.as_str(), dataset.count(split)))).collect()
}

/// The one that a choice among these shows: another dataset may not have the split that was chosen for the one before.
pub(crate) fn shown(offered: &[(String, String)], chosen: &str) -> Option<Split> {
    let shown = standing(offered, chosen);
    SPLITS.into_iter().find(|split| split.as_str() == shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_that_is_not_there_is_not_asked_for() {
        let offered = [Split::Test, Split::Train].map(|split| (split.as_str().to_owned(), String::new()));
        assert_eq!(shown(&offered, "train"), Some(Split::Train));
        assert_eq!(shown(&offered, "validation"), Some(Split::Test));
        assert_eq!(shown(&[], ""), None);
    }
}
