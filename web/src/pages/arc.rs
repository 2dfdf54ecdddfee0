//! ARC: demonstrations and a test input are drawn or loaded, and a model answers.

mod board;
mod keys;
mod link;
mod state;
mod task;
mod tools;

use crate::pages::solve::{
    frame,
    given::{Given, listen},
    share,
};
use board::Board;
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use state::ArcState;

/// The page at `/solve/arc`; `?model=…&steps=…&step=…#TASK` opens a task and its result, with `draft=1`
/// the task alone.
#[component]
pub(crate) fn ArcPage() -> impl IntoView {
    let state = ArcState::new();
    let query = use_query_map().get_untracked();
    let step = state.ask.open(&query);
    let fragment = use_location().hash.get_untracked();
    let text = fragment.trim_start_matches('#');
    if !text.is_empty() {
        match link::read(text) {
            Some((task, test)) => {
                state.begin(task, test);
                if !share::is_draft(&query) {
                    state.ask.solve(step);
                }
            }
            None => state.ask.say_bad("The link holds no task.".into()),
        }
    }
    share::follow_edits(state.ask, move || state.ask.puzzle.get());
    let take = move |given: Given| state.take(&given);
    listen(state.ask, Callback::new(move |event| keys::handle(state, &event)), Callback::new(take));
    let lead = "Load or draw a task. A model that was trained on it answers the test input; HRM knows a task by its name, \
                not by its demonstrations, and the answer says which it was asked under.";
    frame(state.ask, "Solve an ARC task", lead, view! { <Board state /> }.into_any())
}
