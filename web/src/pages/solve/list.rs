//! The puzzles of a list: which of them is on the board, the way to the others, and a batch of them all.

use super::state::SolveState;
use crate::{api, browser, format, session};
use hrm_types::{account::Scope, sudoku::Grid};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use serde_json::json;

/// Where a list is kept while the tab is open: one puzzle in each line.
const KEPT: &str = "puzzles";

/// Puzzles that one batch takes.
const BATCH: usize = hrm_types::batch::MAX_SENT;

/// Puzzles and the one that was chosen last.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct List {
    grids: Vec<Grid>,
    at: usize,
}

impl List {
    /// The place of `grid`: where the list stands, if it is that one, or else the first place it has.
    fn place(&self, grid: &Grid) -> Option<usize> {
        match self.grids.get(self.at) {
            Some(here) if here == grid => Some(self.at),
            _ => self.grids.iter().position(|other| other == grid),
        }
    }

    /// The place `by` further than that of `grid`, or than the one that was chosen last if it has none.
    fn beside(&self, grid: &Grid, by: isize) -> Option<usize> {
        let at = self.place(grid).unwrap_or(self.at);
        at.checked_add_signed(by).filter(|&at| at < self.grids.len())
    }
}

impl SolveState {
    /// Keeps the puzzles of a list, if it is one, in place of those before.
    pub(super) fn open_list(self, grids: Vec<Grid>) {
        let grids = if grids.len() > 1 { grids } else { Vec::new() };
        let lines: Vec<String> = grids.iter().map(Grid::to_string).collect();
        browser::keep(KEPT, &lines.join("\n"));
        self.list.set(List { grids, at: 0 });
    }

    /// Brings back the list that was open before the page was left or loaded again.
    pub(super) fn bring_back_list(self) {
        let Some(text) = browser::kept(KEPT) else { return };
        let grids: Vec<Grid> = text.lines().filter_map(|line| line.parse().ok()).collect();
        self.list.set(List { grids, at: 0 });
    }

    /// Puts the puzzle of the list at that place on the board, and its address in the bar.
    fn step(self, by: isize) {
        let to = self.editor.with_untracked(|editor| self.list.with_untracked(|list| list.beside(editor.grid(), by)));
        let Some(to) = to else { return };
        self.list.update(|list| list.at = to);
        let Some(grid) = self.list.with_untracked(|list| list.grids.get(to).cloned()) else { return };
        browser::replace_address(&format!("/?s={grid}"));
        self.edit(|editor| editor.replace(grid));
    }

    /// The requests for batches of the whole list: puzzles of one side in each, and no more than one takes.
    fn batches(self) -> Vec<serde_json::Value> {
        let (model, steps) = (self.ask.model.get_untracked(), self.ask.steps.get_untracked());
        let attempts = self.ask.attempts.get_untracked();
        // A model is chosen for the side on the board.
        let side = self.ask.side.get_untracked();
        self.list.with_untracked(|list| {
            [4, 6, 9]
                .into_iter()
                .flat_map(|one| {
                    let lines: Vec<String> =
                        list.grids.iter().filter(|grid| grid.side() == one).map(Grid::to_string).collect();
                    let body = |puzzles: &[String]| {
                        let mut body = json!({ "puzzles": puzzles });
                        if let Some(model) = model.as_ref().filter(|_| one == side) {
                            body["model"] = model.as_str().into();
                        }
                        if let Some(steps) = steps {
                            body["steps"] = steps.into();
                        }
                        if attempts > 1 {
                            body["attempts"] = attempts.into();
                        }
                        body
                    };
                    lines.chunks(BATCH).map(body).collect::<Vec<_>>()
                })
                .collect()
        })
    }
}

/// Where in its list the board is, and what can be done with the list; nothing where there is none.
#[component]
pub(super) fn ListBar(state: SolveState) -> impl IntoView {
    let count = Memo::new(move |_| state.list.with(|list| list.grids.len()));
    let place = Memo::new(move |_| state.editor.with(|editor| state.list.with(|list| list.place(editor.grid()))));
    let at = move || place.get().unwrap_or_else(|| state.list.with(|list| list.at));
    let said = move || {
        let (at, of) = (format::count(at() as u64 + 1), format::count(count.get() as u64));
        let changed = if place.with(Option::is_none) { ", changed" } else { "" };
        format!("Puzzle {at} of {of}{changed}")
    };
    let busy = RwSignal::new(false);
    let navigate = use_navigate();
    let opened = Callback::new(move |address: String| navigate(&address, NavigateOptions::default()));
    let solve_all = move |_| {
        let requests = state.batches();
        busy.set(true);
        spawn_local(async move {
            let mut made = Vec::new();
            for request in &requests {
                match api::solving::queue_batch(request).await {
                    Ok(id) => made.push(id),
                    Err(problem) => {
                        state.ask.problem.try_set(Some(*problem));
                        break;
                    }
                }
            }
            busy.try_set(false);
            match made.as_slice() {
                [id] if requests.len() == 1 => opened.run(format!("/batches/{id}")),
                made if made.len() == requests.len() => opened.run("/batches".into()),
                _ => {}
            }
        });
    };
    view! {
        <Show when=move || { count.get() > 1 }>
            <nav class="list-bar" aria-label="Puzzles of the list">
                <span class="list-place" role="status">{said}</span>
                <button type="button" class="quiet" disabled=move || at() == 0 on:click=move |_| state.step(-1)>"Previous"</button>
                <button type="button" class="quiet" disabled={move || at() + 1 == count.get()} on:click=move |_| state.step(1)>"Next"</button>
                <Show when=|| session::may(Scope::Write)>
                    <button type="button" disabled=move || busy.get() on:click=solve_all>
                        {move || format!("Solve all {}", format::count(count.get() as u64))}
                    </button>
                </Show>
                <button type="button" class="quiet" on:click=move |_| state.open_list(Vec::new())>"Close the list"</button>
            </nav>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_follows_the_board() {
        let line = |digit: u8| format!("{digit}{}", ".".repeat(15)).parse::<Grid>().expect("a grid");
        let list = List { grids: vec![line(1), line(2), line(1)], at: 2 };
        assert_eq!(list.place(&line(1)), Some(2), "of two equal ones the one that was chosen");
        assert_eq!(
            (list.place(&line(2)), list.beside(&line(2), -1), list.beside(&line(2), 1)),
            (Some(1), Some(0), Some(2))
        );
        assert_eq!((list.place(&line(3)), list.beside(&line(3), 1), list.beside(&line(3), -1)), (None, None, Some(1)));
    }
}
