//! The buttons that turn the pages of a list whose place is kept in the address.

use leptos::prelude::*;

/// Where a page begins; nothing for the first.
type Place = Option<String>;

/// Previous, next, and where one is. Buttons that lead nowhere stay, with the focus if they have it.
#[component]
pub(crate) fn Turn(
    /// What the pages are of, for those who do not see it.
    label: &'static str,
    /// Which list the pages are of, where there are several: a page of one is not before that of another.
    #[prop(into)]
    of: Signal<String>,
    /// Where the page that is shown begins.
    after: Memo<Place>,
    go: SignalSetter<Place>,
    /// Where the next page begins; nothing on the last.
    #[prop(into)]
    next: Signal<Place>,
    /// Where one is, in words.
    #[prop(into)]
    place: Signal<Option<String>>,
) -> impl IntoView {
    let trail = RwSignal::new(Trail::from(of.get_untracked(), after.get_untracked()));
    Effect::new(move |_| {
        let here = (of.get(), after.get());
        trail.update(|trail| trail.arrive(here));
    });
    let forth = move |_| {
        if let Some(next) = next.get_untracked() {
            trail.update(|trail| trail.lead_to(next.clone()));
            go.set(Some(next));
        }
    };
    let back = move |_| {
        if after.with_untracked(Option::is_some) {
            go.set(trail.with_untracked(|trail| trail.before().cloned().flatten()));
        }
    };
    let at_start = move || after.with(Option::is_none);
    let at_end = move || next.with(Option::is_none);
    // Who has turned pages back sees the buttons also while the first page comes, so that they keep the focus.
    let single = move || at_start() && at_end() && trail.with(|trail| trail.places.len() < 2);
    view! {
        <nav class="turn" aria-label=label>
            <button type="button" hidden=single aria-disabled=move || at_start().to_string() on:click=back>
                {move || if trail.with(|trail| trail.before().is_none()) && !at_start() { "First" } else { "Previous" }}
            </button>
            <button type="button" hidden=single aria-disabled=move || at_end().to_string() on:click=forth>"Next"</button>
            <span class="muted" role="status">{move || place.get()}</span>
        </nav>
    }
}

/// The pages one after the other, as far as they are known, and which of them is shown. The address is changed by others,
/// too: by the browser's history, and by whoever opens another list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trail {
    of: String,
    places: Vec<Place>,
    at: usize,
}

impl Trail {
    /// A page that was opened by its address has none before it but the first.
    fn from(of: String, place: Place) -> Self {
        Self { of, places: vec![place], at: 0 }
    }

    /// That page of that list is shown now.
    fn arrive(&mut self, (of, place): (String, Place)) {
        let known = self.places.iter().position(|known| *known == place).filter(|_| self.of == of);
        match known {
            Some(at) => self.at = at,
            None => *self = Self::from(of, place),
        }
    }

    /// The page behind the one that is shown begins there.
    fn lead_to(&mut self, next: String) {
        self.places.truncate(self.at + 1);
        self.places.push(Some(next));
    }

    /// Where the page before the one that is shown begins, if that is known.
    fn before(&self) -> Option<&Place> {
        self.places.get(self.at.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }

    fn arrive(trail: &mut Trail, of: &str, at: &str) {
        trail.arrive((of.into(), place(at)));
    }

    #[test]
    fn the_page_before_is_known_whatever_the_history_did() {
        let mut trail = Trail::from("train".into(), None);
        assert_eq!(trail.before(), None);
        for next in ["24", "48"] {
            trail.lead_to(next.into());
            arrive(&mut trail, "train", next);
        }
        assert_eq!(trail.before(), Some(&place("24")));
        arrive(&mut trail, "train", "24");
        assert_eq!(trail.before(), Some(&None), "one page back in the history");
        arrive(&mut trail, "train", "48");
        assert_eq!(trail.before(), Some(&place("24")), "and forward again");
        arrive(&mut trail, "train", "");
        trail.lead_to("30".into());
        arrive(&mut trail, "train", "30");
        assert_eq!(trail.before(), Some(&None), "another second page");
    }

    #[test]
    fn pages_of_another_list_are_not_before_this_ones() {
        let mut trail = Trail::from("train".into(), None);
        trail.lead_to("24".into());
        arrive(&mut trail, "train", "24");
        arrive(&mut trail, "test", "24");
        assert_eq!(trail.before(), None);
        assert_eq!(Trail::from("train".into(), place("24")).before(), None, "opened by its address");
    }
}
