//! A sweep: how its runs stand, and the end of those that have not ended.

use super::{confirm::Confirm, problem::Problems};
use crate::{
    api::{self, scores::MOST_COMPARED},
    format,
    load::{self, Loaded},
    session::ForWriters,
};
use hrm_types::{
    ids::SweepId,
    problem::Problem,
    run::RunState,
    sweep::{Sweep, SweepRun},
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Between looks while one of its runs goes on.
const PAUSE: Duration = Duration::from_secs(4);

/// The states in the order in which they are told.
const STATES: [RunState; 6] =
    [RunState::Running, RunState::Queued, RunState::Paused, RunState::Succeeded, RunState::Failed, RunState::Cancelled];

/// A line about a sweep; `changed` is called once its runs were cancelled.
#[component]
pub(crate) fn SweepLine(
    id: SweepId,
    /// Whether the list of its runs is what is shown; else its name leads there.
    #[prop(optional)]
    listed: bool,
    changed: Callback<()>,
) -> impl IntoView {
    let sweep = load::poll(
        move || api::runs::get_sweep(id),
        |sweep: Option<&Sweep>| sweep.is_some_and(|sweep| going_on(sweep) > 0).then_some(PAUSE),
    );
    let (refused, said) = (RwSignal::new(None::<Problem>), RwSignal::new(String::new()));
    let cancel = move || spawn_local(cancel(id, sweep, (refused, said), changed));
    let name = Memo::new(move |_| sweep.value.with(|sweep| sweep.as_ref().map(|sweep| sweep.name.clone())));
    let left = Memo::new(move |_| sweep.value.with(|sweep| sweep.as_ref().map_or(0, going_on)));
    let question = Signal::derive(move || question(left.get(), &name.get().unwrap_or_default()));
    let shown = move || {
        let name = name.get()?;
        Some(if listed { name.into_any() } else { view! { <a href=format!("/runs?sweep={id}")>{name}</a> }.into_any() })
    };
    let compare = move || {
        sweep.value.with(|sweep| {
            let (words, link) = comparison(&sweep.as_ref()?.runs)?;
            Some(view! { <a href=link>{words}</a> })
        })
    };
    view! {
        <Problems of=sweep.problem />
        <Show when=move || name.with(Option::is_some)>
            <div class="sweep" role="group" aria-label="Its sweep">
                <span>"Sweep "<b>{shown}</b>": "{move || sweep.value.with(|sweep| sweep.as_ref().map(|sweep| standing(&sweep.runs)))}</span>
                <Show when=move || { left.get() > 0 }>
                    <ForWriters><Confirm label="Cancel all" question act=cancel keep="Let them go on" /></ForWriters>
                </Show>
                {listed.then(|| view! { {compare}<a href="/runs">"All runs"</a> })}
                <span class="hint" role="status">{said}</span>
            </div>
        </Show>
        <Problems of=refused />
    }
}

/// Asks for the end of the runs, and says what became of them.
async fn cancel(
    id: SweepId,
    sweep: Loaded<Sweep>,
    (refused, said): (RwSignal<Option<Problem>>, RwSignal<String>),
    changed: Callback<()>,
) {
    let before = sweep.value.get_untracked();
    match api::runs::cancel_sweep(id).await {
        Ok(now) => {
            refused.try_set(None);
            said.try_set(became(&before.map(|sweep| sweep.runs).unwrap_or_default(), &now.runs));
            sweep.value.try_set(Some(now));
            changed.try_run(());
        }
        Err(problem) => drop(refused.try_set(Some(*problem))),
    }
    // Those that are being stopped end soon.
    sweep.refresh();
}

/// Runs that have not ended.
fn going_on(sweep: &Sweep) -> usize {
    sweep.runs.iter().filter(|run| !run.state.is_final()).count()
}

fn question(left: usize, name: &str) -> String {
    match left {
        1 => format!("Cancel the run of {name} that has not ended?"),
        left => format!("Cancel the {left} runs of {name} that have not ended?"),
    }
}

/// How many runs stand where: `5 runs, 1 stopping, 2 queued, 2 succeeded`.
fn standing(runs: &[SweepRun]) -> String {
    let count = |state: RunState| runs.iter().filter(|run| run.state == state && !run.cancel_requested).count();
    let stopping = runs.iter().filter(|run| run.cancel_requested).count();
    let states = STATES.into_iter().map(|state| (count(state), state.as_str()));
    let told = std::iter::once((stopping, "stopping"))
        .chain(states)
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!(", {count} {state}"));
    format!("{}{}", format::counted(runs.len() as u64, "run"), told.collect::<String>())
}

