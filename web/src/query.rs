//! What the address says behind `?`.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::query_signal_with_options};

/// The value of a name, and how to set it. Who sets it stays where he is on the page.
pub(crate) fn query_signal(name: &'static str) -> (Memo<Option<String>>, SignalSetter<Option<String>>) {
    query_signal_with_options(name, NavigateOptions { scroll: false, ..NavigateOptions::default() })
}
