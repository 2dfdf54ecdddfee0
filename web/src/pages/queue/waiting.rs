//! Waiting jobs in the order in which they will be claimed, which one may change: by dragging, or with buttons.

use super::{Queue, SHOWN, buttons};
use crate::{
    api,
    components::{
        ago::Ago,
        job::JobName,
        problem::{Empty, Waiting},
    },
    format,
    session::ForWriters,
};
use hrm_types::{Page, ids::JobId, job::Job};
use leptos::prelude::*;

/// The queue's line.
#[component]
pub(super) fn Line(queue: Queue) -> impl IntoView {
    let jobs = Memo::new(move |_| {
        let of = |page: &Page<Job>| (in_order(&page.items), page.next_cursor.is_some());
        queue.waiting.value.with(|page| page.as_ref().map(of))
    });
    let dragged = RwSignal::new(None::<JobId>);
    move || match jobs.get() {
        None => view! { <Waiting /> }.into_any(),
        Some((jobs, _)) if jobs.is_empty() => view! {
            <Empty title="Nothing waits">
                "What is queued stands here until a worker takes it."
                <ForWriters>" "<a href="/runs/new">"Queue a run"</a>"."</ForWriters>
            </Empty>
        }
        .into_any(),
        Some((jobs, others)) => {
            let rows = (0..jobs.len().min(SHOWN)).map(|place| row(queue, &jobs, place, dragged)).collect_view();
            let rest = left_out(jobs.len(), others).map(|words| view! { <p class="muted">{words}</p> });
            view! { <ol class="line">{rows}</ol>{rest} }.into_any()
        }
    }
}

/// What is not shown of the line, in words: of so many jobs that are known, and whether there are others.
fn left_out(known: usize, others: bool) -> Option<String> {
    if others {
        return Some(format!(
            "More than {known} jobs wait. Above are the next of the {known} that were queued first; a job of a higher \
             priority that was queued later may go before them."
        ));
    }
    let behind = known.checked_sub(SHOWN).filter(|&behind| behind > 0)?;
    Some(format!("Behind them: {}.", format::counted(behind as u64, "job")))
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
                <ForWriters>
                <button type="button" class="quiet icon" aria-label=label("Move up") title="Move up within its owner's line" disabled=before.is_none() on:click=move |_| shift("before", before)>"↑"</button>
                <button type="button" class="quiet icon" aria-label=label("Move down") title="Move down within its owner's line" disabled=after.is_none() on:click=move |_| shift("after", after)>"↓"</button>
                {before.is_some().then(|| view! { <button type="button" class="quiet" aria-label=label("First") on:click=move |_| shift("front", None)>"First"</button> })}
                {buttons(queue, &job)}
                </ForWriters>
            </div>
        </li>
    }
}

/// A place in the queue, from the number of jobs ahead.
fn position(ahead: u32) -> String {
    if ahead == 0 { "next".into() } else { format!("{}.", ahead + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_line_leaves_out_is_told() {
        assert_eq!(left_out(0, false), None);
        assert_eq!(left_out(SHOWN, false), None);
        assert_eq!(left_out(SHOWN + 1, false).unwrap(), "Behind them: 1 job.");
        assert!(left_out(500, true).unwrap().starts_with("More than 500 jobs wait."));
    }
}
