//! Puzzles of a dataset as small pictures that lead to where they can be solved.

use crate::{
    api,
    grid::picture::{picture, solve_link},
    load,
};
use hrm_types::{
    board::Kind,
    ids::{CheckpointId, DatasetId},
};
use leptos::prelude::*;

/// A question, its answer and how hard it is said to be.
pub(crate) type Puzzle = (String, String, u32);

/// Pictures of `puzzles` of a stored dataset; a click opens one in the player, with `model` if there is one.
#[component]
pub(crate) fn Pictures(dataset: DatasetId, puzzles: Vec<Puzzle>, model: Option<CheckpointId>) -> impl IntoView {
    let about = load::load(move || api::data::get_dataset(dataset));
    move || {
        let kind = about.value.with(|dataset| dataset.as_ref().map(|dataset| dataset.kind));
        let pictures = kind.map(|kind| puzzles.iter().filter_map(|puzzle| drawn(kind, puzzle, model)).collect_view());
        view! { <div class="pictures many">{pictures}</div> }
    }
}

fn drawn(
    kind: Kind,
    (question, answer, rating): &Puzzle,
    model: Option<CheckpointId>,
) -> Option<impl IntoView + use<>> {
    let svg = picture(kind, question, answer)?;
    let model = model.map(|model| format!("&model={model}")).unwrap_or_default();
    let link = solve_link(kind, "", (question, answer), &model);
    let title = format!("Solve this one (rating {rating})");
    Some(view! { <a class="picture" href=link title=title inner_html=svg></a> })
}
