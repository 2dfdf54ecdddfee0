//! The curves of compared runs over one another; those of one configuration as their mean in a band.

use super::groups::Groups;
use crate::{
    api,
    chart::{Chart, Range, Series, Unit, View},
    components::{field::Tick, problem::Problems, select::Select},
    format, load,
    query::query_signal,
};
use hrm_types::{
    comparison::{ComparedCurve, Comparison, CurvePoint, Quantity, X},
    ids::RunId,
};
use leptos::prelude::*;

const AXES: [(X, &str); 4] =
    [(X::Step, "step"), (X::Examples, "examples"), (X::Active, "training time"), (X::Wall, "clock")];

const QUANTITIES: [(Quantity, &str); 8] = [
    (Quantity::Loss, "Loss"),
    (Quantity::LmLoss, "Token loss"),
    (Quantity::ExactAccuracy, "Exact accuracy in training"),
    (Quantity::ValidationExact, "Exact accuracy on validation"),
    (Quantity::Accuracy, "Cells right in training"),
    (Quantity::Steps, "ACT steps"),
    (Quantity::Lr, "Learning rate"),
    (Quantity::SequencesPerSecond, "Sequences per second"),
];

/// The choice of that name, or the first.
fn named<T: Copy + serde::Serialize>(choices: &[(T, &'static str)], name: Option<&str>) -> T {
    let found = choices.iter().find(|(choice, _)| Some(api::scores::name(choice).as_str()) == name);
    found.unwrap_or(&choices[0]).0
}

fn is_share(y: Quantity) -> bool {
    matches!(y, Quantity::ExactAccuracy | Quantity::ValidationExact | Quantity::Accuracy)
}

/// The curves of these runs, fetched again whenever `shown` is another.
#[component]
pub(super) fn Curves(ids: Vec<RunId>, shown: Memo<Option<Comparison>>, groups: Memo<Groups>) -> impl IntoView {
    let (x_name, set_x) = query_signal("x");
    let (y_name, set_y) = query_signal("y");
    let x = Memo::new(move |_| x_name.with(|name| named(&AXES, name.as_deref())));
    let y = Memo::new(move |_| y_name.with(|name| named(&QUANTITIES, name.as_deref())));
    let curves = load::load(move || {
        shown.track();
        let (ids, x, y) = (ids.clone(), x.get(), y.get());
        async move { Ok((x, y, api::scores::compare_curves(&ids, x, y).await?)) }
    });
    let has_seeds = Memo::new(move |_| groups.with(Groups::has_seeds));
    let together = RwSignal::new(has_seeds.get_untracked());
    let (log_x, log_y, window) = (RwSignal::new(false), RwSignal::new(false), RwSignal::new(None));
    let series = Memo::new(move |_| {
        curves.value.with(|answer| {
            // What came for another choice is not drawn under the name of this one.
            let page = answer.as_ref().filter(|(of_x, of_y, _)| (*of_x, *of_y) == (x.get(), y.get()));
            let curves = page.map_or(&[][..], |(.., page)| &page.items[..]);
            let of = if together.get() { grouped } else { single };
            groups.with(|groups| of(curves, groups))
        })
    });
    let view = Signal::derive(move || View { log_x: log_x.get(), log_y: log_y.get(), ..View::default() });
    let show_x = Signal::derive(move || written(x.get()));
    let axes = AXES.map(|(choice, words)| {
        let choose = move |_| {
            window.set(None);
            set_x.set(Some(api::scores::name(&choice)));
        };
        view! { <button type="button" aria-pressed=move || (x.get() == choice).to_string() on:click=choose>{words}</button> }
    });
    let quantities = QUANTITIES.map(|(choice, words)| (api::scores::name(&choice), words.to_owned())).to_vec();
    let quantity = Signal::derive(move || api::scores::name(&y.get()));
    let came = Memo::new(move |_| {
        curves.value.with(|answer| answer.as_ref().map(|(x, y, _)| (*x, *y))) == Some((x.get(), y.get()))
    });
    let chart = move || {
        let (range, unit) =
            if is_share(y.get()) { (Range::Share, Unit::Share) } else { (Range::FromZero, Unit::Plain) };
        let empty = if came.get() { "None of these runs has measured that." } else { "Loading …" };
        let title = QUANTITIES.iter().find(|(choice, _)| *choice == y.get()).map_or("Curves", |(_, words)| words);
        view! { <Chart title series view show_x window range unit height=320.0 empty /> }
    };
    view! {
        <section class="compare-curves" aria-label="Curves">
            <h2>"Curves"</h2>
            <Problems of=curves.problem />
            <div class="curves-choices">
                <label class="hidden" for="quantity">"What is measured"</label>
                <Select id="quantity" options=Signal::stored(quantities) value=quantity choose=move |name| set_y.set(Some(name)) />
                <div class="segments" role="group" aria-label="X axis">{axes.into_iter().collect_view()}</div>
                <Tick label="log x" on=log_x />
                <Tick label="log y" on=log_y />
                <Show when=move || has_seeds.get()>
                    <Tick label="seeds as bands" on=together />
                </Show>
                <Show when=move || window.get().is_some()>
                    <button type="button" class="quiet" on:click=move |_| window.set(None)>"Show all"</button>
                </Show>
            </div>
            {chart}
        </section>
    }
}

/// How a value of the x axis is written.
fn written(x: X) -> fn(f64) -> String {
    match x {
        X::Step => format::at_step,
        X::Examples => format::at_sequences,
        X::Active | X::Wall => format::after,
    }
}

/// A curve for each run, with the spread within each of its stretches.
fn single(curves: &[ComparedCurve], groups: &Groups) -> Vec<Series> {
    let curves = curves.iter().enumerate().filter(|(_, curve)| !curve.points.is_empty());
    let series = |(i, curve): (usize, &ComparedCurve)| Series {
        name: groups.label(i).to_owned(),
        tone: groups.tone(i),
        nth: groups.nth(i),
        points: curve.points.iter().map(|point| (point.x, point.y)).collect(),
        band: curve.points.iter().map(|point| (point.x, point.least, point.greatest)).collect(),
    };
    curves.map(series).collect()
}

/// A curve for each group: the mean of its runs where all of them that have begun and not ended stand, with the lowest and
/// the highest of them as its band.
fn grouped(curves: &[ComparedCurve], groups: &Groups) -> Vec<Series> {
    let series = (0..groups.count()).filter_map(|group| {
        let runs: Vec<usize> = groups.runs(group).collect();
        let measured = |run: &usize| curves.get(*run).is_some_and(|curve| !curve.points.is_empty());
        let runs: Vec<usize> = runs.into_iter().filter(measured).collect();
        let members: Vec<&[CurvePoint]> = runs.iter().map(|&run| &curves[run].points[..]).collect();
        let mut xs: Vec<f64> = members.iter().flat_map(|points| points.iter().map(|point| point.x)).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let (mut points, mut band) = (Vec::new(), Vec::new());
        for x in xs {
            let values: Vec<f64> = members.iter().filter_map(|points| at(points, x)).collect();
            let (Some(low), Some(high)) =
                (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max))
            else {
                continue;
            };
            points.push((x, values.iter().sum::<f64>() / values.len() as f64));
            band.push((x, low, high));
        }
        let first = *runs.first()?;
        let name = match runs.len() {
            1 => groups.label(first).to_owned(),
            _ => format!("{} ({})", groups.name(group), groups.many(&runs)),
        };
        Some(Series { name, tone: groups.tone(first), nth: groups.nth(first), points, band })
    });
    series.collect()
}

/// The value of a curve at `x`, on the straight line between its neighbours; absent outside of it.
fn at(points: &[CurvePoint], x: f64) -> Option<f64> {
    let after = points.partition_point(|point| point.x < x);
    let next = points.get(after)?;
    if next.x <= x {
        return Some(next.y);
    }
    let before = points.get(after.checked_sub(1)?)?;
    Some(before.y + (next.y - before.y) * (x - before.x) / (next.x - before.x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn curve(points: &[(f64, f64)]) -> ComparedCurve {
        let point = |&(x, y): &(f64, f64)| CurvePoint { x, y, least: y - 1.0, greatest: y + 1.0 };
        let run_id = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77".parse().unwrap();
        ComparedCurve { run_id, name: "run".into(), points: points.iter().map(point).collect() }
    }

    fn groups(seeds: usize) -> Groups {
        let run = |seed: usize| json!({"id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": "run", "state": "succeeded", "seed": seed, "config_hash": ""});
        let runs: Vec<_> = (0..seeds).map(run).collect();
        let json = json!({"runs": runs, "config": [], "provenance": []});
        Groups::of(&serde_json::from_value::<Comparison>(json).unwrap())
    }

    #[test]
    fn seeds_become_their_mean_and_spread() {
        let curves = [curve(&[(0.0, 0.0), (10.0, 10.0)]), curve(&[(0.0, 2.0), (5.0, 9.0)])];
        let grouped = grouped(&curves, &groups(2));
        assert_eq!(grouped.len(), 1);
        assert_eq!(grouped[0].name, "run (2 seeds)");
        // At 10 only one of them stands.
        assert_eq!(grouped[0].points, [(0.0, 1.0), (5.0, 7.0), (10.0, 10.0)]);
        assert_eq!(grouped[0].band, [(0.0, 0.0, 2.0), (5.0, 5.0, 9.0), (10.0, 10.0, 10.0)]);
    }

    #[test]
    fn a_run_keeps_the_spread_of_its_stretches() {
        let single = single(&[curve(&[(1.0, 3.0)]), curve(&[])], &groups(2));
        assert_eq!(single.len(), 1, "what was not measured has no curve");
        assert_eq!(single[0].band, [(1.0, 2.0, 4.0)]);
    }
}
