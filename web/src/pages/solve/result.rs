//! The result: the verdict, the player, the curve of the halting values, and ways to share it.

use super::{
    player::Player,
    share::Share,
    state::{Outcome, SolveState},
    verdict,
};
use crate::{
    chart::{Chart, Mark, Series, Unit},
    components::problem::Problems,
};
use leptos::prelude::*;

/// What the model answered, or what will stand here.
#[component]
pub(crate) fn ResultPanel(state: SolveState) -> impl IntoView {
    let answered = Memo::new(move |_| state.outcome.with(Option::is_some));
    view! {
        <section class="result" aria-label="Result">
            <Problems of=state.problem />
            <div role="status" class="verdict-room">{move || verdict_view(state)}</div>
            <Show when=move || answered.get() fallback=placeholder>
                <Player state />
                <p class="step-said">
                    {move || state.outcome.with(|o| o.as_ref().map(|o| verdict::step(o, state.shown.get())))}
                </p>
                <HaltingCurve state />
                <Share state />
            </Show>
        </section>
    }
}

fn placeholder() -> impl IntoView {
    view! {
        <p class="result-empty">
            "The answer appears on the board, step by step: how sure the model is of every cell, what each step changes, \
             and when the model decides that it is done. Nothing corrects it; if its answer breaks a rule, this says which."
        </p>
    }
}

fn verdict_view(state: SolveState) -> impl IntoView {
    state.outcome.with(|outcome| {
        outcome.as_ref().map(|outcome| {
            let class = if outcome.response.solved { "verdict good" } else { "verdict bad" };
            let model = outcome.response.model.name.clone();
            view! {
                <p class=class>{verdict::verdict(outcome)}</p>
                <p class="muted">{verdict::ending(outcome)} " Model: " <span class="name">{model}</span> "."</p>
            }
        })
    })
}

/// The values of stopping and of going on, at every step.
#[component]
fn HaltingCurve(state: SolveState) -> impl IntoView {
    let of = |outcome: &Outcome, value: fn(&hrm_types::solve::SolveStep) -> f32| {
        outcome.response.steps.iter().map(|step| (f64::from(step.step), f64::from(value(step)))).collect()
    };
    let series = Signal::derive(move || {
        state.outcome.with(|outcome| match outcome {
            None => Vec::new(),
            Some(outcome) => vec![
                Series { name: "q_halt".into(), tone: 1, points: of(outcome, |step| step.q_halt), ..Series::default() },
                Series {
                    name: "q_continue".into(),
                    tone: 2,
                    points: of(outcome, |step| step.q_continue),
                    ..Series::default()
                },
            ],
        })
    });
    let marks = Signal::derive(move || {
        state.outcome.with(|outcome| {
            let halted = outcome.iter().filter(|outcome| outcome.response.halted);
            halted.map(|outcome| Mark { x: outcome.response.steps_used.into(), label: "halts" }).collect::<Vec<_>>()
        })
    });
    let at = Signal::derive(move || Some(state.shown.get() as f64 + 1.0));
    view! { <Chart title="Stop or go on" series marks at unit=Unit::Logit height=160.0 /> }
}
