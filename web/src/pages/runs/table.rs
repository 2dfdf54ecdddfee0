//! The table of runs: rows that change with their runs while their elements, and with them the focus, stay.

use super::{columns::COLUMNS, look::Look};
use crate::components::job::of_state;
use hrm_types::{ids::RunId, run::Run};
use leptos::prelude::*;

/// Runs compared at most.
pub(super) const MOST_COMPARED: usize = 20;

/// What can be done with a run from its row.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    /// Ticked rows, in the order of ticking.
    pub(super) chosen: RwSignal<Vec<RunId>>,
    /// Asks something of a run.
    pub(super) ask: Callback<(RunId, &'static str)>,
}

#[component]
pub(super) fn Table(runs: Memo<Option<Vec<Run>>>, look: Look, actions: Actions) -> impl IntoView {
    let ids = move || runs.with(|runs| runs.iter().flatten().map(|run| run.id).collect::<Vec<_>>());
    let heads = COLUMNS.iter().map(|column| {
        view! { <Show when=move || look.shows(column.key)><th scope="col" class:right=column.right>{column.title}</th></Show> }
    });
    view! {
        <table class="rows runs">
            <thead>
                <tr>
                    <th scope="col" class="tick"><span class="hidden">"Compare"</span></th>
                    <th scope="col">"Run"</th>
                    {heads.collect_view()}
                    <th scope="col"><span class="hidden">"What to do"</span></th>
                </tr>
            </thead>
            <tbody>
                <For each=ids key=|id| *id let:id>
                    {row(id, runs, look, actions)}
                </For>
            </tbody>
        </table>
    }
}

fn row(id: RunId, runs: Memo<Option<Vec<Run>>>, look: Look, actions: Actions) -> impl IntoView {
    let run = Memo::new(move |_| runs.with(|runs| runs.iter().flatten().find(|run| run.id == id).cloned()));
    let cell = move |show: fn(&Run) -> AnyView| view! { <div class="value">{move || run.with(|run| run.as_ref().map(show))}</div> };
    let cells = COLUMNS.iter().map(|column| {
        view! {
            <Show when=move || look.shows(column.key)>
                <td data-label=column.title class:right=column.right>{cell(column.cell)}</td>
            </Show>
        }
    });
    let name = move || run.with(|run| run.as_ref().map(|run| run.name.clone()).unwrap_or_default());
    let ticked = move || actions.chosen.with(|chosen| chosen.contains(&id));
    let tick = move |_| {
        actions.chosen.update(|chosen| match chosen.iter().position(|other| *other == id) {
            Some(place) => drop(chosen.remove(place)),
            None => chosen.push(id),
        });
    };
    let full = move || !ticked() && actions.chosen.with(|chosen| chosen.len() >= MOST_COMPARED);
    view! {
        <tr class:chosen=ticked>
            <td class="tick">
                <input type="checkbox" aria-label=move || format!("Compare {}", name()) prop:checked=ticked disabled=full on:change=tick />
            </td>
            <th scope="row"><a href=format!("/runs/{id}")>{name}</a></th>
            {cells.collect_view()}
            <td class="right">{buttons(id, run, actions)}</td>
        </tr>
    }
}

/// What fits the run's state.
fn buttons(id: RunId, run: Memo<Option<Run>>, actions: Actions) -> impl IntoView {
    let wishes = Memo::new(move |_| {
        run.with(|run| {
            run.as_ref().map(|run| of_state(run.state, run.pause_requested, run.cancel_requested)).unwrap_or_default()
        })
    });
    let button = move |(wish, words): (&'static str, &'static str)| {
        view! { <button type="button" class="quiet" on:click=move |_| actions.ask.run((id, wish))>{words}</button> }
    };
    view! {
        {move || wishes.get().into_iter().map(button).collect_view()}
        <a class="button quiet" href=format!("/runs/new?from={id}")>"Clone"</a>
    }
}
