//! Waiting jobs in the order in which they will be claimed, which one may change: by dragging, or with buttons.

use super::{Queue, buttons};
use crate::{
    api,
    components::{
        ago::Ago,
        job::JobName,
        problem::{Empty, Waiting},
    },
};
use hrm_types::{ids::JobId, job::Job};
use leptos::prelude::*;

/// The queue's line.
#[component]
pub(super) fn Line(queue: Queue) -> impl IntoView {
    let jobs = Memo::new(move |_| queue.waiting.value.with(|page| page.as_ref().map(|page| in_order(&page.items))));
    let dragged = RwSignal::new(None::<JobId>);
    move || {
        match jobs.get() {
        None => view! { <Waiting /> }.into_any(),
        Some(jobs) if jobs.is_empty() => view! {
            <Empty title="Nothing waits">"What is queued stands here until a worker takes it. "<a href="/runs/new">"Queue a run"</a>"."</Empty>
        }
        .into_any(),
        Some(jobs) => {
            let rows = (0..jobs.len()).map(|place| row(queue, &jobs, place, dragged)).collect_view();
            view! { <ol class="line">{rows}</ol> }.into_any()
        }
    }
    }
}

fn in_order(jobs: &[Job]) -> Vec<Job> {
    let mut jobs = jobs.to_vec();
    jobs.sort_by_key(|job| (job.queue_position.unwrap_or(u32::MAX), job.id.to_string()));
    jobs
}

/// Whether two jobs stand in one line, within which they may be moved.
fn in_one_line(a: &Job, b: &Job) -> bool {
    (&a.owner, a.priority) == (&b.owner, b.priority)
}

fn row(queue: Queue, jobs: &[Job], place: usize, dragged: RwSignal<Option<JobId>>) -> impl IntoView + use<> {
    let job = jobs[place].clone();
    let (id, name) = (job.id, job.name.clone());
    let before = jobs[..place].iter().rev().find(|other| in_one_line(other, &job)).map(|other| other.id);
    let after = jobs[place + 1..].iter().find(|other| in_one_line(other, &job)).map(|other| other.id);
    let shift = move |to: &'static str, other: Option<JobId>| {
        queue.act(async move { api::runs::move_job(id, to, other).await.map(drop) });
    };
    // What may be dropped here, and whether it comes from above and so goes behind.
    let line: Vec<(JobId, bool)> = jobs
        .iter()
        .enumerate()
        .filter(|(i, other)| *i != place && in_one_line(other, &job))
        .map(|(i, other)| (other.id, i < place))
        .collect();
    let line = StoredValue::new(line);
    let from = move |dragged: Option<JobId>| {
        line.with_value(|line| line.iter().find(|(other, _)| Some(*other) == dragged).copied())
    };
    let over = move |event: web_sys::DragEvent| {
        if from(dragged.get_untracked()).is_some() {
            event.prevent_default();
        }
    };
    let drop_here = move |event: web_sys::DragEvent| {
        event.prevent_default();
        let Some((moved, above)) = from(dragged.get_untracked()) else { return };
        dragged.set(None);
        let to = if above { "after" } else { "before" };
        queue.act(async move { api::runs::move_job(moved, to, Some(id)).await.map(drop) });
    };
    let movable = before.is_some() || after.is_some();
    let label = move |words: &str| format!("{words}: {name}");
    view! {
        <li
            class:movable=movable
            class:target=move || from(dragged.get()).is_some()
            draggable=movable.then_some("true")
            on:dragstart=move |_| dragged.set(Some(id))
            on:dragend=move |_| dragged.set(None)
            on:dragover=over
            on:drop=drop_here
        >
            <span class="line-place">{job.queue_position.map(position)}</span>
            <div><JobName job=job.clone() /></div>
            <div class="standing">{job.reason.clone().or(job.waits_for.clone())}" "<span class="aside">"queued "<Ago at=job.created_at /></span></div>
            <div class="line-buttons">
                <button type="button" class="quiet icon" aria-label=label("Move up") title="Move up within its owner's line" disabled=before.is_none() on:click=move |_| shift("before", before)>"↑"</button>
                <button type="button" class="quiet icon" aria-label=label("Move down") title="Move down within its owner's line" disabled=after.is_none() on:click=move |_| shift("after", after)>"↓"</button>
                {before.is_some().then(|| view! { <button type="button" class="quiet" on:click=move |_| shift("front", None)>"First"</button> })}
                {buttons(queue, &job)}
            </div>
        </li>
    }
}

/// A place in the queue, from the number of jobs ahead.
fn position(ahead: u32) -> String {
    if ahead == 0 { "next".into() } else { format!("{}.", ahead + 1) }
}
