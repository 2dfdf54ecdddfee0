//! What came of a run: its score on the test split, after every ACT step, and its checkpoint.

use crate::{
    api,
    chart::{Chart, Range, Series, Unit},
    components::{claimed::Claimed, interval::Interval, leaked::Leaked, measure::Measure},
    format, load,
    pages::models::solve_address,
};
use hrm_types::{
    evaluation::{Evaluation, Halting, Protocol},
    run::Run,
};
use leptos::prelude::*;

/// The score and where to go on with it; nothing until there is one.
#[component]
pub(crate) fn OutcomePanel(run: RwSignal<Option<Run>>) -> impl IntoView {
    let score = Memo::new(move |_| {
        run.with(|run| run.as_ref().and_then(|run| run.evaluation.clone().map(|score| (score, run.claimed))))
    });
    move || {
        score.get().map(|(score, claimed)| {
            view! {
                <section class="outcome" aria-label="Score">
                    <h2>"On the test split"</h2>
                    <div class="outcome-parts">
                        <div>
                            {summary(&score, claimed)}
                            {links(run)}
                        </div>
                        {by_step(&score)}
                    </div>
                </section>
            }
        })
    }
}

/// How a score was measured, in words, with everything that sets it apart.
pub(crate) fn protocol(protocol: &Protocol) -> String {
    let depth = match protocol.halting {
        Halting::Q => format!("halts by q, at most {}", format::counted(protocol.max_steps.into(), "step")),
        Halting::Fixed => format!("exactly {}", format::counted(protocol.max_steps.into(), "step")),
    };
    let counted = |count: Option<u32>, before: &str, noun: &str| {
        count.map(|count| format!("{before} {}", format::counted(count.into(), noun)))
    };
    let parts = [
        Some(depth),
        counted(protocol.attempts, "at most", "attempt"),
        counted(protocol.limit, "the first", "puzzle"),
        // The task itself votes, too.
        counted(protocol.voting.map(|variants| variants + 1), "votes of", "variant"),
        protocol.blank_identifiers.then(|| "blank identifiers".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn summary(score: &Evaluation, claimed: bool) -> impl IntoView + use<> {
    let [low, high] = score.exact_interval;
    let fact = |name: &'static str, value: String| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    view! {
        <Interval evaluation=score.clone() />
        <Claimed claimed in_full=true />
        <p>
            {format!(
                "{} of {} held-out puzzles right in every cell (95 % interval {} to {}).",
                format::count(score.exact.into()),
                format::count(score.n.into()),
                format::percent(low),
                format::percent(high),
            )}
        </p>
        <Leaked score=score.clone() />
        <dl class="facts">
            {fact("Cells right", format::percent(score.accuracy))}
            {fact("Mean ACT steps", format!("{:.2}", score.mean_steps))}
            {fact("Knows when it is right", format::percent(score.q_halt_accuracy))}
            {fact("Protocol", protocol(&score.protocol))}
            {fact("Took", format::duration(score.seconds))}
        </dl>
    }
}

fn links(run: RwSignal<Option<Run>>) -> impl IntoView {
    run.with_untracked(|run| {
        let run = run.as_ref()?;
        let checkpoint = run.checkpoint_id?;
        let model = load::load(move || api::models::get_model(checkpoint));
        let solve = move || model.value.with(|model| model.as_ref().and_then(solve_address));
        let leaderboard = run.dataset_id.map(|dataset| {
            view! { <a class="button" href=format!("/leaderboard?dataset={dataset}")>"Leaderboards"</a> }
        });
        Some(view! {
            <div class="outcome-links">
                {move || solve().map(|address| view! { <a class="button" href=address>"Solve with it"</a> })}
                <a class="button" href=format!("/models/{checkpoint}")>"Its model"</a>
                {leaderboard}
                <a class="button" href=api::solving::checkpoint_address(checkpoint) rel="external" download="">"Download checkpoint"</a>
            </div>
            <details class="measure">
                <summary>"Measure it on other puzzles, or in another way"</summary>
                <Measure id=checkpoint model dataset=run.dataset_id.map(|id| id.to_string()) />
            </details>
        })
    })
}

fn by_step(score: &Evaluation) -> impl IntoView + use<> {
    let points = (1..).zip(&score.exact_by_step).map(|(step, share)| (f64::from(step), *share)).collect();
    let series = Signal::stored(vec![Series { name: "exact".into(), tone: 1, points, ..Series::default() }]);
    view! { <Chart title="Exact accuracy after each ACT step" series range=Range::Share unit=Unit::Share height=170.0 /> }
}
