//! A list that is solved as a whole: its parts, a batch of each, and what was queued where some of it was refused.

use super::{ask::How, state::SolveState};
use crate::{api, browser, components::problem::ProblemNotice, format};
use hrm_types::{problem::Problem, sudoku::Grid};
use leptos::prelude::*;
use serde_json::{Value, json};

/// Where it is kept while the tab is open what was queued of the list: a batch in each line, or nothing in the line of a part
/// that is in none.
const KEPT: &str = "puzzles-queued";

/// Puzzles that one batch takes.
const BATCH: usize = hrm_types::batch::MAX_SENT;

/// What was queued of a list; nothing once all of it was.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Queued {
    /// The batch of each of the list's first parts, if it is in one.
    batches: Vec<Option<String>>,
    /// What parts were refused with lately.
    refused: Vec<Problem>,
}

impl Queued {
    /// What was queued before the page was left or loaded again.
    pub(super) fn kept() -> Self {
        Self { batches: browser::kept(KEPT).map(|text| read(&text)).unwrap_or_default(), refused: Vec::new() }
    }

    /// Keeps it, in place of what was queued of the list before.
    pub(super) fn keep(&self) {
        browser::keep(KEPT, &self.written());
    }

    fn written(&self) -> String {
        let lines: Vec<&str> = self.batches.iter().map(|batch| batch.as_deref().unwrap_or_default()).collect();
        lines.join("\n")
    }

    /// The batch that a part is in.
    fn batch(&self, part: usize) -> Option<&str> {
        self.batches.get(part)?.as_deref()
    }

    /// Notes what became of a part.
    fn note(&mut self, part: usize, answer: Result<String, Problem>) {
        match answer {
            Ok(id) => {
                let parts = self.batches.len().max(part + 1);
                self.batches.resize(parts, None);
                self.batches[part] = Some(id);
            }
            Err(problem) => self.refused.push(problem),
        }
    }

    /// The puzzles of a list that are in no batch.
    fn left(&self, grids: &[Grid]) -> usize {
        let parts = parts(grids);
        parts.iter().enumerate().filter(|(part, _)| self.batch(*part).is_none()).map(|(_, part)| part.len()).sum()
    }

    /// The address and the words of every batch.
    fn links(&self, grids: &[Grid]) -> Vec<(String, String)> {
        let link = |(i, part): (usize, &Part)| Some((format!("/batches/{}", self.batch(i)?), part.words()));
        parts(grids).iter().enumerate().filter_map(link).collect()
    }
}

/// The batches that were kept.
fn read(text: &str) -> Vec<Option<String>> {
    text.lines().map(|id| Some(id.to_owned()).filter(|id| !id.is_empty())).collect()
}

/// Puzzles of a list for one batch, each with its place in the list.
struct Part<'a>(Vec<(usize, &'a Grid)>);

impl Part<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn side(&self) -> u8 {
        self.0.first().map_or(0, |(_, grid)| grid.side())
    }

    /// How many of which size.
    fn words(&self) -> String {
        format!("{} of {1} × {1}", format::count(self.len() as u64), self.side())
    }

    /// What it was refused with, said of the list: with the part's words, and with the number that a puzzle has there.
    fn refusal(&self, mut problem: Problem) -> Problem {
        problem.title = format!("{}: {}", self.words(), problem.title);
        let number = |field: &str| field.strip_prefix("puzzles[")?.strip_suffix(']')?.parse::<usize>().ok();
        let place = problem.field.as_deref().and_then(number).and_then(|number| self.0.get(number));
        if let Some((place, _)) = place {
            problem.field = Some(format!("puzzles[{place}]"));
        }
        problem
    }

    /// The request for its batch; the model was chosen for puzzles of that side.
    fn request(&self, how: &How, side: u8) -> Value {
        let lines: Vec<String> = self.0.iter().map(|(_, grid)| grid.to_string()).collect();
        let model = how.model.clone().filter(|_| self.side() == side);
        let mut body = json!({ "puzzles": lines });
        How { model, ..*how }.write(&mut body);
        body
    }
}

/// The puzzles for each batch: of one side, and no more than one takes. Only the list decides which are where, so that the
/// places of the batches tell what they hold.
fn parts(grids: &[Grid]) -> Vec<Part<'_>> {
    let of_side = |side: u8| grids.iter().enumerate().filter(move |(_, grid)| grid.side() == side).collect::<Vec<_>>();
    let cut = |all: Vec<_>| all.chunks(BATCH).map(|part| Part(part.to_vec())).collect::<Vec<_>>();
    [4, 6, 9].into_iter().map(of_side).flat_map(cut).collect()
}

/// Whether a refusal is one of whoever asks, whatever is asked: no connection, no session, no right, too much at once.
fn concerns_all(problem: &Problem) -> bool {
    matches!(problem.status, 0 | 401 | 403 | 429 | 503)
}

