//! The queue: what runs on which machine, what waits in which order and for what, and what ended lately.

mod asking;
mod machines;
mod waiting;

use crate::{
    api, browser,
    components::{
        ago::Ago,
        job::{JobName, JobProgress},
        no_worker::NoWorker,
        page::Page,
        problem::{Empty, Problems, Waiting},
        progress::telling,
        state::StateMark,
    },
    live,
    load::{self, Loaded},
    session::ForWriters,
};
use asking::Wishes;
use hrm_types::{Page as ListPage, ids::JobId, job::Job, problem::Problem, run::RunState};
use leptos::{prelude::*, task::spawn_local};
use machines::Machines;
use std::time::Duration;
use waiting::Line;

/// Between looks, should the stream of changes be away.
const PAUSE: Duration = Duration::from_secs(10);

/// Between looks at the workers, who say nothing on that stream.
const WORKERS: Duration = Duration::from_secs(4);

/// Jobs that are shown of those that have not ended.
const SHOWN: usize = 100;

/// Waiting jobs that are fetched: whose turn it is next is known only of those that were.
const FETCHED: usize = 500;

/// Ended jobs that are shown.
const ENDED: usize = 12;

/// The queue's lists, and what can be asked of its jobs.
#[derive(Clone, Copy)]
struct Queue {
    waiting: Loaded<ListPage<Job>>,
    running: Loaded<ListPage<Job>>,
    paused: Loaded<ListPage<Job>>,
    ended: [Loaded<ListPage<Job>>; 3],
    refused: RwSignal<Option<Problem>>,
    /// What was asked for last, in words.
    said: RwSignal<String>,
}

impl Queue {
    fn open() -> Self {
        let list = |state: &'static str, order: &'static str, most| {
            load::poll(move || api::runs::list_jobs(state, order, most), |_| Some(PAUSE))
        };
        let queue = Self {
            // Of more than are fetched, those that wait longest are likelier to be next.
            waiting: list("queued", "created", FETCHED),
            running: list("running", "-created", SHOWN),
            paused: list("paused", "-created", SHOWN),
            ended: ["succeeded", "failed", "cancelled"].map(|state| list(state, "-finished", ENDED)),
            refused: RwSignal::new(None),
            said: RwSignal::new(String::new()),
        };
        live::follow_queue(|| true, move |job| !queue.goes_on(&job), move || queue.refresh());
        queue
    }

    /// Whether a job only runs on, which many changes a minute say; then it is shown as it is now, and the lists stay.
    fn goes_on(self, job: &Job) -> bool {
        let replaced = self.running.value.try_maybe_update(|page| {
            let mut known = page.iter_mut().flat_map(|page| page.items.iter_mut());
            let place = known.find(|known| known.id == job.id).filter(|_| job.state == RunState::Running);
            let found = place.map(|known| known.clone_from(job)).is_some();
            (found, found)
        });
        replaced.unwrap_or(false)
    }

    fn refresh(self) {
        for list in [self.waiting, self.running, self.paused].into_iter().chain(self.ended) {
            list.refresh();
        }
    }

    /// Does what `call` does, says so or shows what it was refused for, and looks again.
    fn act(self, words: String, call: impl Future<Output = api::Answer<()>> + 'static) {
        spawn_local(async move {
            let refused = call.await.err().map(|problem| *problem);
            self.said.try_set(if refused.is_none() { words } else { String::new() });
            self.refused.try_set(refused);
            self.refresh();
        });
    }
}

/// The page at `/queue`.
#[component]
pub(crate) fn QueuePage() -> impl IntoView {
    let queue = Queue::open();
    let workers = load::poll(api::runs::list_workers, |_| Some(WORKERS));
    view! {
        <Page
            title="Queue"
            lead="Who works on what, and what comes next. Owners take turns within a priority."
            actions=|| view! {
                <a class="button" href="/runs">"All runs"</a>
                <a class="button" href="/batches">"Batches"</a>
                <ForWriters><a class="button primary" href="/runs/new">"New run"</a></ForWriters>
            }
        >
            <Problems of=queue.waiting.problem />
            <Problems of=queue.refused />
            <p class="hidden" role="status">{queue.said}</p>
            <NoWorker workers />
            <Machines workers />
            <section aria-label="Running"><h2 tabindex="-1">"Running"</h2>{list(queue, queue.running, "Nothing runs now.")}</section>
            <section aria-label="Waiting"><h2 tabindex="-1">"Waiting"</h2><Line queue /></section>
            <section aria-label="Paused"><h2 tabindex="-1">"Set aside"</h2>{list(queue, queue.paused, "Nothing is paused.")}</section>
            <section aria-label="Ended"><h2 tabindex="-1">"Ended lately"</h2>{ended(queue)}</section>
        </Page>
    }
}

