//! The puzzles of a batch with their answers, each leading to where it can be watched.

use crate::{
    api,
    components::{
        problem::{Problems, Waiting},
        turn::Turn,
    },
    format,
    grid::picture::{answered, asked, solve_link},
    load,
    pages::solve::board::capital,
    query::query_signal,
};
use hrm_types::{
    Page,
    batch::{Batch, BatchResult, BatchSpec},
    ids::JobId,
};
use leptos::prelude::*;

/// Puzzles of a page.
const PAGE: u32 = 20;

/// The table; which puzzles it shows is kept in the address.
#[component]
pub(super) fn Results(id: JobId, batch: RwSignal<Option<Batch>>) -> impl IntoView {
    let (shown, show) = query_signal("show");
    let (after, go) = query_signal("after");
    let solved = Memo::new(move |_| match shown.get().as_deref() {
        Some("right") => Some(true),
        Some("wrong") => Some(false),
        _ => None,
    });
    let results = load::load(move || api::batches::list_results(id, solved.get(), after.get(), PAGE));
    let counts = Memo::new(move |_| batch.with(|batch| batch.as_ref().map_or((0, 0, 0), counted)));
    // Answers that came in may belong on the page that is shown.
    let answers = Memo::new(move |_| batch.with(|batch| batch.as_ref().map_or(0, |batch| batch.answered)));
    Effect::new(move |before: Option<u64>| {
        let open = results.value.with_untracked(|page| page.as_ref().is_some_and(is_open));
        if before.is_some_and(|before| before != answers.get()) && open {
            results.refresh();
        }
        answers.get()
    });
    let tab = move |name: &'static str, label: &'static str, count: fn((u64, u64, u64)) -> u64| {
        let is_it = move || shown.get().unwrap_or_default() == name;
        let open = move |_| {
            go.set(None);
            show.set((!name.is_empty()).then(|| name.to_owned()));
        };
        view! {
            <button type="button" aria-pressed=move || is_it().to_string() on:click=open>
                {label}" "<b>{move || format::count(count(counts.get()))}</b>
            </button>
        }
    };
    let spec = batch.with_untracked(|batch| batch.as_ref().map(|batch| batch.spec.clone()));
    // Where all were answered, a row without an answer is one that is about to be fetched.
    let left_over = |batch: &Batch| batch.job.state.is_final() && batch.answered < batch.puzzles;
    let ended = Memo::new(move |_| batch.with(|batch| batch.as_ref().is_some_and(left_over)));
    let rows = move || {
        let ended = ended.get();
        results.value.with(|page| match (page, spec.as_ref()) {
            (Some(page), Some(_)) if page.items.is_empty() => view! { <p class="muted">"None."</p> }.into_any(),
            (Some(page), Some(spec)) => table(spec, page, ended).into_any(),
            _ if results.problem.with(Option::is_some) => ().into_any(),
            _ => view! { <Waiting /> }.into_any(),
        })
    };
    let next = Memo::new(move |_| results.value.with(|page| page.as_ref().and_then(|page| page.next_cursor.clone())));
    let place = Signal::derive(move || {
        results.value.with(|page| {
            let items = &page.as_ref()?.items;
            let (first, last) = (items.first()?.position + 1, items.last()?.position + 1);
            Some(format!("Puzzles {} to {}", format::count(first), format::count(last)))
        })
    });
    view! {
        <section class="part" aria-labelledby="answers-title">
            <div class="curves-head">
                <h2 id="answers-title">"Answers"</h2>
                <div class="segments" role="group" aria-label="Which puzzles">
                    {tab("", "All", |(all, ..)| all)}
                    {tab("right", "Right", |(_, right, _)| right)}
                    {tab("wrong", "Wrong", |(.., wrong)| wrong)}
                </div>
            </div>
            <Problems of=results.problem />
            {rows}
            <Turn label="Pages of puzzles" of=Signal::derive(move || shown.get().unwrap_or_default()) after go next place />
        </section>
    }
}

/// Puzzles, right answers and wrong ones.
fn counted(batch: &Batch) -> (u64, u64, u64) {
    (batch.puzzles, batch.solved, batch.judged.saturating_sub(batch.solved))
}

