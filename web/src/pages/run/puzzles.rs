//! The test puzzles that a run's model gets right and wrong, each leading to where it can be watched.

use crate::{
    api,
    components::{pictures::Pictures, solved_by::SolvedBy},
    load,
};
use hrm_types::{
    comparison::{Part, PuzzleComparison},
    ids::{CheckpointId, RunId},
};
use leptos::{prelude::*, task::spawn_local};

#[component]
pub(super) fn Puzzles(id: RunId, checkpoint: CheckpointId) -> impl IntoView {
    let part = RwSignal::new(Part::Neither);
    let more = RwSignal::new(Vec::new());
    let next = RwSignal::new(None::<String>);
    let compared = load::load(move || {
        let part = part.get();
        more.set(Vec::new());
        async move { api::scores::compare_puzzles(&[id], part, None).await }
    });
    Effect::new(move |_| {
        let cursor =
            compared.value.with(|compared| compared.as_ref().and_then(|compared| compared.next_cursor.clone()));
        next.set(cursor);
    });
    let fetch = move |_| {
        let (part, Some(cursor)) = (part.get_untracked(), next.get_untracked()) else { return };
        spawn_local(async move {
            if let Ok(page) = api::scores::compare_puzzles(&[id], part, Some(&cursor)).await {
                next.try_set(page.next_cursor);
                more.try_update(|more| more.extend(page.items));
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
                <Show when=move || next.with(Option::is_some)>
                    <button type="button" class="more" on:click=fetch>"More"</button>
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
