//! The puzzles of a dataset, split by split and page by page.

use crate::{
    api,
    components::{
        field::Tick,
        problem::{Problems, Waiting},
        turn::Turn,
    },
    format,
    grid::picture::{picture, solve_link},
    load,
    query::query_signal,
};
use hrm_types::{
    board::Kind,
    dataset::{Dataset, Split, StoredPuzzle},
};
use leptos::prelude::*;

/// Puzzles of a page.
const PAGE: u32 = 24;

/// The puzzles; split and place are kept in the address.
#[component]
pub(super) fn Browse(dataset: Dataset) -> impl IntoView {
    let (id, kind) = (dataset.id, dataset.kind);
    let (wanted, want) = query_signal("split");
    let (after, go) = query_signal("after");
    let counts = [
        (Split::Train, dataset.train_count),
        (Split::Validation, dataset.validation_count),
        (Split::Test, dataset.test_count),
    ];
    let split = Memo::new(move |_| {
        let wanted = wanted.get();
        let named = counts.iter().find(|(split, count)| *count > 0 && wanted.as_deref() == Some(split.as_str()));
        // The held-out puzzles are what most people come for.
        named.or_else(|| counts.iter().rev().find(|(_, count)| *count > 0)).map_or(Split::Train, |(split, _)| *split)
    });
    let total = move || counts.iter().find(|(one, _)| *one == split.get()).map_or(0, |(_, count)| *count);
    let puzzles = load::load(move || api::data::puzzles_after(id, split.get(), after.get(), PAGE));
    let solved = RwSignal::new(kind != Kind::Sudoku);
    let tab = move |(one, count): (Split, u32)| {
        view! {
            <button type="button" disabled=count == 0 aria-pressed=move || (split.get() == one).to_string()
                on:click=move |_| { go.set(None); want.set(Some(one.as_str().into())); }>
                {format!("{} ({})", one.as_str(), format::count(count.into()))}
            </button>
        }
    };
    let shown = move || {
        puzzles.value.with(|page| match page {
            None if puzzles.problem.with(Option::is_some) => ().into_any(),
            None => view! { <Waiting /> }.into_any(),
            Some(page) => {
                let solved = solved.get();
                page.items.iter().filter_map(|puzzle| tile(kind, puzzle, solved)).collect_view().into_any()
            }
        })
    };
    let next = Memo::new(move |_| puzzles.value.with(|page| page.as_ref().and_then(|page| page.next_cursor.clone())));
    let place = Signal::derive(move || puzzles.value.with(|page| page.as_ref().and_then(|page| place(page, total()))));
    view! {
        <section class="part" aria-labelledby="puzzles-title">
            <div class="curves-head">
                <h2 id="puzzles-title">"Puzzles"</h2>
                <div class="curves-choices">
                    <Tick label={if kind == Kind::Arc { "with outputs" } else { "solved" }} on=solved />
                    <div class="segments" role="group" aria-label="Split">{counts.map(tab).collect_view()}</div>
                </div>
            </div>
            <Problems of=puzzles.problem />
            <div class="tiles" class:tiles-wide=kind == Kind::Arc>{shown}</div>
            <Turn label="Pages of puzzles" of=Signal::derive(move || split.get().as_str().to_owned()) after go next place />
        </section>
    }
}

/// Which puzzles are shown, in words.
fn place(puzzles: &hrm_types::Page<StoredPuzzle>, total: u32) -> Option<String> {
    let (first, last) = (puzzles.items.first()?.position + 1, puzzles.items.last()?.position + 1);
    let [first, last, total] = [first, last, total].map(|n| format::count(n.into()));
    Some(format!("{first} to {last} of {total}"))
}

fn tile(kind: Kind, puzzle: &StoredPuzzle, solved: bool) -> Option<impl IntoView + use<>> {
    let rating = match kind {
        Kind::Sudoku if puzzle.rating == 1 => Some("1 guess".into()),
        Kind::Sudoku => Some(format!("{} guesses", puzzle.rating)),
        Kind::Maze => Some(format!("{} moves", puzzle.rating)),
        Kind::Arc => Some(puzzle.task.clone()).filter(|task| !task.is_empty()),
    };
    let drawn = drawn(kind, puzzle, solved)?;
    Some(view! {
        <figure class="tile">
            {drawn}
            <figcaption>{format!("{} ", puzzle.position + 1)}<span class="muted">{rating}</span></figcaption>
        </figure>
    })
}

/// A puzzle's picture, with its answer if it is to be; it leads to where it can be solved.
pub(crate) fn drawn(kind: Kind, puzzle: &StoredPuzzle, solved: bool) -> Option<impl IntoView + use<>> {
    let svg = match (kind, solved) {
        (Kind::Sudoku, true) => picture(kind, &puzzle.answer, ""),
        (Kind::Maze, false) => picture(kind, "", &puzzle.question),
        _ => picture(kind, &puzzle.question, &puzzle.answer),
    }?;
    let link = solve_link(kind, &puzzle.task, (&puzzle.question, &puzzle.answer), "");
    let name = format!("Solve puzzle {} (rating {})", puzzle.position + 1, puzzle.rating);
    let title = name.clone();
    Some(view! {
        <a class="picture" href=link title=title>
            <span class="hidden">{name}</span>
            <span aria-hidden="true" inner_html=svg></span>
        </a>
    })
}
