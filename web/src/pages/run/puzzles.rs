//! The test puzzles that a run's model gets right and wrong, each leading to where it can be watched.

use crate::{
    api,
    components::{pictures::Pictures, problem::Problems, solved_by::SolvedBy},
    load,
    paging::{MoreButton, Requests, append},
};
use hrm_types::{
    comparison::{Part, PuzzleComparison},
    ids::{CheckpointId, RunId},
    problem::Problem,
};
use leptos::{prelude::*, task::spawn_local};

#[component]
pub(super) fn Puzzles(id: RunId, checkpoint: CheckpointId) -> impl IntoView {
    let part = RwSignal::new(Part::Neither);
    let more = RwSignal::new(Vec::new());
    let next = RwSignal::new(None::<String>);
    let problem = RwSignal::new(None::<Problem>);
    let requests = Requests::new();
    let compared = load::load(move || {
        let part = part.get();
        // The puzzles of another part are no continuation of this one's.
        more.set(Vec::new());
        next.set(None);
        requests.forget();
        async move { api::scores::compare_puzzles(&[id], part, None).await }
    });
    Effect::new(move |_| {
        let cursor =
            compared.value.with(|compared| compared.as_ref().and_then(|compared| compared.next_cursor.clone()));
        next.set(cursor);
    });
    let press = move || {
        let Some(cursor) = next.get_untracked() else { return };
        let Some(number) = requests.further() else { return };
        let part = part.get_untracked();
        spawn_local(async move {
            let answer = api::scores::compare_puzzles(&[id], part, Some(&cursor)).await;
            if !requests.answered(number) {
                return;
            }
            match answer {
                Ok(page) => {
                    problem.try_set(None);
                    next.try_set(page.next_cursor);
                    more.try_update(|more| append(more, page.items, |a, b| a.position == b.position));
                }
                Err(error) => drop(problem.try_set(Some(*error))),
            }
        });
    };
    view! {
        // A score of before it was noted which puzzles are right has none to show.
        <Show when=move || compared.value.with(Option::is_some)>
            <section class="run-puzzles" aria-label="Test puzzles">
                <h2>"Test puzzles"</h2>
                {move || compared.value.with(|compared| compared.as_ref().map(|compared| choices(compared, part)))}
                {move || compared.value.with(|compared| compared.as_ref().map(|compared| {
                    let puzzles = compared.items.iter().chain(more.read().iter()).cloned().collect::<Vec<_>>();
                    view! { <Pictures dataset=compared.dataset_id puzzles model=Some(checkpoint) /> }
                }))}
                <Problems of=problem />
                <Show when=move || next.with(Option::is_some)>
                    <MoreButton requests label="More" press />
                </Show>
            </section>
        </Show>
    }
}

fn choices(compared: &PuzzleComparison, part: RwSignal<Part>) -> impl IntoView + use<> {
    let parts = [(Part::Neither, "Wrong", compared.solved.neither), (Part::Both, "Right", compared.solved.both)];
    let parts = parts.map(|(choice, name, count)| (choice, name.to_owned(), count));
    view! { <SolvedBy label="Which puzzles" parts=parts.into() part /> }
}
