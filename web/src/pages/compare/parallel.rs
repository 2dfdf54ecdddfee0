//! Parallel coordinates: an axis for every setting that differs and one for the score, a line for every run.

use super::{differences::text, groups::Groups};
use crate::{chart::Stroke, format};
use hrm_types::comparison::Comparison;
use leptos::prelude::*;
use serde_json::Value;
use std::fmt::Write;

/// Axes beside the score's; more would be too narrow to read.
const MOST_AXES: usize = 7;

/// An axis: its name, the words at its ends or places, and where each run stands on it, 0 at the bottom to 1.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    name: String,
    /// Place and word.
    labels: Vec<(f64, String)>,
    places: Vec<Option<f64>>,
}

/// The picture; nothing for runs without different settings.
#[component]
pub(super) fn Parallel(comparison: Comparison, groups: Groups) -> impl IntoView {
    let axes = axes(&comparison);
    (axes.len() > 2 && comparison.runs.len() > 1).then(|| {
        view! {
            <section class="compare-parallel" aria-label="Settings and score">
                <h2>"Settings and score"</h2>
                <div class="scrolls" tabindex="0" role="region" aria-label="Settings and score, a line for each run">
                    {drawing(&axes, comparison.runs.len(), &groups)}
                </div>
            </section>
        }
    })
}

fn axes(comparison: &Comparison) -> Vec<Axis> {
    let settings = comparison.config.iter().take(MOST_AXES);
    let mut axes: Vec<Axis> = settings.map(|setting| axis(&setting.path, &setting.values)).collect();
    let scores: Vec<Value> = comparison
        .runs
        .iter()
        .map(|run| run.evaluation.as_ref().map_or(Value::Null, |score| score.exact_accuracy.into()))
        .collect();
    if scores.iter().any(|score| !score.is_null()) {
        let mut score = axis("exact accuracy", &scores);
        for label in &mut score.labels {
            label.1 = label.1.parse().map(format::percent).unwrap_or_default();
        }
        axes.push(score);
    }
    axes
}

/// Numbers stand where their size puts them, by its logarithm if they span magnitudes; anything else at equal distances.
fn axis(name: &str, values: &[Value]) -> Axis {
    let numbers: Vec<Option<f64>> = values.iter().map(Value::as_f64).collect();
    let known = || numbers.iter().flatten().copied();
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let numeric = values.iter().zip(&numbers).all(|(value, number)| value.is_null() || number.is_some());
    if numeric && low < high {
        let log = low > 0.0 && high / low > 50.0;
        let at = |value: f64| if log { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
        let labels = vec![(0.0, low.to_string()), (1.0, high.to_string())];
        return Axis { name: name.into(), labels, places: numbers.iter().map(|number| number.map(at)).collect() };
    }
    let mut words: Vec<String> = Vec::new();
    for word in values.iter().map(text) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let place = |i: usize| if words.len() < 2 { 0.5 } else { i as f64 / (words.len() - 1) as f64 };
    let places = values.iter().map(|value| words.iter().position(|word| *word == text(value)).map(place)).collect();
    Axis {
        name: name.into(),
        labels: words.iter().enumerate().map(|(i, word)| (place(i), word.clone())).collect(),
        places,
    }
}

const SPACING: f64 = 150.0;
const HEIGHT: f64 = 260.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 20.0;

fn drawing(axes: &[Axis], runs: usize, groups: &Groups) -> impl IntoView + use<> {
    let width = SPACING * axes.len() as f64;
    let x = |axis: usize| SPACING * (axis as f64 + 0.5);
    let y = |place: f64| HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM);
    let rules = (0..axes.len()).map(|i| {
        view! { <line class="chart-base" x1=x(i) x2=x(i) y1=TOP y2={HEIGHT - BOTTOM} /> }
    });
    let words = axes.iter().enumerate().map(|(i, axis)| {
        let labels = axis.labels.iter().map(|(place, word)| {
            let word: String = word.chars().take(18).collect();
            view! { <text class="chart-tick" x={x(i) + 6.0} y={y(*place) + 4.0}>{word}</text> }
        });
        view! {
            <text class="chart-mark-label" x=x(i) y=16.0 text-anchor="middle">{axis.name.clone()}</text>
            {labels.collect_view()}
        }
    });
    let lines = (0..runs).map(|run| {
        let mut path = String::new();
        for (i, axis) in axes.iter().enumerate() {
            if let Some(place) = axis.places.get(run).copied().flatten() {
                let letter = if path.is_empty() { 'M' } else { 'L' };
                // Writing to a String cannot fail.
                let _ = write!(path, "{letter}{:.1} {:.1}", x(i), y(place));
            }
        }
        let label = groups.label(run).to_owned();
        view! { <Stroke tone=groups.tone(run) nth=groups.nth(run)><path class="chart-line" d=path><title>{label}</title></path></Stroke> }
    });
    view! {
        <svg class="parallel" role="img" aria-label="A line for each run through its settings to its score" width=width height=HEIGHT viewBox=format!("0 0 {width} {HEIGHT}")>
            {rules.collect_view()}
            {lines.collect_view()}
            {words.collect_view()}
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_stand_by_size_and_words_apart() {
        let sizes = axis("hidden_size", &[json!(64), json!(128), json!(96), json!(null)]);
        assert_eq!(sizes.places, [Some(0.0), Some(1.0), Some(0.5), None]);
        let rates = axis("lr", &[json!(1e-5), json!(1e-3), json!(1e-4)]);
        assert!((rates.places[2].unwrap() - 0.5).abs() < 1e-9, "over magnitudes by the logarithm: {rates:?}");
        let words = axis("norm", &[json!("post"), json!("pre"), json!("post")]);
        assert_eq!(words.places, [Some(0.0), Some(1.0), Some(0.0)]);
        let same = axis("x", &[json!(1), json!(1)]);
        assert_eq!(same.places, [Some(0.5), Some(0.5)], "one value stands in the middle");
    }
}
