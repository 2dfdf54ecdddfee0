//! The test puzzles that a run's model gets right and wrong, each leading to where it can be watched.

use crate::{
    api,
    components::{pictures::Pictures, solved_by::SolvedBy},
    paging::{More, Pages},
};
use hrm_types::{
    Page,
    comparison::{ComparedPuzzle, Part, Solved},
    ids::{CheckpointId, DatasetId, RunId},
};
use leptos::prelude::*;

/// What the server answers where the score is one of before it was noted which puzzles are right.
const NOT_NOTED: u16 = 409;

#[component]
pub(super) fn Puzzles(id: RunId, checkpoint: CheckpointId) -> impl IntoView {
    let part = RwSignal::new(Part::Neither);
    // Where the puzzles are from, and how many are in each part.
    let all = RwSignal::new(None::<(DatasetId, Solved)>);
    let pages = Pages::open(
        |a: &ComparedPuzzle, b| a.position == b.position,
        move |cursor| {
            let part = part.get_untracked();
            Box::pin(async move {
                let found = api::scores::compare_puzzles(&[id], part, cursor.as_deref()).await?;
                all.try_set(Some((found.dataset_id, found.solved)));
                Ok(Page { items: found.items, next_cursor: found.next_cursor })
            })
        },
    );
    Effect::new(move |before: Option<Part>| {
        let part = part.get();
        if before.is_some_and(|before| before != part) {
            pages.refresh();
        }
        part
    });
    // The same for every part.
    let all = Memo::new(move |_| all.get());
    let none = move || pages.items.with(Option::is_none);
    let noted =
        move || pages.problem.with(|problem| problem.as_ref().is_some_and(|problem| problem.status != NOT_NOTED));
    let pictures = move || {
        let (dataset, _) = all.get()?;
        let puzzles = pages.items.get()?;
        Some(view! { <Pictures dataset puzzles model=Some(checkpoint) /> })
    };
    view! {
        <Show when=move || !none() || noted()>
            <section class="run-puzzles" aria-label="Test puzzles">
                <h2>"Test puzzles"</h2>
                {move || all.get().map(|(_, solved)| choices(&solved, part))}
                {pictures}
                <More pages label="More" />
            </section>
        </Show>
    }
}

fn choices(solved: &Solved, part: RwSignal<Part>) -> impl IntoView + use<> {
    let parts = [(Part::Neither, "Wrong", solved.neither), (Part::Both, "Right", solved.both)];
    let parts = parts.map(|(choice, name, count)| (choice, name.to_owned(), count));
    view! { <SolvedBy label="Which puzzles" parts=parts.into() part /> }
}
