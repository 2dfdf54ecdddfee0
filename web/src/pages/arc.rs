//! ARC: demonstrations and a test input are drawn or loaded, and a model answers.

mod board;
mod keys;
mod link;
mod state;
mod task;
mod tools;

use crate::pages::solve::{
    address, frame,
    given::{Given, listen},
    share,
};
use board::Board;
use leptos::prelude::*;
use state::ArcState;

/// The page at `/solve/arc`; `?model=…&steps=…&step=…#TASK` opens a task and its result, with `draft=1`
/// the task alone.
#[component]
pub(crate) fn ArcPage() -> impl IntoView {
    let state = ArcState::new();
    address::follow(state.ask, move |query, fragment| {
        let step = state.ask.open(query);
        if let Some((task, test)) = link::read(fragment) {
            state.begin(task, test);
            if !share::is_draft(query) {
                state.ask.solve(step);
            }
            return;
        }
        state.begin(task::beginning(), 0);
        if !fragment.is_empty() {
            state.ask.say_bad("The link holds no task.".into());
        }
    });
    share::follow_edits(state.ask, move || state.ask.puzzle.get());
    let take = move |given: Given| state.take(&given);
    listen(state.ask, Callback::new(move |event| keys::handle(state, &event)), Callback::new(take));
    let lead = "Load or draw a task. A model that was trained on it answers the test input; HRM knows a task by its name, \
                not by its demonstrations, and the answer says which it was asked under.";
    frame(state.ask, "Solve an ARC task", lead, view! { <Board state /> }.into_any())
}