/// Whether more may come to stand on a page: an answer, or another row.
fn is_open(page: &Page<BatchResult>) -> bool {
    page.items.len() < PAGE as usize || page.items.iter().any(|result| result.answer.is_none())
}

fn table(spec: &BatchSpec, page: &Page<BatchResult>, ended: bool) -> impl IntoView + use<> {
    let rows = page.items.iter().map(|result| row(spec, result, ended)).collect_view();
    view! {
        <table class="rows results">
            <thead>
                <tr>
                    <th scope="col">"No."</th>
                    <th scope="col">"Puzzle"</th>
                    <th scope="col">"Answer"</th>
                    <th scope="col">"Verdict"</th>
                    <th scope="col" class="right">"Steps"</th>
                    <th scope="col" class="right" title="The mean probability of its cells">"How sure"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(spec: &BatchSpec, result: &BatchResult, ended: bool) -> impl IntoView + use<> {
    let number = format::count(result.position + 1);
    let steps = spec.steps.map(|steps| format!("&steps={steps}")).unwrap_or_default();
    // Further attempts are worth making again only where one of them was right.
    let needed = result.attempts.filter(|_| result.solved == Some(true)).filter(|&attempts| attempts > 1);
    let attempts = needed.map(|attempts| format!("&attempts={attempts}")).unwrap_or_default();
    let query = format!("&model={}{steps}{attempts}", spec.checkpoint_id);
    let link = solve_link(spec.kind, &result.task, (&result.puzzle, ""), &query);
    let name = format!("Watch puzzle {number}");
    let title = name.clone();
    let puzzle = asked(spec.kind, &result.puzzle);
    let answer = result.answer.as_ref().map(|answer| match answered(spec.kind, &result.puzzle, answer) {
        Some(svg) => view! { <span class="picture" inner_html=svg></span> }.into_any(),
        None => view! { <span class="muted">"no grid"</span> }.into_any(),
    });
    let used = result.steps_used.map(|steps| {
        let stopped = if result.halted == Some(false) { "did not stop by itself" } else { "stopped by itself" };
        view! { <span title=stopped>{steps}</span> }
    });
    let attempts = result.attempts.filter(|_| spec.attempts.is_some()).map(|attempts| {
        let words = if result.solved == Some(true) { "at attempt" } else { "attempts made:" };
        view! { <span class="aside">{format!("{words} {attempts}")}</span> }
    });
    let task = (!result.task.is_empty()).then(|| view! { <span class="aside">{result.task.clone()}</span> });
    view! {
        <tr>
            <th scope="row" data-label="No.">{number}{task}</th>
            <td data-label="Puzzle">
                <a class="picture" href=link title=title>
                    <span class="hidden">{name}</span>
                    <span aria-hidden="true" inner_html=puzzle></span>
                </a>
            </td>
            <td data-label="Answer">{answer}</td>
            <td data-label="Verdict"><span>{verdict(result, ended)}{attempts}</span></td>
            <td data-label="Steps" class="right">{used}</td>
            <td data-label="How sure" class="right">{result.confidence.map(|sure| format::percent(f64::from(sure)))}</td>
        </tr>
    }
}

fn verdict(result: &BatchResult, ended: bool) -> AnyView {
    match (&result.answer, result.solved) {
        (None, _) if ended => view! { <span class="muted">"not answered"</span> }.into_any(),
        (None, _) => view! { <span class="muted">"waits"</span> }.into_any(),
        (_, Some(true)) => view! { <span class="result-right">"Right"</span> }.into_any(),
        (_, Some(false)) => {
            let more = match result.violations.len() {
                0 | 1 => String::new(),
                n => format!(", and {} more", n - 1),
            };
            let why = result.violations.first().map_or_else(|| "another answer".into(), |first| capital(first));
            view! { <span><span class="result-wrong">"Wrong"</span><span class="aside">{why}{more}</span></span> }
                .into_any()
        }
        (_, None) => view! { <span class="muted">"not known: the test has no output"</span> }.into_any(),
    }
}
