//! A score with its interval, drawn.

use crate::format;
use hrm_types::evaluation::Evaluation;
use leptos::prelude::*;

/// Exact accuracy as a bar from 0 to 1 with the 95 % interval as a whisker, and in words on hover; beside it what further
/// attempts solved.
#[component]
pub(crate) fn Interval(evaluation: Evaluation) -> impl IntoView {
    let [low, high] = evaluation.exact_interval;
    let share = |share: f64| format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0);
    let words = format!(
        "{} of {} puzzles right; 95 % interval {} to {}",
        format::count(evaluation.exact.into()),
        format::count(evaluation.n.into()),
        format::percent(low),
        format::percent(high),
    );
    let title = words.clone();
    let solved = evaluation.solved().zip(evaluation.protocol.attempts).map(|(solved, attempts)| {
        let attempts = format::counted(attempts.into(), "attempt");
        view! { <span class="aside">{format!("{} solved within {attempts}", format::percent(solved))}</span> }
    });
    view! {
        <span class="score" title=title>
            <b>{format::percent(evaluation.exact_accuracy)}</b>
            <span class="score-bar" role="img" aria-label=words>
                <i style:width=share(evaluation.exact_accuracy)></i>
                <u style:left=share(low) style:right=share(1.0 - high)></u>
            </span>
        </span>
        {solved}
    }
}
