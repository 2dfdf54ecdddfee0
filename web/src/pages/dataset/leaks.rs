//! Which puzzles stand in two splits, in whatever form.

use crate::format;
use hrm_types::{board::Kind, dataset::Dataset};
use leptos::prelude::*;

/// The report: what was counted, and what it means.
#[component]
pub(super) fn Leaks(dataset: Dataset) -> impl IntoView {
    let forms = match dataset.kind {
        Kind::Sudoku => "with digits renamed or lines reordered",
        Kind::Maze | Kind::Arc => "turned, mirrored or recoloured",
    };
    let report = match dataset.leaks {
        None => view! {
            <p class="muted">"Not checked: it was stored before this was counted. "<code>"hrm data info"</code>" counts it."</p>
        }
        .into_any(),
        Some(leaks) => {
            let line = |count: u32, of: u32, words: &'static str| {
                let share = if of == 0 { 0.0 } else { f64::from(count) / f64::from(of) };
                (of > 0).then(|| view! {
                    <tr class:leaking=count != 0>
                        <th scope="row">{words}</th>
                        <td class="right">{format!("{} of {}", format::count(count.into()), format::count(of.into()))}</td>
                        <td class="right">{format::percent(share)}</td>
                    </tr>
                })
            };
            let (train, test, validation) = (dataset.train_count, dataset.test_count, dataset.validation_count);
            // Where that was counted.
            let repeated = |count: Option<u32>, of: u32, words| count.and_then(|count| line(count, of, words));
            let clean = leaks.test_in_train == 0 && leaks.test_in_validation == 0 && leaks.validation_in_train == 0;
            let verdict = if clean {
                "No puzzle stands in two splits."
            } else {
                "Some puzzles stand in two splits: a score on them says less about unknown puzzles."
            };
            view! {
                <p class:bad=!clean>{verdict}<span class="aside">{format!("Counted up to symmetry: a puzzle counts as the same {forms}.")}</span></p>
                <table class="leaks">
                    <caption class="hidden">"Puzzles that stand in two splits, or twice in one"</caption>
                    <tbody>
                        {line(leaks.test_in_train, test, "test puzzles that are trained on")}
                        {line(leaks.validation_in_train, validation, "validation puzzles that are trained on")}
                        {line(leaks.test_in_validation, if validation == 0 { 0 } else { test }, "test puzzles that are validated with")}
                        {line(leaks.test_answers_in_train, test, "test puzzles whose answer alone is a training puzzle's")}
                        {repeated(leaks.test_repeated, test, "test puzzles that repeat another")}
                        {repeated(leaks.train_repeated, train, "training puzzles that repeat another")}
                    </tbody>
                </table>
            }
            .into_any()
        }
    };
    view! {
        <section class="part" aria-labelledby="leaks-title">
            <h2 id="leaks-title">"Leaks between the splits"</h2>
            {report}
        </section>
    }
}
