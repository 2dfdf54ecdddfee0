//! Lists that come page by page: the first page at once, the next ones when asked for.

use crate::{
    api::Answer,
    components::problem::Problems,
    patience::{passes, pause_after},
    place::Place,
};
use hrm_types::{Page, problem::Problem};
use leptos::{prelude::*, task::spawn_local};
use std::pin::Pin;

/// A page on its way, whatever future it was.
type Pending<T> = Pin<Box<dyn Future<Output = Answer<Page<T>>>>>;

/// What fetches the page at a cursor.
type Fetch<T> = Box<dyn Fn(Option<String>) -> Pending<T> + Send + Sync>;

/// The requests of one list: only the newest may answer, and no page is asked for while another is on its way.
#[derive(Clone, Copy)]
pub(crate) struct Requests {
    newest: StoredValue<u64>,
    busy: RwSignal<bool>,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self { newest: StoredValue::new(0), busy: RwSignal::new(false) }
    }

    /// Whether one is on its way, reactive.
    pub(crate) fn busy(self) -> bool {
        self.busy.get()
    }

    /// The number of the request for a further page; absent while another request is on its way, or the list is gone.
    pub(crate) fn further(self) -> Option<u64> {
        (self.busy.try_get_untracked() == Some(false)).then(|| self.begin()).flatten()
    }

    /// The number of a request for all anew, whose answer replaces whatever is on its way.
    pub(crate) fn anew(self) -> Option<u64> {
        self.begin()
    }

    fn begin(self) -> Option<u64> {
        self.busy.try_set(true);
        self.newest.try_update_value(|newest| {
            *newest += 1;
            *newest
        })
    }

    /// The number of the newest request; absent when the list is gone.
    fn latest(self) -> Option<u64> {
        self.newest.try_get_value()
    }

    /// Whether the answer to that request is still wanted; nothing is on its way then.
    pub(crate) fn answered(self, number: u64) -> bool {
        let wanted = self.newest.try_get_value() == Some(number);
        if wanted {
            self.busy.try_set(false);
        }
        wanted
    }

    /// What is on its way is not wanted any more.
    pub(crate) fn forget(self) {
        self.begin();
        self.busy.try_set(false);
    }
}

/// Adds those rows of a further page that are not known yet.
pub(crate) fn append<T>(rows: &mut Vec<T>, page: Vec<T>, same: fn(&T, &T) -> bool) {
    for row in page {
        if !rows.iter().any(|known| same(known, &row)) {
            rows.push(row);
        }
    }
}

/// Rows fetched so far, and where they go on.
pub(crate) struct Pages<T: Send + Sync + 'static> {
    /// Nothing until the first page is there.
    pub(crate) items: RwSignal<Option<Vec<T>>>,
    /// What the newest attempt failed with.
    pub(crate) problem: RwSignal<Option<Problem>>,
    next: RwSignal<Option<String>>,
    requests: Requests,
    /// Failures in a row to fetch the first page.
    failures: StoredValue<u32>,
    fetch: StoredValue<Fetch<T>>,
    same: fn(&T, &T) -> bool,
    place: Place,
}

impl<T: Send + Sync + 'static> Clone for Pages<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Send + Sync + 'static> Copy for Pages<T> {}

