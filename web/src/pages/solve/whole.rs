//! A list that is solved as a whole: its parts, a batch of each, and what was queued where the rest was refused.

use super::{ask::How, state::SolveState};
use crate::{api, browser, components::problem::Problems, format};
use hrm_types::{problem::Problem, sudoku::Grid};
use leptos::prelude::*;
use serde_json::{Value, json};

/// Where it is kept while the tab is open what was queued of the list: a batch in each line.
const KEPT: &str = "puzzles-queued";

/// Puzzles that one batch takes.
const BATCH: usize = hrm_types::batch::MAX_SENT;

/// What was queued of a list; nothing once all of it was.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Queued {
    /// The batches of the list's first parts.
    batches: Vec<String>,
    /// What the next one was refused with.
    refused: Option<Problem>,
}

impl Queued {
    /// What was queued before the page was left or loaded again.
    pub(super) fn kept() -> Self {
        let batches = browser::kept(KEPT).iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
        Self { batches, refused: None }
    }

    /// Keeps it, in place of what was queued of the list before.
    pub(super) fn keep(&self) {
        browser::keep(KEPT, &self.batches.join("\n"));
    }

    /// The puzzles of a list that are in no batch.
    fn left(&self, grids: &[Grid]) -> usize {
        parts(grids).iter().skip(self.batches.len()).map(Vec::len).sum()
    }

    /// The address and the words of every batch.
    fn links(&self, grids: &[Grid]) -> Vec<(String, String)> {
        let link = |(id, part): (&String, Vec<&Grid>)| {
            let side = part.first().map_or(0, |grid| grid.side());
            (format!("/batches/{id}"), format!("{} of {side} × {side}", format::count(part.len() as u64)))
        };
        self.batches.iter().zip(parts(grids)).map(link).collect()
    }
}

/// The puzzles for each batch: of one side, and no more than one takes. Only the list decides which are where, so that the
/// number of batches tells what they hold.
fn parts(grids: &[Grid]) -> Vec<Vec<&Grid>> {
    let of_side = |side: u8| grids.iter().filter(move |grid| grid.side() == side).collect::<Vec<_>>();
    let cut = |all: Vec<_>| all.chunks(BATCH).map(<[_]>::to_vec).collect::<Vec<_>>();
    [4, 6, 9].into_iter().map(of_side).flat_map(cut).collect()
}

/// The request for a batch; the model was chosen for puzzles of that side.
fn request(part: &[&Grid], how: &How, side: u8) -> Value {
    let lines: Vec<String> = part.iter().map(ToString::to_string).collect();
    let model = how.model.clone().filter(|_| part.iter().all(|grid| grid.side() == side));
    let mut body = json!({ "puzzles": lines });
    How { model, ..*how }.write(&mut body);
    body
}

/// Queues what is not queued yet of the list. The address where to look for it; absent where something was refused.
pub(super) async fn queue(state: SolveState) -> Option<String> {
    let (how, side) = (state.ask.how(), state.ask.side.get_untracked());
    let (grids, mut batches) = state.list.with_untracked(|list| (list.grids().to_vec(), list.queued.batches.clone()));
    let parts = parts(&grids);
    for part in parts.iter().skip(batches.len()) {
        let refused = match api::solving::queue_batch(&request(part, &how, side)).await {
            Ok(id) => {
                batches.push(id);
                None
            }
            Err(problem) => Some(*problem),
        };
        let stop = refused.is_some();
        state.note_queued(&grids, Queued { batches: batches.clone(), refused });
        if stop {
            return None;
        }
    }
    state.note_queued(&grids, Queued::default());
    match batches.as_slice() {
        [only] => Some(format!("/batches/{only}")),
        _ => Some("/batches".into()),
    }
}

/// What the button that queues is called.
pub(super) fn button(state: SolveState) -> String {
    state.list.with(|list| {
        let (all, left) = (list.grids().len(), list.queued.left(list.grids()));
        let which = if left < all { "the other" } else { "all" };
        format!("Solve {which} {}", format::count(left as u64))
    })
}

/// What was queued and why the rest was not; nothing where all was or none yet.
#[component]
pub(super) fn Refused(state: SolveState) -> impl IntoView {
    let refused = Memo::new(move |_| state.list.with(|list| list.queued.refused.clone()));
    let links = Memo::new(move |_| state.list.with(|list| list.queued.links(list.grids())));
    let link = |(address, words): (String, String)| view! { " "<a href=address>{words}</a>"." };
    let queued = move || {
        let links = Some(links.get()).filter(|links| !links.is_empty())?;
        let links = links.into_iter().map(link).collect_view();
        Some(view! { <p class="list-queued" role="status">"Queued already:" {links}</p> })
    };
    view! {
        <Problems of=refused />
        {queued}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(side: u8, digit: u8) -> Grid {
        format!("{digit}{}", ".".repeat(usize::from(side * side) - 1)).parse().expect("a grid")
    }

    #[test]
    fn batches_have_puzzles_of_one_side_in_a_lasting_order() {
        let grids = [grid(9, 1), grid(4, 1), grid(9, 2), grid(4, 2), grid(4, 3)];
        let sides: Vec<Vec<u8>> =
            parts(&grids).iter().map(|part| part.iter().map(|grid| grid.side()).collect()).collect();
        assert_eq!(sides, [vec![4; 3], vec![9; 2]]);
        let many = vec![grid(4, 1); BATCH + 1];
        assert_eq!(parts(&many).iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, 1]);
    }

    #[test]
    fn what_is_queued_is_told_and_not_left() {
        let grids = [grid(9, 1), grid(4, 1), grid(9, 2), grid(4, 2), grid(4, 3)];
        let mut queued = Queued::default();
        assert_eq!((queued.left(&grids), queued.links(&grids).len()), (5, 0));
        queued.batches.push("b1".into());
        assert_eq!(queued.left(&grids), 2);
        assert_eq!(queued.links(&grids), [("/batches/b1".to_owned(), "3 of 4 × 4".to_owned())]);
    }

    #[test]
    fn a_request_names_the_model_only_for_the_side_it_was_chosen_for() {
        let (four, nine) = (grid(4, 1), grid(9, 1));
        let how = How { model: Some("sudoku-4".into()), steps: Some(8), attempts: 3 };
        let of_four = json!({ "puzzles": [four.to_string()], "model": "sudoku-4", "steps": 8, "attempts": 3 });
        assert_eq!(request(&[&four], &how, 4), of_four);
        let of_nine = json!({ "puzzles": [nine.to_string()] });
        assert_eq!(request(&[&nine], &How { steps: None, attempts: 1, ..how }, 4), of_nine);
    }
}
