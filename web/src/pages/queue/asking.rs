//! What can be asked of a job of the queue: buttons that stay, with the focus, for as long as they make sense.

use super::Queue;
use crate::{
    api, browser,
    components::{confirm::Confirm, job::wishes},
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
    let costs = Memo::new(move |_| job.with(|job| job.as_ref().is_some_and(is_costly)));
    let name = move || job.with_untracked(|job| job.as_ref().map(|job| job.name.clone()).unwrap_or_default());
    let ask = move |wish: &'static str, words: &str| {
        if let Some(job) = job.get_untracked() {
            let said = format!("{words} was asked for: {}.", job.name);
            queue.act(said, async move { api::runs::ask_job(&job, wish).await });
        }
    };
    let button = move |(wish, words): (&'static str, &'static str)| {
        if wish == "cancel" && costs.get() {
            let question = format!("Cancel the training {}? What it has not stored is lost.", name());
            let question = Signal::stored(question);
            return view! { <Confirm label=words about=name() question act=move || ask(wish, words) keep="Let it run" /> }.into_any();
        }
        let label = format!("{words}: {}", name());
        view! { <button type="button" class="quiet" aria-label=label on:click=move |_| ask(wish, words)>{words}</button> }
            .into_any()
    };
    move || {
        browser::hold_focus();
        wishes.get().into_iter().map(button).collect_view()
    }
}

/// Whether work is lost where the job is cancelled.
fn is_costly(job: &Job) -> bool {
    job.kind == JobKind::Training && job.state == RunState::Running
}