impl<T: Send + Sync + 'static> Pages<T> {
    /// Fetches the first page; `fetch` gets the cursor of a page, and `same` tells whether two rows are about one thing.
    pub(crate) fn open(
        same: fn(&T, &T) -> bool,
        fetch: impl Fn(Option<String>) -> Pending<T> + Send + Sync + 'static,
    ) -> Self {
        let items = RwSignal::new(None::<Vec<T>>);
        let rows = move || items.try_with_untracked(|items| items.as_ref().map_or(0, Vec::len)).unwrap_or_default();
        let pages = Self {
            items,
            problem: RwSignal::new(None),
            next: RwSignal::new(None),
            requests: Requests::new(),
            failures: StoredValue::new(0),
            fetch: StoredValue::new(Box::new(fetch)),
            same,
            place: Place::keep(rows),
        };
        pages.refresh();
        pages
    }

    /// Begins anew with the first page, which takes the place of what is shown once it is there.
    pub(crate) fn refresh(self) {
        if let Some(number) = self.requests.anew() {
            self.fetch(number, None);
        }
    }

    /// Fetches the next page, if there is one and nothing else is on its way.
    fn go_on(self) {
        let Some(cursor) = self.next.get_untracked() else { return };
        if let Some(number) = self.requests.further() {
            self.fetch(number, Some(cursor));
        }
    }

    fn fetch(self, number: u64, cursor: Option<String>) {
        let first = cursor.is_none();
        let Some(page) = self.fetch.try_with_value(|fetch| fetch(cursor)) else { return };
        spawn_local(async move {
            let answer = page.await;
            if !self.requests.answered(number) {
                return;
            }
            match answer {
                Ok(page) => {
                    self.problem.try_set(None);
                    self.failures.try_set_value(0);
                    self.next.try_set(page.next_cursor);
                    self.items.try_update(|items| match items {
                        Some(items) if !first => append(items, page.items, self.same),
                        items => *items = Some(page.items),
                    });
                    self.come_back();
                }
                Err(problem) => {
                    if first && passes(&problem) {
                        self.refresh_later();
                    }
                    self.problem.try_set(Some(*problem));
                    if !first {
                        self.place.arrive();
                    }
                }
            }
        });
    }

    /// Goes on until the list is as long as when one left it, and then to where one was in it.
    fn come_back(self) {
        let rows = self.items.try_with_untracked(|items| items.as_ref().map_or(0, Vec::len)).unwrap_or_default();
        if self.place.asks_for_more_than(rows) && self.next.try_with_untracked(Option::is_some) == Some(true) {
            self.go_on();
        } else {
            self.place.arrive();
        }
    }

    /// Fetches the first page once more after a while, unless another request has begun by then.
    fn refresh_later(self) {
        let failures = self.failures.try_update_value(|failures| {
            *failures += 1;
            *failures
        });
        // None on a page that was left.
        let (Some(failures), Some(latest)) = (failures, self.requests.latest()) else { return };
        let again = move || {
            if self.requests.latest() == Some(latest) {
                self.refresh();
            }
        };
        set_timeout(again, pause_after(failures));
    }
}

/// The button below a list that fetches its next page; nothing below the last.
#[component]
pub(crate) fn More<T: Send + Sync + 'static>(pages: Pages<T>, label: &'static str) -> impl IntoView {
    view! {
        <Problems of=pages.problem />
        <Show when=move || pages.next.with(Option::is_some)>
            <MoreButton requests=pages.requests label press=move || pages.go_on() />
        </Show>
    }
}

/// A button for a further page. While one is on its way it stays where it is, with the focus, and does nothing.
#[component]
pub(crate) fn MoreButton(requests: Requests, label: &'static str, press: impl Fn() + 'static) -> impl IntoView {
    view! {
        <button type="button" class="more" aria-disabled=move || requests.busy().to_string() on:click=move |_| press()>
            {label}
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_page_is_asked_for_once() {
        Owner::new().with(|| {
            let requests = Requests::new();
            let first = requests.further().unwrap();
            assert_eq!(requests.further(), None, "pressed again while it is on its way");
            assert!(requests.answered(first));
            assert!(requests.further().is_some());
        });
    }

    #[test]
    fn only_the_newest_request_answers() {
        Owner::new().with(|| {
            let requests = Requests::new();
            let further = requests.further().unwrap();
            let anew = requests.anew().unwrap();
            assert!(!requests.answered(further), "it belongs to what was replaced");
            assert_eq!(requests.further(), None, "the replacement is on its way");
            assert!(requests.answered(anew));
            let further = requests.further().unwrap();
            requests.forget();
            assert!(!requests.answered(further));
            assert!(requests.further().is_some());
        });
    }

    #[test]
    fn a_row_that_is_known_is_not_added_twice() {
        let mut rows = vec![5, 4, 3];
        append(&mut rows, vec![3, 2, 2, 1], |a, b| a == b);
        assert_eq!(rows, [5, 4, 3, 2, 1]);
    }
}
