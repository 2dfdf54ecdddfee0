//! Generations that workers do: those that go on, and those that ended while the page was open.

use crate::{
    api,
    components::{
        job::{JobProgress, standing},
        problem::Problems,
        state::StateMark,
    },
    load,
};
use hrm_types::{Page, ids::JobId, job::Job, problem::Problem, run::RunState};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Between looks while one of them goes on, and while none does.
const BUSY: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(15);

/// The generations that are shown.
#[derive(Clone, Copy)]
pub(super) struct Generations {
    jobs: load::Loaded<Page<Job>>,
    /// Those that were seen before they ended.
    seen: RwSignal<Vec<JobId>>,
    refused: RwSignal<Option<Problem>>,
}

impl Generations {
    /// Follows them; calls `stored` whenever one has stored its dataset.
    pub(super) fn watch(stored: impl Fn() + Copy + 'static) -> Self {
        let jobs = load::poll(api::data::list_generations, |page: Option<&Page<Job>>| {
            let moving = page.is_some_and(|page| page.items.iter().any(|job| !job.state.is_final()));
            Some(if moving { BUSY } else { IDLE })
        });
        let seen = RwSignal::new(Vec::new());
        Effect::new(move |_| {
            jobs.value.with(|page| {
                let going_on = page.iter().flat_map(|page| &page.items).filter(|job| !job.state.is_final());
                for job in going_on {
                    if seen.with_untracked(|seen| !seen.contains(&job.id)) {
                        seen.update(|seen| seen.push(job.id));
                    }
                }
            });
        });
        let done = Memo::new(move |_| {
            jobs.value.with(|page| {
                let items = page.iter().flat_map(|page| &page.items);
                items.filter(|job| job.state == RunState::Succeeded).count()
            })
        });
        Effect::new(move |before: Option<Option<usize>>| {
            let now = jobs.value.with(Option::is_some).then(|| done.get());
            if let (Some(Some(before)), Some(now)) = (before, now)
                && before < now
            {
                stored();
            }
            now
        });
        Self { jobs, seen, refused: RwSignal::new(None) }
    }

    /// Looks at once: one was just queued.
    pub(super) fn look(self) {
        self.jobs.refresh();
    }

    fn cancel(self, id: JobId) {
        spawn_local(async move {
            self.refused.try_set(api::models::cancel_job(id).await.err().map(|problem| *problem));
            self.jobs.refresh();
        });
    }

    /// One line for each.
    pub(super) fn view(self) -> impl IntoView {
        let shown = Memo::new(move |_| {
            self.jobs.value.with(|page| {
                let items = page.iter().flat_map(|page| &page.items);
                self.seen.with(|seen| items.filter(|job| seen.contains(&job.id)).cloned().collect::<Vec<_>>())
            })
        });
        let line = move |job: Job| {
            let id = job.id;
            let going_on = !job.state.is_final() && !job.cancel_requested;
            let name = job.name.clone();
            view! {
                <li>
                    <b>{match job.dataset_id {
                        Some(dataset) => view! { <a href=format!("/datasets/{dataset}")>{job.name.clone()}</a> }.into_any(),
                        None => job.name.clone().into_any(),
                    }}</b>
                    <StateMark state=job.state />
                    {standing(&job)}
                    {(job.state == RunState::Running).then(|| view! { <JobProgress job=job.clone() /> })}
                    {going_on.then(|| view! {
                        <button type="button" class="quiet" on:click=move |_| self.cancel(id)>"Cancel"<span class="hidden">" "{name}</span></button>
                    })}
                </li>
            }
        };
        view! {
            <Problems of=self.refused />
            <Show when=move || shown.with(|shown| !shown.is_empty())>
                <h3>"Done by workers"</h3>
                <ul class="generations" aria-live="polite">{move || shown.get().into_iter().map(line).collect_view()}</ul>
            </Show>
        }
    }
}
