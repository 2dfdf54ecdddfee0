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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_score_is_called_so() {
        assert_eq!(exact_words(0.5, false), format!("{} exact", crate::format::percent(0.5)));
        assert!(exact_words(0.5, true).ends_with(" exact (claimed)"));
    }
}