/// Queues what is not queued yet of the list: a part that is refused does not keep the others. The address where to look for
/// it; absent where something was refused.
pub(super) async fn queue(state: SolveState) -> Option<String> {
    let (how, side) = (state.ask.how(), state.ask.side.get_untracked());
    let (grids, batches) = state.list.with_untracked(|list| (list.grids().to_vec(), list.queued.batches.clone()));
    let mut queued = Queued { batches, refused: Vec::new() };
    state.note_queued(&grids, queued.clone());
    for (i, part) in parts(&grids).iter().enumerate() {
        if queued.batch(i).is_some() {
            continue;
        }
        let answer = api::solving::queue_batch(&part.request(&how, side)).await;
        let stop = answer.as_ref().is_err_and(|problem| concerns_all(problem));
        queued.note(i, answer.map_err(|problem| part.refusal(*problem)));
        state.note_queued(&grids, queued.clone());
        if stop {
            break;
        }
    }
    if !queued.refused.is_empty() {
        return None;
    }
    state.note_queued(&grids, Queued::default());
    match queued.batches.as_slice() {
        [Some(only)] => Some(format!("/batches/{only}")),
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

/// What was queued, what was not, and why; nothing where all was or none yet.
#[component]
pub(super) fn Refused(state: SolveState) -> impl IntoView {
    let refused = Memo::new(move |_| state.list.with(|list| list.queued.refused.clone()));
    let notices = move || refused.get().into_iter().map(|problem| view! { <ProblemNotice problem /> }).collect_view();
    let links = Memo::new(move |_| state.list.with(|list| list.queued.links(list.grids())));
    let link = |(address, words): (String, String)| view! { " "<a href=address>{words}</a>"." };
    let queued = move || {
        let links = Some(links.get()).filter(|links| !links.is_empty())?;
        let links = links.into_iter().map(link).collect_view();
        Some(view! { <p class="list-queued" role="status">"Queued already:" {links}</p> })
    };
    view! {
        {notices}
        {queued}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(side: u8, digit: u8) -> Grid {
        format!("{digit}{}", ".".repeat(usize::from(side * side) - 1)).parse().expect("a grid")
    }

    fn refusal(status: u16, field: &str) -> Problem {
        let (kind, title, detail) = ("about:blank".into(), "A field is wrong".into(), "no".into());
        Problem { kind, title, status, detail, field: Some(field.into()), request_id: String::new() }
    }

    #[test]
    fn batches_have_puzzles_of_one_side_in_a_lasting_order() {
        let grids = [grid(9, 1), grid(4, 1), grid(9, 2), grid(4, 2), grid(4, 3)];
        let places: Vec<Vec<usize>> =
            parts(&grids).iter().map(|part| part.0.iter().map(|(place, _)| *place).collect()).collect();
        assert_eq!(places, [vec![1, 3, 4], vec![0, 2]]);
        let many = vec![grid(4, 1); BATCH + 1];
        assert_eq!(parts(&many).iter().map(Part::len).collect::<Vec<_>>(), [BATCH, 1]);
    }

    #[test]
    fn what_is_queued_is_told_and_not_left() {
        let grids = [grid(9, 1), grid(4, 1), grid(9, 2), grid(4, 2), grid(4, 3)];
        let mut queued = Queued::default();
        assert_eq!((queued.left(&grids), queued.links(&grids).len()), (5, 0));
        queued.note(0, Ok("b1".into()));
        assert_eq!(queued.left(&grids), 2);
        assert_eq!(queued.links(&grids), [("/batches/b1".to_owned(), "3 of 4 × 4".to_owned())]);
    }

    #[test]
    fn a_part_that_is_refused_does_not_keep_the_others() {
        let grids = [grid(9, 1), grid(4, 1), grid(9, 2)];
        let mut queued = Queued::default();
        queued.note(0, Err(refusal(422, "puzzles")));
        queued.note(1, Ok("b2".into()));
        assert_eq!((queued.left(&grids), queued.refused.len()), (1, 1));
        assert_eq!(queued.links(&grids), [("/batches/b2".to_owned(), "2 of 9 × 9".to_owned())]);
        // Also once the page was loaded again.
        assert_eq!(read(&queued.written()), [None, Some("b2".to_owned())]);
        assert_eq!(read(&Queued::default().written()), []);
        queued.note(0, Ok("b1".into()));
        assert_eq!(queued.left(&grids), 0);
        assert!(!concerns_all(&refusal(422, "puzzles")) && !concerns_all(&refusal(500, "")));
        assert!([0, 401, 403, 429, 503].iter().all(|&status| concerns_all(&refusal(status, ""))));
    }

    #[test]
    fn a_refused_puzzle_is_told_by_its_place_in_the_list() {
        let grids = [grid(9, 1), grid(4, 1), grid(9, 2)];
        let refused = parts(&grids)[1].refusal(refusal(422, "puzzles[1]"));
        assert_eq!(
            (refused.title.as_str(), refused.field.as_deref()),
            ("2 of 9 × 9: A field is wrong", Some("puzzles[2]"))
        );
        for field in ["model", "puzzles", "puzzles[7]"] {
            assert_eq!(parts(&grids)[1].refusal(refusal(422, field)).field.as_deref(), Some(field));
        }
    }

    #[test]
    fn a_request_names_the_model_only_for_the_side_it_was_chosen_for() {
        let (four, nine) = (grid(4, 1), grid(9, 1));
        let how = How { model: Some("sudoku-4".into()), steps: Some(8), attempts: 3 };
        let of_four = json!({ "puzzles": [four.to_string()], "model": "sudoku-4", "steps": 8, "attempts": 3 });
        assert_eq!(Part(vec![(0, &four)]).request(&how, 4), of_four);
        let of_nine = json!({ "puzzles": [nine.to_string()] });
        assert_eq!(Part(vec![(0, &nine)]).request(&How { steps: None, attempts: 1, ..how }, 4), of_nine);
    }
}
