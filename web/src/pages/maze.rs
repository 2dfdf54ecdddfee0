//! Mazes: walls are drawn, start and goal are set, and a model finds the way.

mod board;
pub(crate) mod keys;
mod link;
mod state;

use crate::pages::solve::{
    address, frame,
    given::{Given, listen},
    share,
};
use board::Board;
use leptos::prelude::*;
use state::MazeState;

/// The page at `/solve/maze`; `?m=MAZE&model=…&steps=…&attempts=…&step=…` opens a maze and its result, with
/// `&draft=1` the maze alone.
#[component]
pub(crate) fn MazePage() -> impl IntoView {
    let state = MazeState::new();
    address::follow(state.ask, move |query, _| {
        let step = state.ask.open(query);
        match query.get("m").map(|text| link::read(&text)) {
            Some(Some(maze)) => {
                state.begin(Some(maze));
                if !share::is_draft(query) {
                    state.ask.solve(step);
                }
            }
            linked => {
                state.begin(state::built_in(0));
                if linked.is_some() {
                    state.ask.say_bad("The link holds no maze.".into());
                }
            }
        }
    });
    share::follow_edits(state.ask, move || state.ask.puzzle.get());
    let take = move |given: Given| state.take_text(&given.text);
    listen(state.ask, Callback::new(move |event| keys::handle(state, &event)), Callback::new(take));
    let lead = "Draw walls, set a start and a goal. The model marks the way in steps; the rules tell whether it is one, and \
                the shortest.";
    frame(state.ask, "Solve a maze", lead, view! { <Board state /> }.into_any())
}
