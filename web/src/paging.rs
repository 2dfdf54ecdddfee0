//! Lists that come page by page: the first page at once, the next ones when asked for.

use crate::{api::Answer, components::problem::Problems};
use hrm_types::{Page, problem::Problem};
use leptos::{prelude::*, task::spawn_local};
use std::pin::Pin;

/// A page on its way, whatever future it was.
type Pending<T> = Pin<Box<dyn Future<Output = Answer<Page<T>>>>>;

/// What fetches the page at a cursor.
type Fetch<T> = Box<dyn Fn(Option<String>) -> Pending<T> + Send + Sync>;

/// Rows fetched so far, and where they go on.
pub(crate) struct Pages<T: Send + Sync + 'static> {
    /// Nothing until the first page is there.
    pub(crate) items: RwSignal<Option<Vec<T>>>,
    /// What the newest attempt failed with.
    pub(crate) problem: RwSignal<Option<Problem>>,
    next: RwSignal<Option<String>>,
    fetch: StoredValue<Fetch<T>>,
}

impl<T: Send + Sync + 'static> Clone for Pages<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Send + Sync + 'static> Copy for Pages<T> {}

impl<T: Send + Sync + 'static> Pages<T> {
    /// Fetches the first page; `fetch` gets the cursor of a page.
    pub(crate) fn open(fetch: impl Fn(Option<String>) -> Pending<T> + Send + Sync + 'static) -> Self {
        let pages = Self {
            items: RwSignal::new(None),
            problem: RwSignal::new(None),
            next: RwSignal::new(None),
            fetch: StoredValue::new(Box::new(fetch)),
        };
        pages.refresh();
        pages
    }

    /// Begins anew with the first page, which takes the place of what is shown once it is there.
    pub(crate) fn refresh(self) {
        self.fetch(None);
    }

    fn fetch(self, cursor: Option<String>) {
        let first = cursor.is_none();
        let Some(page) = self.fetch.try_with_value(|fetch| fetch(cursor)) else { return };
        spawn_local(async move {
            match page.await {
                Ok(page) => {
                    self.problem.try_set(None);
                    self.next.try_set(page.next_cursor);
                    self.items.try_update(|items| match items {
                        Some(items) if !first => items.extend(page.items),
                        items => *items = Some(page.items),
                    });
                }
                Err(problem) => drop(self.problem.try_set(Some(*problem))),
            }
        });
    }
}

/// The button below a list that fetches its next page; nothing below the last.
#[component]
pub(crate) fn More<T: Send + Sync + 'static>(pages: Pages<T>, label: &'static str) -> impl IntoView {
    view! {
        <Problems of=pages.problem />
        <Show when=move || pages.next.with(Option::is_some)>
            <button type="button" class="more" on:click=move |_| pages.fetch(pages.next.get_untracked())>{label}</button>
        </Show>
    }
}
