//! The address of a page that solves, and its puzzle: each follows the other.

use super::ask::{Ask, Asked};
use crate::browser;
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
    params::ParamsMap,
};

/// The address, as the router knows it.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    path: Memo<String>,
    search: Memo<String>,
    query: Memo<ParamsMap>,
    hash: Memo<String>,
    /// Tells the router of another one in its place, without a step in the history.
    replace: Callback<String>,
    /// What stood there when this page last opened or wrote it, and the puzzle that it stood for.
    known: StoredValue<(String, Option<Asked>)>,
}

impl Address {
    pub(super) fn here() -> Self {
        let (location, navigate) = (use_location(), use_navigate());
        let options = || NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        Self {
            path: location.pathname,
            search: location.search,
            query: location.query,
            hash: location.hash,
            replace: Callback::new(move |address: String| navigate(&address, options())),
            known: StoredValue::new((String::new(), None)),
        }
    }

    /// What stands behind the page's path, reactive.
    fn behind(self) -> String {
        format!("{}{}", self.search.get(), self.hash.get())
    }

    fn note(self, puzzle: Option<Asked>) {
        self.known.set_value((untrack(|| self.behind()), puzzle));
    }

    /// Shows another address for that puzzle, which stands on the board now.
    pub(super) fn write(self, ask: Ask, asked: &Asked, address: String) {
        if self.path.with_untracked(|path| path == ask.page) {
            self.replace.run(address);
            self.note(Some(asked.clone()));
        } else {
            // The router is on its way to another page, from which the history leads back to this one.
            browser::replace_address(&address);
        }
    }

    /// Whether the address stands for that puzzle.
    pub(super) fn is_of(self, puzzle: Option<&Asked>) -> bool {
        puzzle.is_some() && self.known.with_value(|(_, known)| known.as_ref() == puzzle)
    }
}

/// Opens what the address says, now and whenever something else than this page changes it: a step in the history, or a link to
/// this very page. `open` gets the query and what stands behind `#`.
pub(crate) fn follow(ask: Ask, open: impl Fn(&ParamsMap, &str) + 'static) {
    let address = ask.address;
    let open = move || {
        let (query, hash) = (address.query.get_untracked(), address.hash.get_untracked());
        open(&query, hash.trim_start_matches('#'));
        address.note(ask.puzzle.get_untracked());
    };
    open();
    Effect::new(move |_| {
        let behind = address.behind();
        // Another page's address is that page's to open.
        let is_here = address.path.with(|path| path == ask.page);
        if is_here && address.known.with_value(|(known, _)| *known != behind) {
            untrack(&open);
        }
    });
}
