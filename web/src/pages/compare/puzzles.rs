//! The test puzzles that both of two runs solve, only one, or neither.

use super::groups::Groups;
use crate::{
    api,
    components::{
        pictures::Pictures,
        problem::{Problems, Waiting},
        solved_by::SolvedBy,
    },
    format, load,
};
use hrm_types::{
    comparison::{ComparedRun, Comparison, Part, PuzzleComparison, Solved},
    evaluation::Evaluation,
    ids::{CheckpointId, RunId},
};
use leptos::prelude::*;

/// What the puzzles that a run solves depend on.
#[derive(Debug, Clone, PartialEq)]
struct Scored {
    id: RunId,
    /// What it is called beside the other.
    label: String,
    model: Option<CheckpointId>,
    evaluation: Option<Evaluation>,
}

impl Scored {
    fn of(run: &ComparedRun, label: &str) -> Self {
        Self { id: run.id, label: label.into(), model: run.checkpoint_id, evaluation: run.evaluation.clone() }
    }
}

/// The puzzles of both runs of a comparison, fetched again when one of them has another score.
#[component]
pub(super) fn Puzzles(shown: Memo<Option<Comparison>>, groups: Memo<Groups>) -> impl IntoView {
    let scored = Memo::new(move |_| {
        let scored = |groups: &Groups, runs: &[ComparedRun]| {
            runs.iter().enumerate().map(|(i, run)| Scored::of(run, groups.label(i))).collect::<Vec<_>>()
        };
        shown.with(|shown| groups.with(|groups| scored(groups, shown.as_ref().map_or(&[], |shown| &shown.runs))))
    });
    let part = RwSignal::new(Part::OnlyFirst);
    let compared = load::load(move || {
        let ids: Vec<RunId> = scored.with(|scored| scored.iter().map(|run| run.id).collect());
        let part = part.get();
        async move { api::scores::compare_puzzles(&ids, part, None).await }
    });
    let drawn = move |compared: &PuzzleComparison| {
        let (names, model) = scored.with(|scored| {
            let names: Vec<String> = scored.iter().map(|run| run.label.clone()).collect();
            (names, scored.first().and_then(|run| run.model))
        });
        view! {
            {choices(&compared.solved, part, &names)}
            <p class="muted">{chance(&compared.solved)}</p>
            <Pictures dataset=compared.dataset_id puzzles=compared.items.clone() model />
        }
    };
    view! {
        <section class="compare-puzzles" aria-label="Puzzles">
            <h2>"Puzzles"</h2>
            <Problems of=compared.problem />
            {move || compared.value.with(|found| match found {
                None if compared.problem.with(Option::is_some) => ().into_any(),
                None => view! { <Waiting /> }.into_any(),
                Some(found) => drawn(found).into_any(),
            })}
        </section>
    }
}

fn choices(solved: &Solved, part: RwSignal<Part>, names: &[String]) -> impl IntoView + use<> {
    let only = |i: usize| format!("Only {}", names.get(i).map_or("", String::as_str));
    let parts = [
        (Part::OnlyFirst, only(0), solved.only_first),
        (Part::OnlySecond, only(1), solved.only_second),
        (Part::Both, "Both".to_owned(), solved.both),
        (Part::Neither, "Neither".to_owned(), solved.neither),
    ];
    view! { <SolvedBy label="Solved by" parts=parts.into() part /> }
}

/// What the counts say about the two models.
fn chance(solved: &Solved) -> String {
    let how = match solved.p_value {
        p if p < 0.001 => "less than 1 in 1,000 times".to_owned(),
        p => format!("{:.1} times in 100", p * 100.0),
    };
    format!(
        "Of {}. Equally good models differ like this, or more, {how} (McNemar's exact test).",
        format::counted(solved.n.into(), "puzzle")
    )
}