/// Where its runs are compared, as far as so many can be; nothing where there is one alone.
fn comparison(runs: &[SweepRun]) -> Option<(String, String)> {
    let ids: Vec<String> = runs.iter().take(MOST_COMPARED).map(|run| run.id.to_string()).collect();
    let words =
        if ids.len() < runs.len() { format!("Compare the first {}", ids.len()) } else { "Compare them".to_owned() };
    (ids.len() > 1).then(|| (words, format!("/compare?runs={}", ids.join(","))))
}

/// What a cancelling made of the runs that had not ended before it.
fn became(before: &[SweepRun], now: &[SweepRun]) -> String {
    let had_ended = |run: &&SweepRun| before.iter().any(|other| other.id == run.id && other.state.is_final());
    let count = |of: fn(RunState) -> bool| now.iter().filter(|run| !had_ended(run) && of(run.state)).count();
    let (cancelled, stopping) = (count(|state| state == RunState::Cancelled), count(|state| !state.is_final()));
    let one_or = |count: usize, one: &str, more: &str| match count {
        0 => None,
        1 => Some(format!("1 run {one}")),
        count => Some(format!("{count} runs {more}")),
    };
    let parts = [
        one_or(cancelled, "was cancelled", "were cancelled"),
        one_or(stopping, "was asked to stop", "were asked to stop"),
    ];
    let told = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if told.is_empty() { "All had ended.".to_owned() } else { format!("{told}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(states: &[RunState]) -> Vec<SweepRun> {
        let run = |(i, state): (usize, &RunState)| {
            let id = format!("0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e{i:02}");
            serde_json::from_value(serde_json::json!({"id": id, "name": "run", "seed": i, "state": state.as_str()}))
                .unwrap()
        };
        states.iter().enumerate().map(run).collect()
    }

    #[test]
    fn a_sweep_tells_where_its_runs_stand() {
        use RunState::{Queued, Running, Succeeded};
        assert_eq!(standing(&runs(&[Succeeded, Running, Queued, Queued])), "4 runs, 1 running, 2 queued, 1 succeeded");
        assert_eq!(standing(&runs(&[Queued])), "1 run, 1 queued");
        let mut asked = runs(&[Running, Running]);
        asked[1].cancel_requested = true;
        assert_eq!(standing(&asked), "2 runs, 1 stopping, 1 running");
    }

    #[test]
    fn its_runs_are_compared_as_far_as_they_can_be() {
        let (words, link) = comparison(&runs(&[RunState::Succeeded; 2])).unwrap();
        assert_eq!(words, "Compare them");
        assert!(link.starts_with("/compare?runs=0199c2a4-") && link.matches(',').count() == 1, "{link}");
        assert_eq!(comparison(&runs(&[RunState::Succeeded; 21])).unwrap().0, "Compare the first 20");
        assert_eq!(comparison(&runs(&[RunState::Succeeded])), None);
    }

    #[test]
    fn what_became_of_the_runs_is_told() {
        use RunState::{Cancelled, Queued, Running, Succeeded};
        let before = runs(&[Cancelled, Running, Queued, Queued, Succeeded]);
        let now = runs(&[Cancelled, Running, Cancelled, Cancelled, Succeeded]);
        assert_eq!(became(&before, &now), "2 runs were cancelled, 1 run was asked to stop.");
        assert_eq!(became(&now, &now), "1 run was asked to stop.", "what had ended before is not told again");
        assert_eq!(became(&runs(&[Succeeded]), &runs(&[Succeeded])), "All had ended.");
    }
}
