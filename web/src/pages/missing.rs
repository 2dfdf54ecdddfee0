//! An address that names no page.

use crate::components::page::Page;
use leptos::prelude::*;

/// Says so, and where to go on.
#[component]
pub(crate) fn MissingPage() -> impl IntoView {
    view! {
        <Page title="No such page" lead="This address names no page of the lab.">
            <p><a href="/">"Solve a puzzle"</a>", look at the "<a href="/runs">"runs"</a>", or read "<a href="/about">"what this is about"</a>"."</p>
        </Page>
    }
}
