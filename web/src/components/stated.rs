//! The score that a model ships with, where none is known here: it was measured before, on other machines.

use crate::format;
use hrm_types::model;
use leptos::prelude::*;

/// What a stated score is, in full.
const TITLE: &str =
    "Measured before it shipped: halting by Q, on the test puzzles of its own configuration; not measured here";

/// The score with the word that tells it from measured ones.
#[component]
pub(crate) fn Stated(stated: model::Stated) -> impl IntoView {
    view! {
        <span title=TITLE>{format::percent(stated.exact_accuracy)}</span>
        <span class="aside" title=TITLE>{words(stated)}</span>
    }
}

/// Where it comes from, in short: `stated, 1,000 puzzles`.
fn words(stated: model::Stated) -> String {
    format!("stated, {}", format::counted(stated.n.into(), "puzzle"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stated_score_is_called_so() {
        assert_eq!(words(model::Stated { exact_accuracy: 0.848, n: 1_000 }), "stated, 1,000 puzzles");
    }
}
