//! Names that several rows of a list have: their seeds tell which is which.

use std::collections::BTreeSet;

/// Those of the names that come more than once.
pub(crate) fn repeated<'a>(names: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| !seen.insert(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_is_repeated() {
        let names = ["swept", "first", "swept", "swept"].map(str::to_owned);
        assert_eq!(repeated(&names).into_iter().collect::<Vec<_>>(), ["swept"]);
    }
}
