//! Puzzles of a dataset as small pictures that lead to where they can be solved.

use crate::{
    api,
    grid::picture::{picture, solve_link},
    load,
};
use hrm_types::{
    board::Kind,
    comparison::ComparedPuzzle,
    ids::{CheckpointId, DatasetId},
};
use leptos::prelude::*;

/// Pictures of `puzzles` of a stored dataset; a click opens one in the player, with `model` if there is one.
#[component]
pub(crate) fn Pictures(dataset: DatasetId, puzzles: Vec<ComparedPuzzle>, model: Option<CheckpointId>) -> impl IntoView {
    if puzzles.is_empty() {
        return view! { <p class="muted">"None."</p> }.into_any();
    }
    let about = load::load(move || api::data::get_dataset(dataset));
    let pictures = move || {
        let kind = about.value.with(|dataset| dataset.as_ref().map(|dataset| dataset.kind));
        kind.map(|kind| puzzles.iter().filter_map(|puzzle| drawn(kind, puzzle, model)).collect_view())
    };
    view! { <div class="pictures many">{pictures}</div> }.into_any()
}

fn drawn(kind: Kind, puzzle: &ComparedPuzzle, model: Option<CheckpointId>) -> Option<impl IntoView + use<>> {
    let svg = picture(kind, &puzzle.question, &puzzle.answer)?;
    let model = model.map(|model| format!("&model={model}")).unwrap_or_default();
    let link = solve_link(kind, &puzzle.task, (&puzzle.question, &puzzle.answer), &model);
    let title = format!("Solve puzzle {} (rating {})", u64::from(puzzle.position) + 1, puzzle.rating);
    // Before the picture's own name, which the pictures of one dataset have in common.
    let name = title.clone();
    Some(view! {
        <a class="picture" href=link title=title><span class="hidden">{name}</span><span inner_html=svg></span></a>
    })
}
