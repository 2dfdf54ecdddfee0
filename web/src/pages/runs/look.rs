//! How the list of runs is looked at: filters and columns, all of them in the address.

use super::{
    columns::{COLUMNS, ORDINARY},
    word::word,
};
use crate::{
    api::runs::RunFilter,
    components::select::{Options, Select},
    query::query_signal,
};
use hrm_types::{dataset::Dataset, run::RunState};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

const STATES: [RunState; 6] =
    [RunState::Queued, RunState::Running, RunState::Paused, RunState::Succeeded, RunState::Failed, RunState::Cancelled];

/// A parameter of the address, read and set.
pub(super) type Parameter = (Memo<Option<String>>, SignalSetter<Option<String>>);

#[derive(Clone, Copy)]
pub(super) struct Look {
    name: Parameter,
    state: Parameter,
    dataset: Parameter,
    tag: Parameter,
    owner: Parameter,
    columns: Parameter,
    pub(super) sweep: Memo<Option<String>>,
}

impl Look {
    pub(super) fn from_query() -> Self {
        let query = use_query_map();
        Self {
            name: query_signal("name"),
            state: query_signal("state"),
            dataset: query_signal("dataset"),
            tag: query_signal("tag"),
            owner: query_signal("owner"),
            columns: query_signal("columns"),
            sweep: Memo::new(move |_| query.with(|query| query.get("sweep"))),
        }
    }

    /// What the server is asked for.
    pub(super) fn filter(self) -> RunFilter {
        RunFilter {
            name: self.name.0.get(),
            state: self.state.0.get(),
            dataset_id: self.dataset.0.get(),
            tag: self.tag.0.get(),
            owner: self.owner.0.get(),
            sweep_id: self.sweep.get(),
        }
    }

    /// Whether a column is shown.
    pub(super) fn shows(self, key: &str) -> bool {
        self.columns.0.with(|columns| match columns {
            Some(columns) => columns.split(',').any(|column| column == key),
            None => ORDINARY.contains(&key),
        })
    }

    fn toggle(self, key: &str) {
        let shown = |column: &&str| if *column == key { !self.shows(key) } else { self.shows(column) };
        let keys: Vec<&str> = COLUMNS.iter().map(|column| column.key).filter(shown).collect();
        let ordinary = COLUMNS.iter().map(|column| column.key).filter(|key| ORDINARY.contains(key));
        let changed = !ordinary.eq(keys.iter().copied());
        self.columns.1.set(changed.then(|| keys.join(",")));
    }

    fn clear(self) {
        for (_, set) in [self.name, self.state, self.dataset, self.tag, self.owner] {
            set.set(None);
        }
    }

    /// The controls.
    pub(super) fn view(self, datasets: Memo<Vec<Dataset>>) -> impl IntoView {
        let states = STATES.map(|state| (state.as_str().to_owned(), state.as_str().to_owned()));
        let any = move || {
            [self.name, self.state, self.dataset, self.tag, self.owner]
                .iter()
                .any(|(value, _)| value.with(Option::is_some))
        };
        let columns = COLUMNS.iter().map(|column| {
            view! {
                <label class="check">
                    <input type="checkbox" prop:checked=move || self.shows(column.key) on:change=move |_| self.toggle(column.key) />
                    {column.title}
                </label>
            }
        });
        view! {
            <div class="filters" role="search" aria-label="Runs">
                {word("Name", "name", self.name)}
                {select("State", "state", self.state, Signal::stored(states.to_vec()))}
                {select("Dataset", "dataset", self.dataset, Signal::derive(move || {
                    datasets.with(|all| all.iter().map(|d| (d.id.to_string(), d.name.clone())).collect())
                }))}
                {word("Tag", "tag", self.tag)}
                {word("Owner", "owner", self.owner)}
                <details class="columns">
                    <summary class="button">"Columns"</summary>
                    <div class="columns-choices">{columns.collect_view()}</div>
                </details>
                <Show when=any>
                    <button type="button" class="quiet" on:click=move |_| self.clear()>"Clear filters"</button>
                </Show>
            </div>
        }
    }
}

fn select(title: &'static str, id: &'static str, (value, set): Parameter, choices: Signal<Options>) -> impl IntoView {
    let any = || (String::new(), "any".to_owned());
    let options = Signal::derive(move || std::iter::once(any()).chain(choices.get()).collect::<Options>());
    let value = Signal::derive(move || value.get().unwrap_or_default());
    let choose = move |chosen: String| set.set((!chosen.is_empty()).then_some(chosen));
    view! {
        <div class="field">
            <label for=id>{title}</label>
            <Select id options value choose />
        </div>
    }
}
