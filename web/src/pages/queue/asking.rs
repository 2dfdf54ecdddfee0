//! What can be asked of a job of the queue.

use super::Queue;
use crate::{
    api,
    components::wish::{Wish, WishButtons, of_job},
};
use hrm_types::job::Job;
use leptos::prelude::*;

/// The buttons.
#[component]
pub(super) fn Wishes(queue: Queue, job: Memo<Option<Job>>) -> impl IntoView {
    let wishes = Memo::new(move |_| job.with(|job| job.as_ref().map(of_job).unwrap_or_default()));
    let name = Memo::new(move |_| job.with(|job| job.as_ref().map(|job| job.name.clone()).unwrap_or_default()));
    let ask = move |wish: Wish| {
        if let Some(job) = job.get_untracked() {
            let said = format!("{} was asked for: {}.", wish.words(), job.name);
            queue.act(said, async move { api::runs::ask_job(&job, wish.asked_at()).await });
        }
    };
    view! { <WishButtons wishes name ask /> }
}
