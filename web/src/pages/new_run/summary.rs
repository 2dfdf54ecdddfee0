//! What will be queued: the differences from the published settings, and how many steps it plans.

use super::{
    FormState, estimate,
    form::{Difference, START, differences, fills_a_batch, label},
};
use crate::{format, listing};
use hrm_types::experiment::Experiment;
use leptos::prelude::*;
use serde_json::Value;

/// The differences and the plan, or what is still wrong.
#[component]
pub(super) fn Summary(state: FormState) -> impl IntoView {
    let experiment = Memo::new(move |_| state.form.with(|form| form.experiment().ok()));
    let differing = move || {
        let now = experiment.get()?;
        state.base.with(|base| base.as_ref().map(|base| (base.title.clone(), differences(&base.experiment, &now))))
    };
    let wrong = move || {
        let error = state.error()?;
        let place = if error.path.is_empty() { String::new() } else { format!("{}: ", label(&error.path)) };
        Some(view! { <p class="bad" role="status">{place}{error.problem}</p> })
    };
    view! {
        <h2>"To be queued"</h2>
        {wrong}
        {move || experiment.get().map(|experiment| plan(state, &experiment))}
        {move || experiment.get().map(|experiment| time(state, &experiment))}
        {move || differing().map(|(title, differences)| difference_list(&title, differences))}
    }
}

fn plan(state: FormState, experiment: &Experiment) -> impl IntoView + use<> {
    let puzzles = state.puzzles()?;
    let train = puzzles.train?;
    let batch = format::counted(experiment.train.batch_size as u64, "sequence");
    if !fills_a_batch(experiment, puzzles.kind, train) {
        let puzzles = format::counted(train.into(), "training puzzle");
        let words = format!("{puzzles} cannot fill a batch of {batch}.");
        return Some(view! { <p class="bad" role="status">{words}</p> }.into_any());
    }
    let steps = format::counted(experiment.train.steps(train.into()), "step");
    Some(view! { <p>{format!("About {steps} of {batch}.")}</p> }.into_any())
}

/// How long it will take, as far as runs of the past tell.
fn time(state: FormState, experiment: &Experiment) -> impl IntoView + use<> {
    let puzzles = state.puzzles()?;
    let train = puzzles.train?;
    if !fills_a_batch(experiment, puzzles.kind, train) {
        return None;
    }
    let side = |name: &str| state.dataset(name).map(|dataset| dataset.side);
    let runs = state.past.value.get()?.items;
    let past = runs.into_iter().map(|run| {
        let cells = estimate::cells(&run.experiment.data, side);
        (run, cells)
    });
    let told = estimate::estimate(
        experiment,
        puzzles.cells(),
        experiment.train.steps(train.into()),
        &past.collect::<Vec<_>>(),
    );
    Some(match told {
        None => view! { <p class="muted">"No run was trained here yet that would tell how long this one takes."</p> }
            .into_any(),
        Some(told) => {
            let seeds = state.seeds.get().max(1);
            let all = (seeds > 1)
                .then(|| format!(" each, {} one after the other", format::duration(told.seconds * f64::from(seeds))));
            let how = if told.same { "at the speed of" } else { "by the work for a sequence and the speed of" };
            view! {
                <p>"About "<b>{format::duration(told.seconds)}</b>{all}<span class="aside">{format!("{how} {}", told.like)}</span></p>
            }
            .into_any()
        }
    })
}

fn difference_list(title: &str, differences: Vec<Difference>) -> impl IntoView + use<> {
    if differences.is_empty() {
        return view! { <p class="muted">{format!("Exactly as {title} has it.")}</p> }.into_any();
    }
    let value = |path: &str, value: Option<Value>| match value {
        None => "–".into(),
        Some(Value::String(sha256)) if path == START => format::short_hash(&sha256),
        Some(value) => listing::shown(&value),
    };
    let rows = differences.into_iter().map(|(path, before, now)| {
        let (before, now) = (value(&path, before), value(&path, now));
        view! { <tr><th scope="row">{path}</th><td class="before">{before}</td><td>{now}</td></tr> }
    });
    view! {
        <table class="differences">
            <caption>{format!("Differs from {title}")}</caption>
            <thead><tr><th scope="col">"setting"</th><th scope="col">"there"</th><th scope="col">"here"</th></tr></thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
    .into_any()
}
