//! Which leaderboard is looked at, and which of its rows.

use crate::{
    components::select::{Options, Select},
    format,
    pages::run::protocol,
    query::query_signal,
};
use hrm_types::{
    Page,
    evaluation::Protocol,
    leaderboard::{Board, BoardRow, BoardTask},
};
use leptos::prelude::*;

/// A board's puzzles and way of measuring, in a line.
pub(super) fn label(task: &BoardTask, measured: &Protocol) -> String {
    let puzzles = match task.test_count {
        Some(count) => format::counted(count.into(), "test puzzle"),
        None => "test puzzles not stored here".into(),
    };
    let names = if task.datasets.is_empty() { format::short_hash(&task.test_hash) } else { task.datasets.join(", ") };
    format!("{} {1} × {1}, {names}, {puzzles}: {2}", task.kind, task.side, protocol(measured))
}

/// Chooses a leaderboard.
#[component]
pub(super) fn Choice(
    boards: RwSignal<Option<Page<Board>>>,
    chosen: Signal<String>,
    choose: Callback<String>,
) -> impl IntoView {
    let options = Signal::derive(move || {
        let option = |board: &Board| {
            let scores = format::counted(board.scores.into(), "score");
            (board.id.clone(), format!("{} ({scores})", label(&board.task, &board.protocol)))
        };
        boards.with(|page| page.iter().flat_map(|page| &page.items).map(option).collect::<Options>())
    });
    view! {
        <div class="field inline board-choice">
            <label for="board">"Puzzles and protocol"</label>
            <Select id="board" options value=chosen choose />
        </div>
    }
}

/// Which rows are shown.
#[derive(Clone, Copy)]
pub(super) struct Filter {
    show: Memo<Option<String>>,
    set: SignalSetter<Option<String>>,
}

/// What can be shown: its name in the address, and in words.
const SHOWS: [(&str, &str); 3] = [("", "All"), ("verified", "Verified"), ("claimed", "Claimed")];

impl Filter {
    /// As the address has it.
    pub(super) fn from_query() -> Self {
        let (show, set) = query_signal("show");
        Self { show, set }
    }

    /// Whether a row is shown.
    pub(super) fn shows(self, row: &BoardRow) -> bool {
        self.show.with(|show| match show.as_deref() {
            Some("verified") => row.verified,
            Some("claimed") => !row.verified,
            _ => true,
        })
    }

    pub(super) fn view(self) -> impl IntoView {
        let choices = SHOWS.map(|(value, words)| {
            let pressed = move || (self.show.with(|show| show.as_deref().unwrap_or_default() == value)).to_string();
            let choose = move |_| self.set.set((!value.is_empty()).then(|| value.to_owned()));
            view! { <button type="button" aria-pressed=pressed on:click=choose>{words}</button> }
        });
        view! { <div class="segments" role="group" aria-label="Rows">{choices.into_iter().collect_view()}</div> }
    }
}
