//! Batches: many puzzles at once, each batch with how far it is and how many it got right.

mod new;

use crate::{
    api,
    components::{
        ago::Ago,
        job::JobProgress,
        page::Page,
        problem::{Empty, Waiting},
        state::StateMark,
    },
    format,
    pages::solve::kinds,
    paging::{More, Pages},
    session,
};
use hrm_types::{account::Scope, batch::Batch, board::Kind, run::RunState};
use leptos::prelude::*;
use new::NewBatch;

/// The page at `/batches`.
#[component]
pub(crate) fn BatchesPage() -> impl IntoView {
    let batches = Pages::open(|a: &Batch, b| a.job.id == b.job.id, |cursor| Box::pin(api::batches::list(cursor)));
    let list = move || {
        batches.items.with(|items| match items {
            None if batches.problem.with(Option::is_some) => ().into_any(),
            None => view! { <Waiting /> }.into_any(),
            Some(items) if items.is_empty() => view! {
                <Empty title="No batch yet">
                    "Paste or drop a list of puzzles where one is "<a href="/">"solved"</a>", or take those of a dataset here."
                </Empty>
            }
            .into_any(),
            Some(items) => table(items).into_any(),
        })
    };
    view! {
        <Page
            title="Batches"
            lead="Many puzzles for one model. A worker solves them one after the other; every answer can be watched and all of them downloaded."
            actions=kinds
        >
            {list}
            <More pages=batches label="Older batches" />
            <Show when=|| session::may(Scope::Write)>
                <NewBatch />
            </Show>
        </Page>
    }
}

fn table(batches: &[Batch]) -> impl IntoView + use<> {
    view! {
        <table class="rows batches">
            <thead>
                <tr>
                    <th scope="col">"Batch"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"Progress"</th>
                    <th scope="col">"Right"</th>
                    <th scope="col">"Queued"</th>
                </tr>
            </thead>
            <tbody>{batches.iter().map(row).collect_view()}</tbody>
        </table>
    }
}

fn row(batch: &Batch) -> impl IntoView + use<> {
    let job = &batch.job;
    let waits = (job.state == RunState::Queued).then(|| job.waits_for.clone()).flatten();
    let words = job.reason.clone().or(waits);
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/batches/{}", job.id)>{contents(batch)}</a>
                <span class="aside">{format!("{}, of {}", job.name, job.owner)}</span>
            </th>
            <td data-label="State"><span><StateMark state=job.state />{words.map(|words| view! { <span class="standing">{words}</span> })}</span></td>
            <td data-label="Progress"><JobProgress job=job.clone() /></td>
            <td data-label="Right">{right(batch)}</td>
            <td data-label="Queued"><Ago at=job.created_at /></td>
        </tr>
    }
}

/// What a batch holds, in words: `120 Sudokus`.
pub(crate) fn contents(batch: &Batch) -> String {
    let noun = match batch.spec.kind {
        Kind::Sudoku => "Sudoku",
        Kind::Maze => "maze",
        Kind::Arc => "ARC test",
    };
    format::counted(batch.puzzles, noun)
}

/// How many of the answers are right.
pub(crate) fn right(batch: &Batch) -> String {
    let unknown = batch.answered.saturating_sub(batch.judged);
    match (batch.judged, unknown) {
        (0, 0) => "–".into(),
        (0, _) => "not known".into(),
        (judged, unknown) => {
            let share = format::percent(batch.solved as f64 / judged as f64);
            let rest = if unknown == 0 { String::new() } else { format!("; {} not known", format::count(unknown)) };
            format!("{} of {}, {share}{rest}", format::count(batch.solved), format::count(judged))
        }
    }
}
