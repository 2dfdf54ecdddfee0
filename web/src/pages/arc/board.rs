//! The task: its pairs to choose from, the grid that is drawn on, and the answer.

use super::{
    state::ArcState,
    task::{self, Task},
    tools::{Palette, Size, Tools},
};
use crate::{
    grid::{painter::Painter, picture::grid_picture, squares::Squares},
    pages::solve::{
        board::key,
        given::OpenFile,
        picker::{self, Picker},
    },
};
use hrm_types::{board::Kind, dataset::StoredPuzzle};
use leptos::{prelude::*, task::spawn_local};

/// The task, its tools and the answer.
#[component]
pub(super) fn Board(state: ArcState) -> impl IntoView {
    let drawn = Memo::new(move |_| state.drawn());
    let answered = Memo::new(move |_| state.answered());
    let label = move || state.task().label(state.painter.with(Painter::active));
    let unknown = move || drawn.with(Option::is_none);
    view! {
        <section class="board arc" aria-label="Task">
            <Loading state />
            <Pairs state />
            <Tools state />
            <h2 class="arc-active">{label}</h2>
            <Show
                when=move || !unknown()
                fallback=move || view! {
                    <p class="note">
                        "Nobody has said what this output is. "
                        <button type="button" on:click=move |_| state.edit(|painter| painter.replace(task::blank()))>
                            "Draw one"
                        </button>
                    </p>
                }
            >
                <Squares
                    id="arc"
                    label=Signal::derive(label)
                    shown=drawn
                    on_stroke=Callback::new(move |stroke| state.stroke(stroke))
                />
                <Palette state />
                <Size state />
            </Show>
            <p class="board-said" role="status">{move || said(state)}</p>
            <Show when=move || answered.with(Option::is_some)>
                <div class="arc-answer">
                    <h2>{move || format!("Answer after step {}", state.ask.shown.get() + 1)}</h2>
                    <Squares id="answer" label=Signal::stored("Answer".to_owned()) shown=answered />
                    <p class="board-said">{key(state.ask)}</p>
                </div>
            </Show>
        </section>
    }
}

/// The task's name, and where to get another.
#[component]
fn Loading(state: ArcState) -> impl IntoView {
    let example = move |_| {
        spawn_local(async move {
            let mut sides = state.ask.sides();
            sides.reverse();
            for side in sides {
                if let Some((puzzle, source)) = picker::stored(state.ask, side).await {
                    take(state, &puzzle);
                    state.ask.say(source);
                    return;
                }
            }
            state.ask.say_bad("No ARC dataset is stored that a model was trained on.".into());
        });
    };
    view! {
        <div class="tools">
            <label class="arc-name">
                <span>"Task's name"</span>
                <input
                    type="text"
                    placeholder="none"
                    prop:value=move || state.painter.with(|painter| painter.sheet().name.clone())
                    on:input=move |event| state.rename(event_target_value(&event))
                />
            </label>
            <div class="tool-buttons">
                <button type="button" class="quiet" on:click=example>"Example"</button>
                <OpenFile
                    ask=state.ask
                    accept=".json,application/json"
                    on_given=Callback::new(move |given| state.take(&given))
                />
            </div>
        </div>
        <Picker ask=state.ask on_pick=Callback::new(move |puzzle| take(state, &puzzle)) />
    }
}

/// Puts a dataset's pair in place as a test of its task.
fn take(state: ArcState, puzzle: &StoredPuzzle) {
    state.replace(task::of_pair(&puzzle.task, &puzzle.question, &puzzle.answer));
}

/// All pairs as small pictures; the one that is chosen is drawn on.
#[component]
fn Pairs(state: ArcState) -> impl IntoView {
    let pairs = move || {
        let task = state.task();
        let active = state.painter.with(Painter::active);
        let pair = |pair: usize| {
            let grids = [2 * pair, 2 * pair + 1].map(|board| thumbnail(state, &task, board, active));
            view! { <li class:test={pair >= task.train}>{grids.into_iter().collect_view()}</li> }
        };
        (0..task.boards.len() / 2).map(pair).collect_view()
    };
    view! {
        <ul class="pairs" aria-label="Pairs">{pairs}</ul>
        <div class="tool-buttons pair-buttons">
            <button type="button" class="quiet" on:click=move |_| state.add_pair(false)>"Add a demonstration"</button>
            <button type="button" class="quiet" on:click=move |_| state.add_pair(true)>"Add a test"</button>
            <button type="button" class="quiet" on:click=move |_| state.remove_pair()>"Remove this pair"</button>
        </div>
    }
}

fn thumbnail(state: ArcState, task: &Task, board: usize, active: usize) -> impl IntoView + use<> {
    let label = task.label(board);
    let svg = task.boards.get(board).and_then(Option::as_ref).map(|grid| grid_picture(Kind::Arc, grid));
    let unknown = svg.is_none();
    view! {
        <button
            type="button"
            class="picture"
            class:unknown=unknown
            aria-pressed=(board == active).to_string()
            aria-label=if unknown { format!("{label}, unknown") } else { label.clone() }
            title=label
            inner_html=svg.unwrap_or_else(|| "?".into())
            on:click=move |_| state.choose(board)
        ></button>
    }
}

/// What was just done, or how to draw.
fn said(state: ArcState) -> AnyView {
    match state.ask.said.get() {
        Some(said) => said.view(),
        None => view! {
            <span>
                "0 to 9 choose a colour, Space writes it; D draws, S selects, F fills; C copies, V pastes; X, Y and T turn. \
                 Paste or drop a task's JSON anywhere."
            </span>
        }
        .into_any(),
    }
}
