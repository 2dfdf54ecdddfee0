//! The result: the verdict, the player, the curve of the halting values, and ways to share it.

use super::{
    again::Again,
    ask::{Ask, Outcome},
    attempts::Seen,
    player::Player,
    share::Share,
    verdict,
};
use crate::{
    browser,
    chart::{Chart, Mark, Series, Unit},
    components::problem::Problems,
};
use leptos::prelude::*;

/// What the model answered, or what will stand here.
#[component]
pub(crate) fn ResultPanel(ask: Ask) -> impl IntoView {
    let answered = Memo::new(move |_| ask.outcome.with(Option::is_some));
    // Beneath each other, board and player are to be seen together all the same.
    Effect::new(move |_| {
        if ask.outcome.with(Option::is_some) && browser::is_narrow() {
            request_animation_frame(|| browser::show_above(".player"));
        }
    });
    view! {
        <section class="result" aria-label="Result">
            <h2 class="hidden">"Result"</h2>
            <Problems of=ask.problem />
            <div role="status" class="verdict-room">{move || verdict_view(ask)}</div>
            <Again ask />
            <Show when=move || answered.get() fallback=placeholder>
                <Player ask />
                <p class="step-said">
                    {move || ask.outcome.with(|o| o.as_ref().map(|o| verdict::step(o, ask.shown.get())))}
                </p>
                <Seen ask />
                <HaltingCurve ask />
                <Share ask />
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

fn verdict_view(ask: Ask) -> impl IntoView {
    ask.outcome.with(|outcome| {
        outcome.as_ref().map(|outcome| {
            let class = match outcome.response.solved {
                Some(true) => "verdict good",
                Some(false) => "verdict bad",
                None => "verdict",
            };
            let identifier = outcome.response.identifier.as_ref().map(|identifier| identifier.note.clone());
            let model = outcome.response.model.name.clone();
            view! {
                <p class=class>{verdict::verdict(outcome)}</p>
                <p class="muted">{verdict::ending(outcome)} " Model: " <span class="name">{model}</span> "."</p>
                {identifier.map(|note| view! { <p class="muted identifier">"It was " {note} "."</p> })}
            }
        })
    })
}

/// The values of stopping and of going on, at every step.
#[component]
fn HaltingCurve(ask: Ask) -> impl IntoView {
    let of = |outcome: &Outcome, value: fn(&hrm_types::solve::SolveStep) -> f32| {
        outcome.response.steps.iter().map(|step| (f64::from(step.step), f64::from(value(step)))).collect()
    };
    let series = Signal::derive(move || {
        ask.outcome.with(|outcome| match outcome {
            None => Vec::new(),
            Some(outcome) => {
                let on: Vec<(f64, f64)> = of(outcome, |step| step.q_continue);
                let halt: Vec<(f64, f64)> = of(outcome, |step| step.q_halt);
                let line = |name: &str, tone, points| Series { name: name.into(), tone, points, ..Series::default() };
                // A model that learns the value of stopping alone has nothing but zeros for the other.
                let learned = on.iter().any(|(_, value)| *value != 0.0);
                std::iter::once(line("q_halt", 1, halt)).chain(learned.then(|| line("q_continue", 2, on))).collect()
            }
        })
    });
    let marks = Signal::derive(move || {
        ask.outcome.with(|outcome| {
            let halted = outcome.iter().filter(|outcome| outcome.response.halted);
            halted.map(|outcome| Mark { x: outcome.response.steps_used.into(), label: "halts" }).collect::<Vec<_>>()
        })
    });
    let at = Signal::derive(move || Some(ask.shown.get() as f64 + 1.0));
    view! {
        <Chart title="Stop or go on" series marks at unit=Unit::Logit height=160.0 />
        <p class="hint"><a href="/about#halting">"What do these words mean?"</a></p>
    }
}
