//! That nobody works, said plainly.

use crate::load::Loaded;
use hrm_types::{Page, worker::Worker};
use leptos::prelude::*;

/// A notice while no worker reports.
#[component]
pub(crate) fn NoWorker(workers: Loaded<Page<Worker>>) -> impl IntoView {
    let none = Memo::new(move |_| workers.value.with(|page| page.as_ref().is_some_and(|page| page.items.is_empty())));
    view! {
        <Show when=move || none.get()>
            <div class="notice warn" role="status">
                <strong>"No live worker"</strong>
                <p>"Queued runs wait until one reports. "<code>"hrm serve"</code>" starts one by itself; another machine joins with "<code>"hrm worker"</code>"."</p>
            </div>
        </Show>
    }
}
