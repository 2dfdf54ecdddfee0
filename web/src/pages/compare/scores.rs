//! The scores of compared runs, and their accuracy after every ACT step.

use super::groups::Groups;
use crate::{
    chart::{Chart, LineMark, Range, Series, Unit},
    components::{claimed::Claimed, interval::Interval, state::StateMark},
    format,
};
use hrm_types::{comparison::ComparedRun, ids::RunId};
use leptos::prelude::*;

#[component]
pub(super) fn Scores(runs: Vec<ComparedRun>, groups: Groups, without: Callback<RunId>) -> impl IntoView {
    let rows = runs
        .into_iter()
        .enumerate()
        .map(|(i, run)| row(run, groups.label(i), (groups.tone(i), groups.nth(i)), without));
    let rows = rows.collect_view();
    view! {
        <section class="compare-scores" aria-label="Scores">
            <table class="rows">
                <thead>
                    <tr>
                        <th scope="col">"Run"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Exact accuracy"</th>
                        <th scope="col" class="right">"Cells right"</th>
                        <th scope="col" class="right">"ACT steps"</th>
                        <th scope="col" class="right">"Seed"</th>
                        <th scope="col" class="right">"Trained for"</th>
                        <th scope="col"><span class="hidden">"Leave out"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

fn row(run: ComparedRun, label: &str, (tone, nth): (u8, u8), without: Callback<RunId>) -> impl IntoView + use<> {
    let id = run.id;
    let leave_out = format!("Leave out: {label}");
    let dash = || "–".to_owned();
    let score = run.evaluation.clone().map(|evaluation| view! { <Interval evaluation /> });
    let of = |value: fn(&hrm_types::evaluation::Evaluation) -> String| run.evaluation.as_ref().map_or_else(dash, value);
    view! {
        <tr>
            <th scope="row"><LineMark tone nth /><a href=format!("/runs/{id}")>{run.name.clone()}</a></th>
            <td data-label="State"><StateMark state=run.state /></td>
            <td data-label="Exact accuracy"><span>{score}<Claimed claimed=run.claimed /></span></td>
            <td data-label="Cells right" class="right">{of(|score| format::percent(score.accuracy))}</td>
            <td data-label="ACT steps" class="right">{of(|score| format!("{:.2}", score.mean_steps))}</td>
            <td data-label="Seed" class="right">{run.seed}</td>
            <td data-label="Trained for" class="right">{run.active_seconds.map_or_else(dash, format::duration)}</td>
            <td class="right"><button type="button" class="quiet" aria-label=leave_out on:click=move |_| without.run(id)>"Leave out"</button></td>
        </tr>
    }
}

/// How the accuracy grows with the ACT steps.
#[component]
pub(super) fn ByStep(runs: Vec<ComparedRun>, groups: Groups) -> impl IntoView {
    let curves = runs.iter().enumerate().filter_map(|(i, run)| {
        let score = run.evaluation.as_ref()?;
        let points = (1..).zip(&score.exact_by_step).map(|(step, share)| (f64::from(step), *share)).collect();
        let claimed = if run.claimed { " (claimed)" } else { "" };
        let name = format!("{}{claimed}", groups.label(i));
        Some(Series { name, tone: groups.tone(i), nth: groups.nth(i), points, ..Series::default() })
    });
    let curves: Vec<Series> = curves.collect();
    (!curves.is_empty()).then(|| {
        view! {
            <section class="compare-steps">
                <Chart
                    title="Exact accuracy after each ACT step"
                    series=Signal::stored(curves)
                    range=Range::Share
                    unit=Unit::Share
                    height=220.0
                />
            </section>
        }
    })
}
