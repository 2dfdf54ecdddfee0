//! Evaluations that were asked for: where each stands, and its score.

use crate::{
    api,
    components::{
        ago::Ago,
        interval::Interval,
        job::{JobProgress, standing},
        problem::Problems,
        state::StateMark,
    },
    load::{self, Loaded},
    pages::run::protocol,
    session::ForWriters,
};
use hrm_types::{
    Page,
    ids::{CheckpointId, DatasetId, JobId},
    job::EvaluationJob,
    model::Model,
    problem::Problem,
    run::RunState,
};
use leptos::{prelude::*, task::spawn_local};
use std::{cmp::Reverse, time::Duration};

/// Between looks while one of them has not ended, and while all have.
const BUSY: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(15);

/// How long to wait before the next look.
#[expect(clippy::unnecessary_wraps, reason = "what polls also takes that no look follows")]
fn pause(newest: Option<&Page<EvaluationJob>>) -> Option<Duration> {
    let moving = newest.is_some_and(|page| page.items.iter().any(|one| !one.job.state.is_final()));
    Some(if moving { BUSY } else { IDLE })
}

/// What was asked for of one model: the newest, looked at again and again, and older ones when they are wanted.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    id: CheckpointId,
    newest: Loaded<Page<EvaluationJob>>,
    /// All that were seen, the newest first.
    all: RwSignal<Vec<EvaluationJob>>,
    /// Where older ones begin; nothing where there are none.
    older: RwSignal<Option<String>>,
    problem: RwSignal<Option<Problem>>,
}

impl Asked {
    /// Follows those of a model.
    pub(super) fn of(id: CheckpointId) -> Self {
        let newest = load::poll(move || api::models::list_evaluations(id, None), pause);
        let (all, older) = (RwSignal::new(Vec::new()), RwSignal::new(None));
        Effect::new(move |known: Option<bool>| {
            newest.value.with(|page| {
                let Some(page) = page else { return false };
                all.update(|all| merge(all, &page.items));
                // Where older ones begin is told by the first page; what comes later only pushes it further down.
                if known != Some(true) {
                    older.set(page.next_cursor.clone());
                }
                true
            })
        });
        Self { id, newest, all, older, problem: RwSignal::new(None) }
    }

    /// Looks at once: one was just queued.
    pub(super) fn refresh(self) {
        self.newest.refresh();
    }

    fn fetch_older(self) {
        let Some(cursor) = self.older.get_untracked() else { return };
        spawn_local(async move {
            match api::models::list_evaluations(self.id, Some(cursor)).await {
                Ok(page) => {
                    self.problem.try_set(None);
                    self.all.try_update(|all| merge(all, &page.items));
                    self.older.try_set(page.next_cursor);
                }
                Err(problem) => drop(self.problem.try_set(Some(*problem))),
            }
        });
    }
}

/// Takes in what was just fetched, in place of what was known of the same jobs.
fn merge(all: &mut Vec<EvaluationJob>, fetched: &[EvaluationJob]) {
    for one in fetched {
        match all.iter_mut().find(|known| known.job.id == one.job.id) {
            Some(known) => known.clone_from(one),
            None => all.push(one.clone()),
        }
    }
    all.sort_by_key(|one| Reverse((one.job.created_at, one.job.id.to_string())));
}

/// The evaluations; `model` is fetched again when one of them ends.
#[component]
pub(super) fn List(asked: Asked, model: Loaded<Model>) -> impl IntoView {
    let refused = RwSignal::new(None::<Problem>);
    let datasets = load::load(api::data::list_datasets);
    let of_it = Memo::new(move |_| asked.all.get());
    // Only of the newest ones: older ones come when they are asked for, with the scores they have long had.
    let measured = Memo::new(move |_| {
        let count = |page: &Page<EvaluationJob>| page.items.iter().filter(|one| one.evaluation.is_some()).count();
        asked.newest.value.with(|page| page.as_ref().map(count))
    });
    Effect::new(move |before: Option<Option<usize>>| {
        let now = measured.get();
        if let (Some(Some(before)), Some(now)) = (before, now)
            && before < now
        {
            model.refresh();
        }
        now
    });
    let cancel = move |job: JobId| {
        spawn_local(async move {
            refused.try_set(api::models::cancel_job(job).await.err().map(|problem| *problem));
            asked.refresh();
        });
    };
    let named = move |id: DatasetId| {
        datasets.value.with(|page| {
            let found = page.iter().flat_map(|page| &page.items).find(|dataset| dataset.id == id);
            found.map_or_else(|| "a dataset".to_owned(), |dataset| dataset.name.clone())
        })
    };
    let row = move |one: EvaluationJob| {
        let (dataset, job) = (one.spec.dataset_id, one.job.id);
        let moving = !one.job.state.is_final() && !one.job.cancel_requested;
        view! {
            <tr>
                <th scope="row">
                    <a href=format!("/datasets/{dataset}")>{move || named(dataset)}</a>
                    <span class="aside">{format!("{} puzzles, {}", one.spec.split.as_str(), protocol(&one.spec.protocol))}</span>
                </th>
                <td data-label="State"><span><StateMark state=one.job.state />{standing(&one.job)}</span></td>
                <td data-label="Score">{outcome(&one)}</td>
                <td data-label="Queued"><Ago at=one.job.created_at /></td>
                <td class="right">
                    {moving.then(|| view! { <ForWriters><button type="button" class="quiet" on:click=move |_| cancel(job)>"Cancel"</button></ForWriters> })}
                </td>
            </tr>
        }
    };
    view! {
        <Problems of=asked.newest.problem />
        <Problems of=asked.problem />
        <Problems of=refused />
        <Show when=move || of_it.with(|all| !all.is_empty())>
            <table class="rows evaluations">
                <thead>
                    <tr>
                        <th scope="col">"Measured on"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Score"</th>
                        <th scope="col">"Queued"</th>
                        <th scope="col"><span class="hidden">"Cancel"</span></th>
                    </tr>
                </thead>
                <tbody>{move || of_it.get().into_iter().map(row).collect_view()}</tbody>
            </table>
            <Show when=move || asked.older.with(Option::is_some)>
                <button type="button" class="more" on:click=move |_| asked.fetch_older()>"Older evaluations"</button>
            </Show>
        </Show>
    }
}

fn outcome(one: &EvaluationJob) -> AnyView {
    match &one.evaluation {
        Some(score) => view! { <Interval evaluation=score.clone() /> }.into_any(),
        None if one.job.state == RunState::Running => view! { <JobProgress job=one.job.clone() /> }.into_any(),
        None => view! { <span class="muted">"–"</span> }.into_any(),
    }
}