fn list(queue: Queue, of: Loaded<ListPage<Job>>, none: &'static str) -> impl IntoView {
    let jobs = Memo::new(move |_| of.value.with(|page| page.as_ref().map(|page| page.items.clone())));
    let others = Memo::new(move |_| of.value.with(|page| page.as_ref().is_some_and(|page| page.next_cursor.is_some())));
    let is_empty = Memo::new(move |_| jobs.with(|jobs| jobs.as_ref().map(Vec::is_empty)));
    let rest = move || others.get().then(|| view! { <p class="muted">{format!("The newest {SHOWN} of them.")}</p> });
    move || {
        browser::hold_focus();
        match is_empty.get() {
            None => view! { <Waiting /> }.into_any(),
            Some(true) => view! { <p class="muted">{none}</p> }.into_any(),
            Some(false) => view! { {table(queue, jobs)}{rest} }.into_any(),
        }
    }
}

fn ended(queue: Queue) -> impl IntoView {
    let jobs = Memo::new(move |_| {
        let all = queue.ended.iter().flat_map(|list| list.value.get().map(|page| page.items).unwrap_or_default());
        let mut all: Vec<Job> = all.collect();
        all.sort_by_key(|job| std::cmp::Reverse(job.finished_at));
        all.truncate(ENDED);
        let known = queue.ended.iter().all(|list| list.value.with(Option::is_some));
        (known || !all.is_empty()).then_some(all)
    });
    let is_empty = Memo::new(move |_| jobs.with(|jobs| jobs.as_ref().map(Vec::is_empty)));
    move || {
        match is_empty.get() {
        None => {
            let failed = queue.ended.iter().any(|list| list.problem.with(Option::is_some));
            (!failed).then(|| view! { <Waiting /> }).into_any()
        }
        Some(true) => {
            view! { <Empty title="Nothing has ended yet">"What was trained, evaluated, solved in a batch or generated is listed here."</Empty> }
                .into_any()
        }
        Some(false) => table(queue, jobs).into_any(),
    }
    }
}

/// Rows that change with their jobs while their elements, and with them the focus, stay.
fn table(queue: Queue, jobs: Memo<Option<Vec<Job>>>) -> impl IntoView {
    let shown = move || {
        browser::hold_focus();
        jobs.with(|jobs| jobs.iter().flatten().map(|job| job.id).collect::<Vec<_>>())
    };
    view! {
        <table class="rows jobs">
            <thead class="hidden">
                <tr>
                    <th scope="col">"Job"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"Progress"</th>
                    <th scope="col">"When"</th>
                    <th scope="col">"What to do"</th>
                </tr>
            </thead>
            <tbody>
                <For each=shown key=|id| *id let:id>
                    {row(queue, id, jobs)}
                </For>
            </tbody>
        </table>
    }
}

fn row(queue: Queue, id: JobId, jobs: Memo<Option<Vec<Job>>>) -> impl IntoView {
    let job = Memo::new(move |_| jobs.with(|jobs| jobs.iter().flatten().find(|job| job.id == id).cloned()));
    let with = move |show: fn(&Job) -> AnyView| move || job.with(|job| job.as_ref().map(show));
    // The name is a link: it stays where the same job is told of again.
    let named = Memo::new(move |_| {
        job.with(|job| job.as_ref().map(|job| (job.name.clone(), job.model_id, job.dataset_id, job.priority)))
    });
    let name = move || {
        named.track();
        job.with_untracked(|job| job.clone().map(|job| view! { <JobName job /> }))
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td data-label="State">{with(state)}</td>
            <td data-label="Progress">{with(|job| view! { <JobProgress job=job.clone() /> }.into_any())}</td>
            <td data-label="When">{with(when)}</td>
            <td class="right"><ForWriters><Wishes queue job /></ForWriters></td>
        </tr>
    }
}

fn state(job: &Job) -> AnyView {
    let words = telling(job.state, job.reason.as_ref()).or_else(|| job.phase.clone().filter(|_| !job.state.is_final()));
    let words = words.map(|words| view! { <span class="standing">{words}</span> });
    view! { <StateMark state=job.state />{words} }.into_any()
}

fn when(job: &Job) -> AnyView {
    let at = job.finished_at.or(job.started_at).unwrap_or(job.created_at);
    view! { <Ago at /> }.into_any()
}
