//! What can be asked of a job of the queue: buttons that stay, with the focus, for as long as they make sense.

use super::Queue;
use crate::{
    api, browser,
    components::{
        job::wishes,
        wish::{Wish, WishButton},
    },
};
use hrm_types::{
    job::{Job, JobKind},
    run::RunState,
};
use leptos::prelude::*;

/// The buttons.
#[component]
pub(super) fn Wishes(queue: Queue, job: Memo<Option<Job>>) -> impl IntoView {
    let wishes = Memo::new(move |_| job.with(|job| job.as_ref().map(wishes).unwrap_or_default()));
    let trains = Memo::new(move |_| job.with(|job| job.as_ref().is_some_and(is_training)));
    let name = move || job.with_untracked(|job| job.as_ref().map(|job| job.name.clone()).unwrap_or_default());
    let ask = move |(wish, words): Wish| {
        if let Some(job) = job.get_untracked() {
            let said = format!("{words} was asked for: {}.", job.name);
            queue.act(said, async move { api::runs::ask_job(&job, wish).await });
        }
    };
    let button = move |wish: Wish| view! { <WishButton wish name=name() trains=trains.get() ask=move || ask(wish) /> };
    move || {
        browser::hold_focus();
        wishes.get().into_iter().map(button).collect_view()
    }
}

fn is_training(job: &Job) -> bool {
    job.kind == JobKind::Training && job.state == RunState::Running
}
