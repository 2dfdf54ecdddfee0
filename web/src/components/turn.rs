//! The buttons that turn the pages of a list whose place is kept in the address.

use leptos::prelude::*;

/// Previous, next, and where one is.
#[component]
pub(crate) fn Turn(
    /// What the pages are of, for those who do not see it.
    label: &'static str,
    /// Where the page that is shown begins; nothing for the first.
    after: Memo<Option<String>>,
    go: SignalSetter<Option<String>>,
    /// Where the next page begins; nothing on the last.
    #[prop(into)]
    next: Signal<Option<String>>,
    /// Where one is, in words.
    #[prop(into)]
    place: Signal<Option<String>>,
) -> impl IntoView {
    // Where the pages before this one began; a page that was opened by its address has none but the first.
    let trail = RwSignal::new(Vec::<Option<String>>::new());
    let forth = move |_| {
        trail.update(|trail| trail.push(after.get_untracked()));
        go.set(next.get_untracked());
    };
    let back = move |_| {
        let before = trail.try_update(Vec::pop).flatten().flatten();
        go.set(before);
    };
    let at_start = move || after.with(Option::is_none);
    let single = move || at_start() && next.with(Option::is_none);
    view! {
        <nav class="turn" aria-label=label>
            <button type="button" hidden=single disabled=at_start on:click=back>
                {move || if trail.with(Vec::is_empty) && !at_start() { "First" } else { "Previous" }}
            </button>
            <button type="button" hidden=single disabled=move || next.with(Option::is_none) on:click=forth>"Next"</button>
            <span class="muted" role="status">{move || place.get()}</span>
        </nav>
    }
}
