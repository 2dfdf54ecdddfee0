//! Waiting jobs in the order in which they will be claimed, which one may change: by dragging, or with buttons.

use super::{Queue, SHOWN, asking::Wishes};
use crate::{
    api, browser,
    components::{
        ago::Ago,
        job::JobName,
        problem::{Empty, Waiting},
    },
    format,
    session::{self, ForWriters},
};
use hrm_types::{Page, account::Scope, ids::JobId, job::Job};
use leptos::{html, prelude::*};

/// The queue's line.
#[component]
pub(super) fn Line(queue: Queue) -> impl IntoView {
    let of = |page: &Page<Job>| (in_order(&page.items), page.next_cursor.is_some());
    let known = Memo::new(move |_| queue.waiting.value.with(|page| page.as_ref().map(of)));
    let jobs = Memo::new(move |_| known.with(|known| known.as_ref().map(|(jobs, _)| jobs.clone()).unwrap_or_default()));
    let line = Moving { queue, jobs, dragged: RwSignal::new(None) };
    let is_empty = Memo::new(move |_| known.with(|known| known.as_ref().map(|(jobs, _)| jobs.is_empty())));
    let rest = move || {
        let words = known.with(|known| known.as_ref().and_then(|(jobs, others)| left_out(jobs.len(), *others)));
        words.map(|words| view! { <p class="muted">{words}</p> })
    };
    let shown = move || match is_empty.get() {
        None => view! { <Waiting /> }.into_any(),
        Some(true) => view! {
            <Empty title="Nothing waits">
                "What is queued stands here until a worker takes it."
                <ForWriters>" "<a href="/runs/new">"Queue a run"</a>"."</ForWriters>
            </Empty>
        }
        .into_any(),
        Some(false) => view! {
            <ol class="line">
                <For each=move || line.shown() key=|id| *id let:id>
                    <Row line id />
                </For>
            </ol>
            {rest}
        }
        .into_any(),
    };
    move || {
        browser::hold_focus();
        shown()
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

/// Jobs that can be moved, and the one that is being dragged.
#[derive(Clone, Copy)]
struct Moving {
    queue: Queue,
    jobs: Memo<Vec<Job>>,
    dragged: RwSignal<Option<JobId>>,
}

impl Moving {
    /// The jobs that have a row, in their order. Whoever has the focus in a row keeps it wherever the row goes.
    fn shown(self) -> Vec<JobId> {
        browser::hold_focus();
        self.jobs.with(|jobs| jobs.iter().take(SHOWN).map(|job| job.id).collect())
    }

    /// Whether what is dragged may be dropped on a job, and if so whether it comes from above and goes behind.
    fn comes_from_above(self, to: JobId) -> Option<bool> {
        let moved = self.dragged.get()?;
        self.jobs.with(|jobs| {
            let place = |id: JobId| jobs.iter().position(|job| job.id == id);
            let (from, to) = (place(moved)?, place(to)?);
            (from != to && in_one_line(&jobs[from], &jobs[to])).then_some(from < to)
        })
    }

    fn move_job(self, id: JobId, to: &'static str, other: Option<JobId>) {
        let name = self.jobs.with_untracked(|jobs| jobs.iter().find(|job| job.id == id).map(|job| job.name.clone()));
        let words = format!("Moved: {}.", name.unwrap_or_default());
        self.queue.act(words, async move { api::runs::move_job(id, to, other).await.map(drop) });
    }
}

/// The next jobs before and behind one in the line that it may be moved within.
fn neighbours(jobs: &[Job], id: JobId) -> (Option<JobId>, Option<JobId>) {
    let Some(place) = jobs.iter().position(|job| job.id == id) else { return (None, None) };
    let beside = |other: &&Job| in_one_line(other, &jobs[place]);
    let before = jobs[..place].iter().rev().find(beside).map(|other| other.id);
    let after = jobs[place + 1..].iter().find(beside).map(|other| other.id);
    (before, after)
}

/// A job, wherever it stands by now.
#[component]
fn Row(line: Moving, id: JobId) -> impl IntoView {
    let Moving { queue, jobs, dragged } = line;
    // A row whose job is gone goes with it.
    let job = Memo::new(move |_| jobs.with(|jobs| jobs.iter().find(|job| job.id == id).cloned()));
    let with = move |show: fn(&Job) -> AnyView| move || job.with(|job| job.as_ref().map(show));
    let beside = Memo::new(move |_| jobs.with(|jobs| neighbours(jobs, id)));
    let movable =
        move || session::may(Scope::Write) && beside.with(|(before, after)| before.is_some() || after.is_some());
    let is_target = Memo::new(move |_| line.comes_from_above(id).is_some());
    let over = move |event: web_sys::DragEvent| {
        if is_target.get_untracked() {
            event.prevent_default();
        }
    };
    let drop_here = move |event: web_sys::DragEvent| {
        event.prevent_default();
        let (Some(moved), Some(above)) = (dragged.get_untracked(), untrack(|| line.comes_from_above(id))) else {
            return;
        };
        dragged.set(None);
        line.move_job(moved, if above { "after" } else { "before" }, Some(id));
    };
    view! {
        <li
            class:movable=movable
            class:target=is_target
            draggable=move || movable().then_some("true")
            on:dragstart=move |_| dragged.set(Some(id))
            on:dragend=move |_| dragged.set(None)
            on:dragover=over
            on:drop=drop_here
        >
            <span class="line-place">{with(|job| job.queue_position.map(position).into_any())}</span>
            <div>{with(|job| view! { <JobName job=job.clone() /> }.into_any())}</div>
            <div class="standing">{with(standing)}</div>
            <div class="line-buttons">
                <ForWriters>
                    <Shifts line job beside />
                    <Wishes queue job />
                </ForWriters>
            </div>
        </li>
    }
}

/// What it waits for, and since when.
fn standing(job: &Job) -> AnyView {
    let words = job.reason.clone().or(job.waits_for.clone());
    view! { {words}" "<span class="aside">"queued "<Ago at=job.created_at /></span> }.into_any()
}

/// The buttons that move a job. One that can do nothing stays, with the focus if it has it.
#[component]
fn Shifts(line: Moving, job: Memo<Option<Job>>, beside: Memo<(Option<JobId>, Option<JobId>)>) -> impl IntoView {
    let label = move |words: &str| job.with(|job| job.as_ref().map(|job| format!("{words}: {}", job.name)));
    let before = move || beside.with(|(before, _)| *before);
    let after = move || beside.with(|(_, after)| *after);
    let up = NodeRef::<html::Button>::new();
    let shift = move |to: &'static str, other: Option<JobId>| {
        let id = job.with_untracked(|job| job.as_ref().map(|job| job.id));
        if let (Some(id), Some(other)) = (id, other) {
            line.move_job(id, to, Some(other));
        }
    };
    let first = move |_| {
        // The button goes once the job is first.
        if let Some(up) = up.get_untracked() {
            // A button on the page takes it.
            let _ = up.focus();
        }
        if let Some(id) = job.with_untracked(|job| job.as_ref().map(|job| job.id)) {
            line.move_job(id, "front", None);
        }
    };
    view! {
        <button
            type="button"
            class="quiet icon"
            aria-label=move || label("Move up")
            title="Move up within its owner's line"
            aria-disabled=move || before().is_none().to_string()
            node_ref=up
            on:click=move |_| shift("before", untrack(before))
        >
            "↑"
        </button>
        <button
            type="button"
            class="quiet icon"
            aria-label=move || label("Move down")
            title="Move down within its owner's line"
            aria-disabled=move || after().is_none().to_string()
            on:click=move |_| shift("after", untrack(after))
        >
            "↓"
        </button>
        <Show when=move || before().is_some()>
            <button type="button" class="quiet" aria-label=move || label("First") on:click=first>"First"</button>
        </Show>
    }
}

/// A place in the queue, from the number of jobs ahead.
fn position(ahead: u32) -> String {
    if ahead == 0 { "next".into() } else { format!("{}.", ahead + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(number: u32, owner: &str, priority: i16) -> Job {
        let json = json!({
            "id": id(number), "kind": "training", "name": "run", "owner": owner, "priority": priority,
            "state": "queued", "attempt": 0, "done": 0, "cancel_requested": false, "pause_requested": false,
            "queue_position": number, "created_at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json).unwrap()
    }

    fn id(number: u32) -> JobId {
        format!("0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e{number:02}").parse().unwrap()
    }

    #[test]
    fn a_job_is_moved_within_its_owners_line_alone() {
        let jobs = [job(0, "ann", 0), job(1, "bob", 0), job(2, "ann", 0), job(3, "ann", 1), job(4, "ann", 0)];
        assert_eq!(neighbours(&jobs, id(2)), (Some(id(0)), Some(id(4))));
        assert_eq!(neighbours(&jobs, id(0)), (None, Some(id(2))));
        assert_eq!(neighbours(&jobs, id(1)), (None, None));
        assert_eq!(neighbours(&jobs, id(9)), (None, None), "it is gone");
    }

    #[test]
    fn what_the_line_leaves_out_is_told() {
        assert_eq!(left_out(0, false), None);
        assert_eq!(left_out(SHOWN, false), None);
        assert_eq!(left_out(SHOWN + 1, false).unwrap(), "Behind them: 1 job.");
        assert!(left_out(500, true).unwrap().starts_with("More than 500 jobs wait."));
    }
}
