//! A moment: how long ago, with the exact time on hover.

use crate::{clock, format};
use leptos::prelude::*;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How long ago `at` was.
#[component]
pub(crate) fn Ago(at: OffsetDateTime) -> impl IntoView {
    let machine = at.format(&Rfc3339).unwrap_or_default();
    let exact = format::exact(at, clock::offset());
    view! { <time datetime=machine title=exact>{move || format::ago(at, clock::now())}</time> }
}
