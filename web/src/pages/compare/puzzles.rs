//! The test puzzles that both of two runs solve, only one, or neither.

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
    comparison::{ComparedRun, Part, Solved},
    ids::RunId,
};
use leptos::prelude::*;

#[component]
pub(super) fn Puzzles(runs: Vec<ComparedRun>) -> impl IntoView {
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    let model = runs.first().and_then(|run| run.checkpoint_id);
    let part = RwSignal::new(Part::OnlyFirst);
    let compared = load::load(move || {
        let (ids, part) = (ids.clone(), part.get());
        async move { api::scores::compare_puzzles(&ids, part, None).await }
    });
    view! {
        <section class="compare-puzzles" aria-label="Puzzles">
            <h2>"Puzzles"</h2>
            <Problems of=compared.problem />
            {move || compared.value.with(|compared| match compared {
                None => view! { <Waiting /> }.into_any(),
                Some(compared) => view! {
                    {choices(&compared.solved, part, &names)}
                    <p class="muted">{chance(&compared.solved)}</p>
                    <Pictures dataset=compared.dataset_id puzzles=compared.items.clone() model />
                }
                .into_any(),
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
