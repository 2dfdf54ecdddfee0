//! Runs beside each other: their scores, curves, settings, what they rest on, and the puzzles that one solves and another
//! does not.

mod add;
mod curves;
mod differences;
mod gone;
mod groups;
mod parallel;
mod puzzles;
mod scores;

use crate::{
    api,
    api::scores::MOST_COMPARED,
    components::{
        page::Page,
        problem::{Empty, Problems, Waiting},
    },
    load,
    query::query_signal,
};
use add::AddRun;
use curves::Curves;
use differences::Differences;
use gone::{Found, Gone};
use groups::Groups;
use hrm_types::{comparison::Comparison, ids::RunId};
use leptos::prelude::*;
use parallel::Parallel;
use puzzles::Puzzles;
use scores::{ByStep, Scores};
use std::time::Duration;

/// Between looks while one of the runs goes on.
const PAUSE: Duration = Duration::from_secs(5);

/// The page at `/compare?runs=ID,ID`.
#[component]
pub(crate) fn ComparePage() -> impl IntoView {
    let (listed, list) = query_signal("runs");
    let ids = Memo::new(move |_| listed.with(|listed| api::scores::parsed(listed.as_deref().unwrap_or_default())));
    let without = move |gone: RunId| {
        let left: Vec<String> = ids.get().iter().filter(|id| **id != gone).map(RunId::to_string).collect();
        list.set((!left.is_empty()).then(|| left.join(",")));
    };
    let with = move |new: RunId| {
        let all: Vec<String> = ids.get_untracked().iter().chain([&new]).map(RunId::to_string).collect();
        list.set(Some(all.join(",")));
    };
    let view = move || {
        if ids.with(Vec::is_empty) {
            let wrong = listed.get().filter(|listed| !listed.trim().is_empty());
            return view! {
                {wrong.map(|listed| view! { <p class="bad">{format!("The address names runs by their ids; {listed:?} is none.")}</p> })}
                <Empty title="No runs chosen">
                    "Tick runs in the "<a href="/runs">"list of runs"</a>" and press Compare, or open a row of a "<a href="/leaderboard">"leaderboard"</a>"."
                </Empty>
            }
            .into_any();
        }
        let alone = ids.with(Vec::len) == 1;
        view! {
            {alone.then(|| view! { <p class="muted">"One run alone. Add another to see what differs."</p> })}
            <Compared ids without=Callback::new(without) />
        }
        .into_any()
    };
    view! {
        <Page
            title="Compare"
            lead="What differs, what came of it, and what could explain it."
            actions=move || view! {
                <Show when=move || ids.with(Vec::len) < MOST_COMPARED>
                    <AddRun ids add=Callback::new(with) />
                </Show>
                <a class="button" href="/runs">"All runs"</a>
            }
        >
            {view}
        </Page>
    }
}

#[component]
fn Compared(ids: Memo<Vec<RunId>>, without: Callback<RunId>) -> impl IntoView {
    let known_gone = StoredValue::new(Vec::new());
    let found = load::poll(
        move || {
            let ids = ids.get();
            async move {
                let found = gone::compare(ids, &known_gone.try_get_value().unwrap_or_default()).await?;
                known_gone.try_set_value(found.gone.clone());
                Ok(found)
            }
        },
        |found: Option<&Found>| {
            let comparison = found.and_then(|found| found.comparison.as_ref());
            let moving = comparison.is_some_and(|comparison| comparison.runs.iter().any(|run| !run.state.is_final()));
            (found.is_none() || moving).then_some(PAUSE)
        },
    );
    // What is drawn anew only when it is another.
    let shown = Memo::new(move |_| found.value.with(|found| found.as_ref().and_then(|found| found.comparison.clone())));
    let gone = Memo::new(move |_| {
        found.value.with(|found| found.as_ref().map(|found| found.gone.clone()).unwrap_or_default())
    });
    let waits = Memo::new(move |_| found.value.with(Option::is_none) && found.problem.with(Option::is_none));
    let runs = Memo::new(move |_| {
        let ids = |comparison: &Comparison| comparison.runs.iter().map(|run| run.id).collect::<Vec<_>>();
        shown.with(|comparison| comparison.as_ref().map(ids))
    });
    view! {
        <Problems of=found.problem />
        <Gone runs=gone without />
        {move || match runs.get() {
            None => waits.get().then(|| view! { <Waiting /> }).into_any(),
            Some(ids) => sections(ids, shown, without).into_any(),
        }}
    }
}

/// The sections about these runs. While one of them trains every look brings other figures: what somebody has chosen in a
/// section outlives them.
fn sections(ids: Vec<RunId>, shown: Memo<Option<Comparison>>, without: Callback<RunId>) -> impl IntoView {
    let groups = Memo::new(move |_| shown.with(|comparison| comparison.as_ref().map(Groups::of).unwrap_or_default()));
    let pair = (ids.len() == 2).then(|| view! { <Puzzles shown groups /> });
    let drawn = move |draw: fn(&Comparison, Groups, Callback<RunId>) -> AnyView| {
        move || shown.with(|comparison| comparison.as_ref().map(|comparison| draw(comparison, groups.get(), without)))
    };
    view! {
        {drawn(|comparison, groups, without| view! { <Scores runs=comparison.runs.clone() groups without /> }.into_any())}
        <Curves ids shown groups />
        {drawn(|comparison, groups, _| view! { <ByStep runs=comparison.runs.clone() groups /> }.into_any())}
        {drawn(|comparison, groups, _| view! { <Parallel comparison=comparison.clone() groups /> }.into_any())}
        {drawn(differences)}
        {pair}
    }
}

fn differences(comparison: &Comparison, groups: Groups, _: Callback<RunId>) -> AnyView {
    let labels: Vec<String> = (0..comparison.runs.len()).map(|run| groups.label(run).to_owned()).collect();
    view! {
        <Differences
            title="Settings"
            none="All settings but the names are the same."
            differences=comparison.config.clone()
            labels=labels.clone()
        />
        <Differences
            title="What they rest on"
            none="Program, machine, data and protocol are the same."
            differences=comparison.provenance.clone()
            labels
        />
    }
    .into_any()
}
