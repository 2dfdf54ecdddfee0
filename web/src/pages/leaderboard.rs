//! The leaderboard of a dataset: every scored checkpoint, best first.

use super::run::protocol;
use crate::{
    api,
    components::{
        ago::Ago,
        interval::Interval,
        page::Page,
        problem::{Empty, Problems, Waiting},
    },
    format, load,
};
use hrm_types::{Page as ListPage, dataset::Dataset, evaluation::LeaderboardRow, ids::DatasetId};
use leptos::prelude::*;
use leptos_router::hooks::query_signal;
use std::time::Duration;

/// Between looks for new scores.
const PAUSE: Duration = Duration::from_secs(10);

/// The page at `/leaderboard?dataset=ID`.
#[component]
pub(crate) fn LeaderboardPage() -> impl IntoView {
    let (wanted, want) = query_signal::<String>("dataset");
    let datasets = load::load(api::data::list_datasets);
    let dataset = Memo::new(move |_| {
        let wanted = wanted.get();
        datasets.value.with(|page| {
            let datasets = &page.as_ref()?.items;
            let named = |dataset: &&Dataset| {
                wanted.as_ref().is_some_and(|w| dataset.id.to_string() == *w || dataset.name == *w)
            };
            datasets.iter().find(named).or_else(|| datasets.iter().find(|d| d.test_count > 0)).cloned()
        })
    });
    let id = Memo::new(move |_| dataset.with(|dataset| dataset.as_ref().map(|dataset| dataset.id)));
    let none = move || datasets.value.with(|page| page.as_ref().is_some_and(|page| page.items.is_empty()));
    let choose = move |event: web_sys::Event| want.set(Some(event_target_value(&event)));
    view! {
        <Page title="Leaderboard" lead="Every score on a dataset's held-out puzzles, best first, with its 95 % interval.">
            <Problems of=datasets.problem />
            <Show when=move || datasets.value.with(Option::is_some) && !none()>
                <div class="field inline">
                    <label for="dataset">"Dataset"</label>
                    <select id="dataset" on:change=choose>
                        {move || datasets.value.with(|page| options(page.as_ref(), id.get()))}
                    </select>
                    <span class="hint">{move || dataset.with(|dataset| dataset.as_ref().map(described))}</span>
                </div>
            </Show>
            <Show when=none>
                <Empty title="No dataset yet">
                    "Scores are measured on a stored dataset. "<a href="/datasets">"Generate one"</a>", or "<a href="/runs/new">"queue a run"</a>" that does."
                </Empty>
            </Show>
            {move || id.get().map(|id| view! { <Board id /><p><a href=format!("/api/v1/published?dataset_id={id}") rel="external">"Published by others, not measured here"</a></p> })}
        </Page>
    }
}

fn described(dataset: &Dataset) -> String {
    format!(
        "{} {1} × {1}, {2}, {3}",
        dataset.kind,
        dataset.side,
        format::counted(dataset.test_count.into(), "test puzzle"),
        dataset.origin
    )
}

fn options(page: Option<&ListPage<Dataset>>, chosen: Option<DatasetId>) -> impl IntoView + use<> {
    let datasets = page.into_iter().flat_map(|page| page.items.iter());
    let option = |dataset: &Dataset| {
        let selected = Some(dataset.id) == chosen;
        view! { <option value=dataset.id.to_string() selected=selected>{dataset.name.clone()}</option> }
    };
    datasets.map(option).collect_view()
}

#[component]
fn Board(id: DatasetId) -> impl IntoView {
    let rows = load::poll(move || api::scores::leaderboard(id), |_| Some(PAUSE));
    view! {
        <Problems of=rows.problem />
        {move || rows.value.with(|page| match page {
            None => view! { <Waiting /> }.into_any(),
            Some(page) if page.items.is_empty() => view! {
                <Empty title="No score yet">
                    "A run that trains on this dataset is scored on its test split when it ends. "
                    <a href="/runs/new">"Queue one"</a>"."
                </Empty>
            }.into_any(),
            Some(page) => table(&page.items).into_any(),
        })}
    }
}

fn table(rows: &[LeaderboardRow]) -> impl IntoView + use<> {
    view! {
        <table class="rows leaderboard">
            <thead>
                <tr>
                    <th scope="col" class="right">"Rank"</th>
                    <th scope="col">"Model"</th>
                    <th scope="col">"Exact accuracy"</th>
                    <th scope="col" class="right">"Cells right"</th>
                    <th scope="col" class="right">"ACT steps"</th>
                    <th scope="col" class="right">"Weights"</th>
                    <th scope="col">"Trained"</th>
                    <th scope="col">"Protocol"</th>
                    <th scope="col">"Measured"</th>
                </tr>
            </thead>
            <tbody>{rows.iter().map(row).collect_view()}</tbody>
        </table>
    }
}

fn row(row: &LeaderboardRow) -> impl IntoView + use<> {
    let score = &row.evaluation;
    let model = match row.run_id {
        Some(run) => view! { <a href=format!("/runs/{run}")>{row.model.clone()}</a> }.into_any(),
        None => view! { {row.model.clone()}<span class="aside">"ships with the program"</span> }.into_any(),
    };
    let seconds = row.train_seconds.map(|seconds| view! { <span class="aside">{format::duration(seconds)}</span> });
    view! {
        <tr>
            <td data-label="Rank" class="right rank">{row.rank}{row.claimed.then_some(" claimed")}</td>
            <th scope="row">{model}</th>
            <td data-label="Exact accuracy"><Interval evaluation=score.clone() /></td>
            <td data-label="Cells right" class="right">{format::percent(score.accuracy)}</td>
            <td data-label="ACT steps" class="right">{format!("{:.1}", score.mean_steps)}</td>
            <td data-label="Weights" class="right" title=format::count(row.parameters)>{format::short_count(row.parameters)}</td>
            <td data-label="Trained"><span>{format::counted(row.step, "step")}{seconds}</span></td>
            <td data-label="Protocol">
                <span>{protocol(&score.protocol)}<span class="aside">{format::counted(score.n.into(), "puzzle")}</span></span>
            </td>
            <td data-label="Measured"><Ago at=row.created_at /></td>
        </tr>
    }
}
