//! The word beside a score that came with an import: one that was measured here must not be taken for it.

use leptos::prelude::*;

/// What a claimed score is, in full.
const TITLE: &str = "Said by who imported it; not measured here";

/// The badge, where the score is `claimed`; where there is room, with what it means in words that can be read on any device.
#[component]
pub(crate) fn Claimed(
    claimed: bool,
    /// Whether there is room.
    #[prop(optional)]
    in_full: bool,
) -> impl IntoView {
    let words = if in_full { "claimed, not measured here" } else { "claimed" };
    claimed.then(|| view! { <span class="badge" data-kind="claimed" title=TITLE>{words}</span> })
}

/// A share that is told in a line of words, and whether it is claimed.
pub(crate) fn exact_words(exact_accuracy: f64, claimed: bool) -> String {
    let claimed = if claimed { " (claimed)" } else { "" };
    format!("{} exact{claimed}", crate::format::percent(exact_accuracy))
}

/// The best that is known of a model, in a line of words: its score, or else the one that it is stated to have.
pub(crate) fn known_words(score: Option<f64>, claimed: bool, stated: Option<f64>) -> Option<String> {
    let stated = || stated.map(|share| format!("{} exact (stated)", crate::format::percent(share)));
    score.map(|share| exact_words(share, claimed)).or_else(stated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_score_is_called_so() {
        assert_eq!(exact_words(0.5, false), format!("{} exact", crate::format::percent(0.5)));
        assert!(exact_words(0.5, true).ends_with(" exact (claimed)"));
    }

    #[test]
    fn what_a_model_is_stated_to_reach_is_told_where_nothing_was_measured() {
        assert_eq!(known_words(Some(0.5), false, Some(0.848)).as_deref(), Some("50.0 % exact"));
        assert_eq!(known_words(None, false, Some(0.848)).as_deref(), Some("84.8 % exact (stated)"));
        assert_eq!(known_words(None, false, None), None);
    }
}
