//! How curves of one colour are told apart: by dashes, and by shades where those are not enough.

use leptos::prelude::*;

/// Dashes that `chart.css` knows, none among them.
const DASHES: u8 = 7;
/// Shades that `chart.css` knows.
const SHADES: u8 = 3;

/// How the `nth` curve of its colour is dashed.
pub(super) fn dash(nth: u8) -> u8 {
    nth % DASHES
}

/// How the `nth` curve of its colour is shaded.
pub(super) fn shade(nth: u8) -> u8 {
    nth / DASHES % SHADES
}

/// A short piece of a curve, to stand beside its name.
#[component]
pub(crate) fn LineMark(
    /// Its colour: 0 to 7, as in `chart.css`.
    tone: u8,
    /// Which curve of that colour it is.
    nth: u8,
) -> impl IntoView {
    view! {
        <svg class="line-mark" data-tone=tone data-dash=dash(nth) data-shade=shade(nth) width="24" height="4" aria-hidden="true">
            <path d="M0 2H24" />
        </svg>
    }
}

/// A group that gives the curve in it its colour, dashes and shade.
#[component]
pub(crate) fn Stroke(tone: u8, nth: u8, children: Children) -> impl IntoView {
    view! { <g data-tone=tone data-dash=dash(nth) data-shade=shade(nth)>{children()}</g> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_curves_of_a_colour_as_can_be_compared_all_look_different() {
        let mut looks: Vec<_> = (0..20).map(|nth| (dash(nth), shade(nth))).collect();
        looks.sort_unstable();
        looks.dedup();
        assert_eq!(looks.len(), 20);
    }
}
