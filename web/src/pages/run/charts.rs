//! The curves of a run, and how they are looked at: x axis, logarithm, smoothing.

use crate::{
    chart::{Chart, Range, Series, Unit, View},
    components::field::Tick,
    format,
};
use hrm_types::run::{MetricPoint, Run};
use leptos::prelude::*;

/// What runs along the x axis of every chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    Step,
    Examples,
    Active,
    Wall,
}

impl Axis {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Step, "step"), (Self::Examples, "examples"), (Self::Active, "training time"), (Self::Wall, "clock")];

    fn of(self, point: &MetricPoint) -> f64 {
        match self {
            Self::Step => point.step as f64,
            Self::Examples => point.examples as f64,
            Self::Active => point.elapsed_seconds,
            // A point that comes live has no time of the clock yet; while it trains the two advance alike.
            Self::Wall => point.wall_seconds.unwrap_or(point.elapsed_seconds),
        }
    }

    fn show(self) -> fn(f64) -> String {
        match self {
            Self::Step => format::at_step,
            Self::Examples => format::at_sequences,
            Self::Active | Self::Wall => format::after,
        }
    }
}

/// A curve's name, colour and value at a point; absent where it was not measured.
type Part = (&'static str, u8, fn(&MetricPoint) -> Option<f64>);

const LOSS: &[Part] = &[
    ("total", 0, |point| Some(point.loss)),
    ("tokens", 1, |point| Some(point.lm_loss)),
    ("q_halt", 2, |point| Some(point.q_halt_loss)),
    // Exactly 0 where the model does not learn it.
    ("q_continue", 3, |point| Some(point.q_continue_loss).filter(|loss| *loss != 0.0)),
];
const ACCURACY: &[Part] = &[
    ("exact", 1, |point| point.exact_accuracy),
    ("tokens", 0, |point| point.accuracy),
    ("q_halt", 2, |point| point.q_halt_accuracy),
    ("validation exact", 3, |point| point.validation.map(|seen| seen.exact_accuracy())),
];
const STEPS: &[Part] = &[("mean", 1, |point| point.steps)];
const RATE: &[Part] = &[("lr", 1, |point| Some(point.lr))];
const SPEED: &[Part] = &[("sequences/s", 1, |point| Some(point.sequences_per_second))];

/// All curves of a run.
#[component]
pub(crate) fn Charts(points: RwSignal<Vec<MetricPoint>>, run: RwSignal<Option<Run>>) -> impl IntoView {
    let axis = RwSignal::new(Axis::Step);
    // Only the losses span magnitudes; a share or a constant rate gains nothing from a logarithm.
    let look = Look {
        axis,
        log_x: RwSignal::new(false),
        log_y: RwSignal::new(false),
        smoothing: RwSignal::new(0.0),
        window: RwSignal::new(None),
    };
    let window = look.window;
    let exact_view = Signal::derive(move || View { log_x: look.log_x.get(), ..View::default() });
    let plain_view = Signal::derive(move || View { smoothing: look.smoothing.get(), ..exact_view.get() });
    let loss_view = Signal::derive(move || View { log_y: look.log_y.get(), ..plain_view.get() });
    let show_x = Signal::derive(move || axis.get().show());
    let of = move |parts: &'static [Part]| Signal::derive(move || curves(parts, axis.get(), points));
    let waiting = move || run.with(|run| run.as_ref().is_none_or(|run| !run.state.is_final()));
    view! {
        <section class="curves" aria-label="Curves">
            <div class="curves-head">
                <h2>"Training"</h2>
                <Show when=move || points.with(|points| points.len() > 1)>
                    <Choices look />
                </Show>
            </div>
            <Show
                when=move || points.with(|points| !points.is_empty())
                fallback=move || {
                    let words = if waiting() { "The curves begin with the first measurement." } else { "It ended before anything was measured." };
                    view! { <p class="muted">{words}</p> }
                }
            >
                <div class="charts">
                    <div class="wide"><Chart title="Loss" series=of(LOSS) view=loss_view show_x window range=Range::FromZero height=240.0 /></div>
                    <div class="wide">
                        <Chart title="Accuracy" series=of(ACCURACY) view=plain_view show_x window range=Range::Share unit=Unit::Share height=240.0 />
                    </div>
                    <Chart title="ACT steps" series=of(STEPS) view=plain_view show_x window />
                    <Chart title="Learning rate" series=of(RATE) view=exact_view show_x window range=Range::FromZero />
                    <Chart title="Speed" series=of(SPEED) view=plain_view show_x window range=Range::FromZero />
                </div>
            </Show>
        </section>
    }
}

/// How the charts of a run are looked at.
#[derive(Clone, Copy)]
struct Look {
    axis: RwSignal<Axis>,
    log_x: RwSignal<bool>,
    log_y: RwSignal<bool>,
    smoothing: RwSignal<f64>,
    /// The stretch of the x axis that was zoomed into.
    window: RwSignal<Option<(f64, f64)>>,
}

fn curves(parts: &[Part], axis: Axis, points: RwSignal<Vec<MetricPoint>>) -> Vec<Series> {
    points.with(|points| {
        let curve = |&(name, tone, value): &Part| Series {
            name: name.into(),
            tone,
            points: points.iter().filter_map(|point| Some((axis.of(point), value(point)?))).collect(),
            ..Series::default()
        };
        // Where nothing was measured there is no curve to name.
        parts.iter().map(curve).filter(|curve| !curve.points.is_empty()).collect()
    })
}

#[component]
fn Choices(look: Look) -> impl IntoView {
    let Look { axis, log_x, log_y, smoothing, window } = look;
    let axes = Axis::ALL.map(|(choice, name)| {
        let choose = move |_| {
            window.set(None);
            axis.set(choice);
        };
        view! {
            <button type="button" aria-pressed=move || (axis.get() == choice).to_string() on:click=choose>{name}</button>
        }
    });
    view! {
        <div class="curves-choices">
            <Show when=move || window.get().is_some()>
                <button type="button" class="quiet" on:click=move |_| window.set(None)>"Show all"</button>
            </Show>
            <div class="segments" role="group" aria-label="X axis">{axes.into_iter().collect_view()}</div>
            <Tick label="log x" on=log_x />
            <Tick label="log loss" on=log_y />
            <label class="smoothing">
                "smoothing"
                <input
                    type="range"
                    min="0"
                    max="0.99"
                    step="0.01"
                    prop:value=move || smoothing.get().to_string()
                    on:input=move |event| smoothing.set(event_target_value(&event).parse().unwrap_or(0.0))
                />
                <output>{move || format!("{:.2}", smoothing.get())}</output>
            </label>
        </div>
    }
}
