//! A small line chart in SVG: round ticks, a readout under the pointer, a logarithmic axis, smoothing that keeps the
//! raw line.

mod curve;
mod frame;
mod measure;
mod scale;
mod stroke;
mod unit;

pub(crate) use frame::{Range, Series, View};
pub(crate) use stroke::{LineMark, Stroke};
pub(crate) use unit::Unit;

use crate::format;
use frame::Frame;
use leptos::{html, prelude::*};

/// A vertical line with a word: where something happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub(crate) x: f64,
    pub(crate) label: &'static str,
}

/// A chart of some curves over one x axis.
#[component]
pub(crate) fn Chart(
    /// What it shows, as its heading.
    title: &'static str,
    /// The curves; their names make the legend.
    #[prop(into)]
    series: Signal<Vec<Series>>,
    /// Axis and smoothing.
    #[prop(into, default = Signal::stored(View::default()))]
    view: Signal<View>,
    /// What the y axis always shows.
    #[prop(optional)]
    range: Range,
    /// What the y values are.
    #[prop(optional)]
    unit: Unit,
    /// How an x value is written in the readout.
    #[prop(into, default = Signal::stored(format::at_step as fn(f64) -> String))]
    show_x: Signal<fn(f64) -> String>,
    /// Where something happened.
    #[prop(into, default = Signal::stored(Vec::new()))]
    marks: Signal<Vec<Mark>>,
    /// The x that is shown while no pointer chooses one; the last if absent.
    #[prop(into, default = Signal::stored(None))]
    at: Signal<Option<f64>>,
    /// The stretch that was chosen by dragging; charts that share it show the same.
    #[prop(optional)]
    window: Option<RwSignal<Option<(f64, f64)>>>,
    /// Pixels.
    #[prop(default = 190.0)]
    height: f64,
    /// What is said while there is nothing to draw.
    #[prop(default = "No measurement yet.")]
    empty: &'static str,
) -> impl IntoView {
    let plot = NodeRef::<html::Div>::new();
    let width = measure::width(plot);
    let pointed = RwSignal::new(None::<f64>);
    let frame = Memo::new(move |_| {
        let view = View { window: window.and_then(|window| window.get()), ..view.get() };
        series.with(|series| Frame::fit(series, view, range, width.get().max(120.0), height))
    });
    let chosen = Memo::new(move |_| {
        let x = pointed.get().or(at.get());
        series.with(|series| x.and_then(|x| nearest_x(series, x)))
    });
    let value_at = move |event: &web_sys::PointerEvent| {
        let pixel = f64::from(event.client_x()) - plot.get_untracked()?.get_bounding_client_rect().left();
        frame.with_untracked(|frame| frame.as_ref().map(|frame| frame.x.value(pixel)))
    };
    let point_at = move |event: web_sys::PointerEvent| pointed.set(value_at(&event));
    // Where a drag began. Fingers scroll; they do not zoom.
    let dragged = RwSignal::new(None::<f64>);
    let press = move |event: web_sys::PointerEvent| {
        point_at(event.clone());
        if window.is_some() && event.pointer_type() == "mouse" {
            dragged.set(value_at(&event));
        }
    };
    let release = move |event: web_sys::PointerEvent| {
        let (Some(window), Some(from), Some(to)) = (window, dragged.get_untracked(), value_at(&event)) else { return };
        dragged.set(None);
        let (first, last) = (from.min(to), from.max(to));
        let enough = |series: &Vec<Series>| {
            let inside = |series: &Series| series.points.iter().filter(|p| (first..=last).contains(&p.0)).count() > 1;
            series.iter().any(inside)
        };
        if series.with_untracked(enough) {
            window.set(Some((first, last)));
        }
    };
    let leave = move |_| {
        pointed.set(None);
        dragged.set(None);
    };
    let selection = move || {
        let (from, to) = (dragged.get()?, pointed.get()?);
        frame.with(|frame| {
            let x = &frame.as_ref()?.x;
            let (left, right) = (x.pixel(from.min(to)), x.pixel(from.max(to)));
            Some(view! { <i class="chart-selection" style:left=format!("{left}px") style:width=format!("{}px", right - left)></i> })
        })
    };
    let readout_x = move || chosen.get().map(|x| show_x.get()(x)).unwrap_or_default();
    view! {
        <figure class="chart">
            <figcaption>
                <h3>{title}</h3>
                <span class="chart-x">{readout_x}</span>
                {move || legend(series, chosen.get(), unit)}
            </figcaption>
            <div
                class="chart-plot"
                node_ref=plot
                style:height=format!("{height}px")
                on:pointermove=point_at
                on:pointerdown=press
                on:pointerup=release
                on:pointerleave=leave
            >
                {selection}
                {move || match frame.get() {
                    None => view! { <p class="chart-empty">{empty}</p> }.into_any(),
                    Some(frame) => drawing(title, &frame, chosen, &marks.get(), unit).into_any(),
                }}
            </div>
        </figure>
    }
}

