//! Names that several rows of a list have: their seeds tell which is which.

use std::collections::BTreeSet;

/// Those of the names that come more than once.
pub(crate) fn repeated<'a>(names: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| !seen.insert(*name)).cloned().collect()
}

/// What a row is called among rows of which these names are `repeated`: `swept, seed 3`.
pub(crate) fn called(name: &str, seed: u64, repeated: &BTreeSet<String>) -> String {
    if repeated.contains(name) { format!("{name}, seed {seed}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_is_told_with_its_seed() {
        let names = ["swept", "first", "swept", "swept"].map(str::to_owned);
        let repeated = repeated(&names);
        assert_eq!(called("swept", 3, &repeated), "swept, seed 3");
        assert_eq!(called("first", 3, &repeated), "first");
    }
}
