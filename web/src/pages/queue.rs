//! The queue: what runs on which machine, what waits in which order and for what, and what ended lately.

mod machines;
mod waiting;

use crate::{
    api,
    components::{
        ago::Ago,
        job::{JobName, JobProgress, wishes},
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
use hrm_types::{Page as ListPage, job::Job, problem::Problem, run::RunState};
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

    /// Does what `call` does, shows what it was refused for, and looks again.
    fn act(self, call: impl Future<Output = api::Answer<()>> + 'static) {
        spawn_local(async move {
            let refused = call.await.err().map(|problem| *problem);
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
            <NoWorker workers />
            <Machines workers />
            <section aria-label="Running"><h2>"Running"</h2>{list(queue, queue.running, "Nothing runs now.")}</section>
            <section aria-label="Waiting"><h2>"Waiting"</h2><Line queue /></section>
            <section aria-label="Paused"><h2>"Set aside"</h2>{list(queue, queue.paused, "Nothing is paused.")}</section>
            <section aria-label="Ended"><h2>"Ended lately"</h2>{ended(queue)}</section>
        </Page>
    }
}

fn list(queue: Queue, of: Loaded<ListPage<Job>>, none: &'static str) -> impl IntoView {
    let jobs = Memo::new(move |_| {
        of.value.with(|page| page.as_ref().map(|page| (page.items.clone(), page.next_cursor.is_some())))
    });
    move || match jobs.get() {
        None => view! { <Waiting /> }.into_any(),
        Some((jobs, _)) if jobs.is_empty() => view! { <p class="muted">{none}</p> }.into_any(),
        Some((jobs, others)) => {
            let others = others.then(|| view! { <p class="muted">{format!("The newest {SHOWN} of them.")}</p> });
            view! { {table(queue, jobs)}{others} }.into_any()
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
    move || {
        let Some(jobs) = jobs.get() else {
            let failed = queue.ended.iter().any(|list| list.problem.with(Option::is_some));
            return (!failed).then(|| view! { <Waiting /> }).into_any();
        };
        if jobs.is_empty() {
            return view! { <Empty title="Nothing has ended yet">"What was trained, evaluated, solved in a batch or generated is listed here."</Empty> }
                .into_any();
        }
        table(queue, jobs).into_any()
    }
}

fn table(queue: Queue, jobs: Vec<Job>) -> impl IntoView {
    let rows = jobs.into_iter().map(|job| row(queue, job)).collect_view();
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
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(queue: Queue, job: Job) -> impl IntoView {
    let at = job.finished_at.or(job.started_at).unwrap_or(job.created_at);
    let words = telling(job.state, job.reason.as_ref()).or_else(|| job.phase.clone().filter(|_| !job.state.is_final()));
    view! {
        <tr>
            <th scope="row"><JobName job=job.clone() /></th>
            <td data-label="State"><StateMark state=job.state />{words.map(|words| view! { <span class="standing">{words}</span> })}</td>
            <td data-label="Progress"><JobProgress job=job.clone() /></td>
            <td data-label="When"><Ago at /></td>
            <td class="right"><ForWriters>{buttons(queue, &job)}</ForWriters></td>
        </tr>
    }
}

/// What can be asked of a job.
fn buttons(queue: Queue, job: &Job) -> impl IntoView + use<> {
    let button = |(wish, words): (&'static str, &'static str)| {
        let asked = job.clone();
        let ask = move |_| {
            let job = asked.clone();
            queue.act(async move { api::runs::ask_job(&job, wish).await });
        };
        view! { <button type="button" class="quiet" aria-label=format!("{words}: {}", job.name) on:click=ask>{words}</button> }
    };
    wishes(job).into_iter().map(button).collect_view()
}
