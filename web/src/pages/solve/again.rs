//! What can be tried after a wrong answer: all the steps of a model that stopped early, and other views of the puzzle.

use super::{
    ask::{Ask, How, Outcome},
    attempts::{many, views},
};
use crate::format;
use hrm_types::solve::Solutions;
use leptos::prelude::*;

/// The buttons, each with what it does; nothing after an answer that is right, or of which nobody knows.
#[component]
pub(super) fn Again(ask: Ask) -> impl IntoView {
    let steps = Memo::new(move |_| ask.outcome.with(|outcome| outcome.as_ref().and_then(all_steps)));
    let count = many(ask.kind);
    let unseen = Memo::new(move |_| {
        let unseen = |outcome: &Outcome| is_wrong(outcome) && outcome.response.attempts < count;
        ask.outcome.with(|outcome| outcome.as_ref().is_some_and(unseen))
    });
    // Of this model and for this puzzle alone: of others, other numbers of steps are all.
    let think = move || {
        let how = ask.outcome.with_untracked(|outcome| outcome.as_ref().map(|outcome| outcome.how.clone()));
        if let Some(how) = how {
            ask.solve_so(How { steps: steps.get_untracked(), ..how }, None);
        }
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
    let press = move |_| {
        if !untrack(|| ask.busy()) {
            act();
        }
    };
    view! {
        <p class="again">
            <button type="button" aria-disabled=move || ask.busy().to_string() on:click=press>
                {move || if ask.busy() { "Trying …".into() } else { label() }}
            </button>
            <span class="hint">{hint}</span>
        </p>
    }
}

/// Whether another answer could be right where this one is not.
fn is_wrong(outcome: &Outcome) -> bool {
    outcome.response.solved == Some(false) && outcome.response.solutions != Some(Solutions::None)
}

/// The steps that the model was trained to take at most, after a wrong answer before which it chose to stop earlier.
fn all_steps(outcome: &Outcome) -> Option<u32> {
    let response = &outcome.response;
    let early = is_wrong(outcome) && response.halted && response.steps_used < response.max_steps;
    early.then_some(response.max_steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::solve::verdict::tests::outcome;
    use hrm_types::board::Kind;

    #[test]
    fn more_steps_are_offered_after_a_wrong_answer_that_came_early() {
        let puzzle = (Kind::Sudoku, "12..34..........");
        let (grid, wrong) = ("1234341221434312", (&["1 stands twice in column 3"][..], &[14][..]));
        let offered = |lines: &[&str], faults, halted| all_steps(&outcome(puzzle, lines, faults, (None, halted)));
        assert_eq!(offered(&[grid], wrong, true), Some(2));
        assert_eq!(offered(&[grid; 2], wrong, true), None, "there are none left");
        assert_eq!(offered(&[grid], wrong, false), None, "it did not choose to stop");
        assert_eq!(offered(&[grid], (&[], &[]), true), None, "it is right");
        let mut impossible = outcome(puzzle, &[grid], wrong, (None, true));
        impossible.response.solutions = Some(Solutions::None);
        assert_eq!(all_steps(&impossible), None, "nothing could be");
    }
}
