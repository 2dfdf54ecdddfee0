//! What can be tried after a wrong answer: all the steps of a model that stopped early, and other views of the puzzle.

use super::{
    ask::{Ask, Outcome},
    attempts::{many, views},
};
use crate::{api::solving::Solver, format};
use leptos::prelude::*;

/// The buttons, each with what it does; nothing after an answer that is right, or of which nobody knows.
#[component]
pub(super) fn Again(ask: Ask) -> impl IntoView {
    let steps =
        Memo::new(move |_| ask.outcome.with(|outcome| outcome.as_ref().and_then(|outcome| all_steps(ask, outcome))));
    let count = many(ask.kind);
    let unseen = Memo::new(move |_| {
        let unseen = |outcome: &Outcome| is_wrong(outcome) && outcome.response.attempts < count;
        ask.outcome.with(|outcome| outcome.as_ref().is_some_and(unseen))
    });
    let think = move || {
        ask.steps.set(steps.get_untracked());
        ask.solve(None);
    };
    let look = move || {
        ask.attempts.set(count);
        ask.solve(None);
    };
    let all = move || format!("Let it take all its {}", format::counted(steps.get().unwrap_or(1).into(), "step"));
    view! {
        <Show when=move || steps.get().is_some()>
            {offer(ask, all, think, "It chose to stop before.".into())}
        </Show>
        <Show when=move || unseen.get()>
            {offer(ask, move || format!("Try up to {count} views of it"), look, format!("The same puzzle, {}.", views(ask.kind)))}
        </Show>
    }
}

fn offer(
    ask: Ask,
    label: impl Fn() -> String + Send + 'static,
    act: impl Fn() + 'static,
    hint: String,
) -> impl IntoView {
    view! {
        <p class="again">
            <button type="button" disabled=move || ask.busy.get() on:click=move |_| act()>
                {move || if ask.busy.get() { "Trying …".into() } else { label() }}
            </button>
            <span class="hint">{hint}</span>
        </p>
    }
}

fn is_wrong(outcome: &Outcome) -> bool {
    outcome.response.solved == Some(false)
}

/// The steps that the model was trained to take at most, after a wrong answer before which it chose to stop earlier.
fn all_steps(ask: Ask, outcome: &Outcome) -> Option<u32> {
    ask.models.value.with(|models| {
        let mut models = models.iter().flat_map(|page| page.items.iter());
        let model = models.find(|model| model.id == outcome.response.model.id)?;
        left(outcome, model).then_some(model.experiment.arch.halt_max_steps)
    })
}

fn left(outcome: &Outcome, model: &Solver) -> bool {
    is_wrong(outcome) && outcome.response.halted && outcome.response.steps_used < model.experiment.arch.halt_max_steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::solving::{Arch, Trained},
        pages::solve::verdict::tests::outcome,
    };
    use hrm_types::board::Kind;

    #[test]
    fn more_steps_are_offered_after_a_wrong_answer_that_came_early() {
        let model = |halt_max_steps| Solver {
            id: "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77".parse().expect("an id"),
            name: "test".into(),
            kind: "sudoku".into(),
            side: 4,
            dataset_hash: String::new(),
            parameters: 1,
            evaluation: None,
            claimed: false,
            default: true,
            experiment: Trained { arch: Arch { halt_max_steps } },
        };
        let puzzle = (Kind::Sudoku, "12..34..........");
        let grid = &["1234341221434312"][..];
        let wrong = (&["1 stands twice in column 3"][..], &[14][..]);
        assert!(left(&outcome(puzzle, grid, wrong, (None, true)), &model(2)));
        assert!(!left(&outcome(puzzle, grid, wrong, (None, true)), &model(1)), "there are none left");
        assert!(!left(&outcome(puzzle, grid, wrong, (None, false)), &model(2)), "it did not choose to stop");
        assert!(!left(&outcome(puzzle, grid, (&[], &[]), (None, true)), &model(2)), "it is right");
    }
}
