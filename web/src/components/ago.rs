//! A moment: how long ago, with the exact time on hover.

use crate::{clock, format};
use leptos::prelude::*;
use time::OffsetDateTime;

/// How long ago `at` was.
#[component]
pub(crate) fn Ago(at: OffsetDateTime) -> impl IntoView {
    let machine = format::machine(at);
    let exact = format::exact(at, clock::offset_at(at));
    view! { <time datetime=machine title=exact>{move || format::ago(at, clock::now())}</time> }
}
