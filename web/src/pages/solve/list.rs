//! The puzzles of a list: which of them is on the board, and the way to the others.

use super::{
    state::SolveState,
    whole::{self, Queued, Refused},
};
use crate::{browser, format, session};
use hrm_types::{account::Scope, sudoku::Grid};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// Where a list is kept while the tab is open: one puzzle in each line.
const KEPT: &str = "puzzles";

/// Puzzles and the one that was chosen last.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct List {
    grids: Vec<Grid>,
    at: usize,
    pub(super) queued: Queued,
    /// Whether the browser has no room to keep it for when the page is left.
    too_large: bool,
}

impl List {
    pub(super) fn grids(&self) -> &[Grid] {
        &self.grids
    }

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
        let too_large = !browser::keep(KEPT, &written(&grids)) && !grids.is_empty();
        let queued = Queued::default();
        queued.keep();
        self.list.set(List { grids, at: 0, queued, too_large });
    }

    /// Brings back the list that was open before the page was left or loaded again.
    pub(super) fn bring_back_list(self) {
        let Some(text) = browser::kept(KEPT) else { return };
        let grids: Vec<Grid> = text.lines().filter_map(|line| line.parse().ok()).collect();
        self.list.set(List { grids, at: 0, queued: Queued::kept(), too_large: false });
    }

    /// Puts the puzzle of the list at that place on the board.
    fn step(self, by: isize) {
        let to = self.editor.with_untracked(|editor| self.list.with_untracked(|list| list.beside(editor.grid(), by)));
        let Some(to) = to else { return };
        self.list.update(|list| list.at = to);
        let Some(grid) = self.list.with_untracked(|list| list.grids.get(to).cloned()) else { return };
        self.edit(|editor| editor.replace(grid));
    }

    /// Notes what was queued of a list, unless another is open by now.
    pub(super) fn note_queued(self, of: &[Grid], queued: Queued) {
        // Where the page is gone, what it kept tells the list.
        let is_open = self.list.try_with_untracked(|list| list.grids == of);
        if is_open.unwrap_or_else(|| browser::kept(KEPT) == Some(written(of))) {
            queued.keep();
            self.list.try_update(|list| list.queued = queued);
        }
    }
}

/// A list as it is kept.
fn written(grids: &[Grid]) -> String {
    grids.iter().map(Grid::to_string).collect::<Vec<_>>().join("\n")
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
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let address = whole::queue(state).await;
            busy.try_set(false);
            if let Some(address) = address {
                // Whoever has gone elsewhere meanwhile stays there.
                opened.try_run(address);
            }
        });
    };
    view! {
        <Show when=move || { count.get() > 1 }>
            <nav class="list-bar" aria-label="Puzzles of the list">
                <span class="list-place" role="status">{said}</span>
                <button type="button" class="quiet" aria-disabled=move || (at() == 0).to_string() on:click=move |_| state.step(-1)>"Previous"</button>
                <button type="button" class="quiet" aria-disabled=move || (at() + 1 == count.get()).to_string() on:click=move |_| state.step(1)>"Next"</button>
                <Show when=|| session::may(Scope::Write)>
                    <button type="button" aria-disabled=move || busy.get().to_string() on:click=solve_all>
                        {move || whole::button(state)}
                    </button>
                </Show>
                <button type="button" class="quiet" on:click=move |_| state.open_list(Vec::new())>"Close the list"</button>
                <Show when=move || state.list.with(|list| list.too_large)>
                    <p class="hint">"The list is too large to be kept when the page is left."</p>
                </Show>
            </nav>
            <Refused state />
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_follows_the_board() {
        let line = |digit: u8| format!("{digit}{}", ".".repeat(15)).parse::<Grid>().expect("a grid");
        let list = List { grids: vec![line(1), line(2), line(1)], at: 2, ..List::default() };
        assert_eq!(list.place(&line(1)), Some(2), "of two equal ones the one that was chosen");
        assert_eq!(
            (list.place(&line(2)), list.beside(&line(2), -1), list.beside(&line(2), 1)),
            (Some(1), Some(0), Some(2))
        );
        assert_eq!((list.place(&line(3)), list.beside(&line(3), 1), list.beside(&line(3), -1)), (None, None, Some(1)));
    }
}
