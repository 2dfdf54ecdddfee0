//! The table of runs: rows that change with their runs while their elements, and with them the focus, stay.

use super::{columns::COLUMNS, look::Look};
use crate::{
    api::scores::MOST_COMPARED,
    components::{
        namesakes::repeated,
        wish::{Wish, WishButtons, of_run},
    },
    session::ForWriters,
};
use hrm_types::{ids::RunId, run::Run};
use leptos::prelude::*;
use std::collections::BTreeSet;

/// What can be done with a run from its row.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    /// Ticked rows, in the order of ticking.
    pub(super) chosen: RwSignal<Vec<RunId>>,
    /// Asks something of a run.
    pub(super) ask: Callback<(RunId, Wish)>,
}

#[component]
pub(super) fn Table(runs: Memo<Option<Vec<Run>>>, look: Look, actions: Actions) -> impl IntoView {
    let ids = move || runs.with(|runs| runs.iter().flatten().map(|run| run.id).collect::<Vec<_>>());
    let repeated = Memo::new(move |_| runs.with(|runs| repeated(runs.iter().flatten().map(|run| &run.name))));
    let heads = COLUMNS.iter().map(|column| {
        view! { <Show when=move || look.shows(column.key)><th scope="col" class:right=column.right>{column.title}</th></Show> }
    });
    view! {
        <div class="scrolls"><table class="rows runs">
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
                    {row(id, runs, repeated, look, actions)}
                </For>
            </tbody>
        </table></div>
    }
}

fn name_of(run: Memo<Option<Run>>) -> String {
    run.with(|run| run.as_ref().map(|run| run.name.clone()).unwrap_or_default())
}

fn row(
    id: RunId,
    runs: Memo<Option<Vec<Run>>>,
    repeated: Memo<BTreeSet<String>>,
    look: Look,
    actions: Actions,
) -> impl IntoView {
    let run = Memo::new(move |_| runs.with(|runs| runs.iter().flatten().find(|run| run.id == id).cloned()));
    let cell = move |show: fn(&Run) -> AnyView| view! { <div class="value">{move || run.with(|run| run.as_ref().map(show))}</div> };
    let cells = COLUMNS.iter().map(|column| {
        view! {
            <Show when=move || look.shows(column.key)>
                <td data-label=column.title class:right=column.right>{cell(column.cell)}</td>
            </Show>
        }
    });
    let name = move || name_of(run);
    let seed = Memo::new(move |_| {
        run.with(|run| {
            let run = run.as_ref().filter(|run| repeated.with(|names| names.contains(&run.name)))?;
            Some(format!("seed {}", run.experiment.seed))
        })
    });
    let called = move || seed.get().map_or_else(name, |seed| format!("{}, {seed}", name()));
    let seed = move || seed.get().map(|seed| view! { <span class="aside">{seed}</span> });
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
                <input type="checkbox" aria-label=move || format!("Compare {}", called()) prop:checked=ticked disabled=full on:change=tick />
            </td>
            <th scope="row"><a href=format!("/runs/{id}")>{name}</a>{seed}</th>
            {cells.collect_view()}
            <td class="right"><ForWriters>{buttons(id, run, actions)}</ForWriters></td>
        </tr>
    }
}

/// What fits the run's state.
fn buttons(id: RunId, run: Memo<Option<Run>>, actions: Actions) -> impl IntoView {
    let wishes = Memo::new(move |_| run.with(|run| run.as_ref().map(of_run).unwrap_or_default()));
    let name = Memo::new(move |_| name_of(run));
    let ask = move |wish| actions.ask.run((id, wish));
    view! {
        <WishButtons wishes name ask />
        <a class="button quiet" aria-label=move || format!("Clone: {}", name.get()) href=format!("/runs/new?from={id}")>"Clone"</a>
    }
}
