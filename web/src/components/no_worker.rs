//! That nobody works, said plainly.

use crate::{api, load};
use leptos::prelude::*;
use std::time::Duration;

/// Between looks.
const PAUSE: Duration = Duration::from_secs(6);

/// A notice while no worker reports.
#[component]
pub(crate) fn NoWorker() -> impl IntoView {
    let workers = load::poll(api::runs::list_workers, |_| Some(PAUSE));
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