/// The x of a point of any curve that is nearest to `x`.
fn nearest_x(series: &[Series], x: f64) -> Option<f64> {
    let nearest = series.iter().filter_map(|series| curve::nearest(&series.points, x));
    nearest.map(|point| point.0).min_by(|a, b| (a - x).abs().total_cmp(&(b - x).abs()))
}

/// The curves' names with their values at `x`, or at their ends.
fn legend(series: Signal<Vec<Series>>, x: Option<f64>, unit: Unit) -> impl IntoView {
    let entries = series.with(|series| {
        let entries = series.iter().map(|series| {
            let point = match x {
                Some(x) => curve::nearest(&series.points, x),
                None => series.points.last().copied(),
            };
            view! {
                <li>
                    <LineMark tone=series.tone nth=series.nth />
                    <span>{series.name.clone()}</span>
                    <b>{point.map_or_else(|| "–".into(), |point| unit.value(point.1))}</b>
                </li>
            }
        });
        entries.collect_view()
    });
    view! { <ul class="legend">{entries}</ul> }
}

fn drawing(
    title: &'static str,
    frame: &Frame,
    chosen: Memo<Option<f64>>,
    marks: &[Mark],
    unit: Unit,
) -> impl IntoView + use<> {
    let [left, right, top, bottom] = frame.edges();
    let x = frame.x;
    let labels = unit.ticks(&frame.y_ticks.iter().map(|tick| tick.1).collect::<Vec<_>>());
    let rows = frame.y_ticks.iter().zip(labels).map(|(&(pixel, _), label)| {
        view! {
            <line class="chart-rule" x1=left x2=right y1=pixel y2=pixel />
            <text class="chart-tick" x={left - 8.0} y={pixel + 4.0} text-anchor="end">{label}</text>
        }
    });
    let columns = frame.x_ticks.iter().zip(unit::tick_labels(&frame.x_ticks)).map(|(&value, label)| {
        let pixel = x.pixel(value);
        let anchor = if pixel > right - 10.0 { "end" } else { "middle" };
        view! { <text class="chart-tick" x=pixel y={bottom + 16.0} text-anchor=anchor>{label}</text> }
    });
    let curves = frame.curves.iter().map(|curve| {
        let raw = curve.raw.clone().map(|path| view! { <path class="chart-raw" d=path /> });
        let dot = curve.dot.map(|(x, y)| view! { <circle class="chart-dot" cx=x cy=y r=3 /> });
        let band = curve.band.clone().map(|path| view! { <path class="chart-band" d=path /> });
        let line = curve.line.clone();
        view! { <Stroke tone=curve.tone nth=curve.nth>{band}{raw}<path class="chart-line" d=line />{dot}</Stroke> }
    });
    let marks = marks.iter().map(|mark| {
        let pixel = x.pixel(mark.x);
        let anchor = if pixel > f64::midpoint(left, right) { "end" } else { "start" };
        let gap = if anchor == "end" { 3.0 } else { -3.0 };
        view! {
            <line class="chart-mark" x1=pixel x2=pixel y1=top y2=bottom />
            <text class="chart-mark-label" x={pixel + gap} y={top - 5.0} text-anchor=anchor>{mark.label}</text>
        }
    });
    let cursor = move || {
        chosen.get().map(|value| {
            let pixel = x.pixel(value);
            view! { <line class="chart-cursor" x1=pixel x2=pixel y1=top y2=bottom /> }
        })
    };
    view! {
        <svg
            role="img"
            aria-label=title
            width=frame.width
            height=frame.height
            viewBox=format!("0 0 {} {}", frame.width, frame.height)
        >
            {rows.collect_view()}
            <line class="chart-base" x1=left x2=right y1=bottom y2=bottom />
            {columns.collect_view()}
            {cursor}
            {curves.collect_view()}
            {marks.collect_view()}
        </svg>
    }
}
