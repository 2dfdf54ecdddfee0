//! What is asked and what comes of it, whatever the kind of puzzle: model, depth, the answer and where its player stands.

use super::{address::Address, foreign, share};
use crate::{
    api::{self, solving::Solver},
    browser,
    load::Loaded,
};
use hrm_types::{Page, board::Kind, problem::Problem, question::Size, solve::SolveResponse};
use leptos::{prelude::*, task::spawn_local};
use serde_json::{Value, json};

/// Something to tell about what was just done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) bad: bool,
    /// The kind of puzzle it is about, if that has another page.
    pub(crate) elsewhere: Option<Kind>,
}

impl Said {
    /// The words, with the way to the other page.
    pub(crate) fn view(self) -> AnyView {
        let way = self.elsewhere.map(|kind| {
            let (_, address, words) = foreign::page(kind);
            view! { " "<a href=address>{words}</a>"." }
        });
        view! { <span class:bad=self.bad>{self.text}{way}</span> }.into_any()
    }
}

/// A puzzle as it is sent, and as a link has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Asked {
    /// The request's `puzzle`.
    pub(crate) puzzle: Value,
    /// Of an ARC task the test input, from 0.
    pub(crate) test_input: u32,
    /// What stands for it in a link's query, e.g. `s=12..`.
    pub(crate) query: String,
    /// What stands for it behind a link's `#`.
    pub(crate) fragment: String,
}

/// How a puzzle is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct How {
    /// Name or id of the model; the server's choice if absent.
    pub(crate) model: Option<String>,
    /// Steps to run; absent when the model is to halt by itself.
    pub(crate) steps: Option<u32>,
    /// Attempts allowed.
    pub(crate) attempts: u32,
}

/// An answered puzzle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// The puzzle that was asked.
    pub(crate) asked: Asked,
    /// How it was asked, whatever has been chosen since.
    pub(crate) how: How,
    pub(crate) response: SolveResponse,
}

/// The signals that every kind of puzzle shares.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) kind: Kind,
    /// The page's address.
    pub(crate) page: &'static str,
    pub(crate) said: RwSignal<Option<Said>>,
    /// Whether something is dragged over the page that may be dropped there.
    pub(crate) dragged: RwSignal<bool>,
    pub(crate) models: Loaded<Page<Solver>>,
    /// Name or id of the chosen model; the server's choice if absent.
    pub(crate) model: RwSignal<Option<String>>,
    /// Steps to run; until it halts if absent.
    pub(crate) steps: RwSignal<Option<u32>>,
    /// Attempts allowed.
    pub(crate) attempts: RwSignal<u32>,
    pub(crate) outcome: RwSignal<Option<Outcome>>,
    pub(crate) problem: RwSignal<Option<Problem>>,
    /// The question that is on its way: what is asked, and how.
    asking: RwSignal<Option<(Asked, How)>>,
    /// The step on the board, 0-based.
    pub(crate) shown: RwSignal<usize>,
    pub(crate) playing: RwSignal<bool>,
    /// The longest side of the puzzle under edit.
    pub(crate) side: Signal<u8>,
    /// The puzzle under edit; absent while it cannot be asked.
    pub(crate) puzzle: Signal<Option<Asked>>,
    pub(super) address: Address,
}

impl Ask {
    /// Nothing asked yet.
    pub(crate) fn new(kind: Kind, page: &'static str, side: Signal<u8>, puzzle: Signal<Option<Asked>>) -> Self {
        Self {
            kind,
            page,
            said: RwSignal::new(None),
            dragged: RwSignal::new(false),
            models: crate::load::load(api::solving::list_models),
            model: RwSignal::new(None),
            steps: RwSignal::new(None),
            attempts: RwSignal::new(1),
            outcome: RwSignal::new(None),
            problem: RwSignal::new(None),
            asking: RwSignal::new(None),
            shown: RwSignal::new(0),
            playing: RwSignal::new(false),
            side,
            puzzle,
            address: Address::here(),
        }
    }

    /// Whether a question is on its way, reactive.
    pub(crate) fn busy(self) -> bool {
        self.asking.with(Option::is_some)
    }

    /// Takes model, depth and attempts from the page's address, and drops what the one before brought; the step (1-based) that
    /// it names.
    pub(crate) fn open(self, query: &leptos_router::params::ParamsMap) -> Option<usize> {
        self.drop_result();
        self.model.set(query.get("model"));
        let steps = query.get("steps").and_then(|steps| steps.parse().ok());
        self.steps.set(steps.filter(|steps| (1..=1024).contains(steps)));
        let attempts = query.get("attempts").and_then(|attempts| attempts.parse().ok());
        self.attempts.set(attempts.filter(|attempts| (1..=self.kind.most_attempts()).contains(attempts)).unwrap_or(1));
        query.get("step").and_then(|step| step.parse().ok())
    }

    /// Whether a model takes puzzles of this kind and side.
    pub(crate) fn takes(self, model: &Solver, side: u8) -> bool {
        Size { kind: self.kind, side }.fits(&model.kind, model.side)
    }

    /// The models that take the puzzle under edit; absent until the list is there.
    pub(crate) fn fitting_models(self) -> Option<Vec<Solver>> {
        let side = self.side.get();
        let fits = |model: &&Solver| self.takes(model, side);
        self.models.value.with(|models| models.as_ref().map(|page| page.items.iter().filter(fits).cloned().collect()))
    }

    /// The sides of all models of this kind, ascending.
    pub(crate) fn sides(self) -> Vec<u8> {
        self.models.value.with(|models| {
            let models = models.iter().flat_map(|page| page.items.iter());
            let mut sides: Vec<u8> =
                models.filter(|model| model.kind == self.kind.as_str()).map(|model| model.side).collect();
            sides.sort_unstable();
            sides.dedup();
            sides
        })
    }

    pub(crate) fn say(self, text: String) {
        self.said.set(Some(Said { text, bad: false, elsewhere: None }));
    }

    pub(crate) fn say_bad(self, text: String) {
        self.said.set(Some(Said { text, bad: true, elsewhere: None }));
    }

    /// Refuses a text that was given: as a puzzle of another kind if it is one, else for that reason.
    pub(crate) fn refuse(self, given: &str, reason: String) {
        let elsewhere = foreign::recognised(given, self.kind);
        let text = elsewhere.map_or(reason, |kind| format!("That is {}.", foreign::page(kind).0));
        self.said.set(Some(Said { text, bad: true, elsewhere }));
    }

    /// A result, also one that is on its way, goes with its puzzle.
    fn drop_result(self) {
        self.asking.set(None);
        self.playing.set(false);
        self.outcome.set(None);
        self.problem.set(None);
        self.said.set(None);
    }

    /// The puzzle has changed: its result goes with it, and so does the choice of a model that takes no such one.
    pub(crate) fn forget(self) {
        self.drop_result();
        let (side, chosen) = (self.side.get_untracked(), self.model.get_untracked());
        let known = self.models.value.with_untracked(|models| {
            let mut models = models.iter().flat_map(|page| page.items.iter());
            models.any(|model| self.takes(model, side) && is_named(model, chosen.as_deref()))
        });
        if chosen.is_some() && self.models.value.with_untracked(Option::is_some) && !known {
            self.model.set(None);
        }
    }

    /// How the next puzzle is to be answered.
    pub(crate) fn how(self) -> How {
        How {
            model: self.model.get_untracked(),
            steps: self.steps.get_untracked(),
            attempts: self.attempts.get_untracked(),
        }
    }

    /// Asks the model as it is chosen, then plays its steps, or shows `step` (1-based) of them.
    pub(crate) fn solve(self, step: Option<usize>) {
        self.solve_so(self.how(), step);
    }

    /// The same in a way of its own, which stays no choice.
    pub(super) fn solve_so(self, how: How, step: Option<usize>) {
        let Some(asked) = self.puzzle.get_untracked() else { return };
        let question = (asked, how);
        if self.asking.with_untracked(|asking| asking.as_ref() == Some(&question)) {
            return;
        }
        let body = body(self.kind, &question.0, &question.1);
        self.asking.set(Some(question.clone()));
        self.said.set(None);
        spawn_local(async move {
            let answer = api::solving::solve(&body).await;
            // By now the page may be gone, another puzzle stand there, or this one be asked in another way.
            if self.asking.try_with_untracked(|asking| asking.as_ref() == Some(&question)) != Some(true) {
                return;
            }
            self.asking.set(None);
            let (asked, how) = question;
            match answer {
                Ok(response) => self.show(Outcome { asked, how, response }, step),
                Err(problem) => self.problem.set(Some(*problem)),
            }
        });
    }

    fn show(self, outcome: Outcome, step: Option<usize>) {
        let last = outcome.last();
        let still = step.is_some() || browser::prefers_reduced_motion();
        self.problem.set(None);
        self.shown.set(match step {
            Some(step) => step.saturating_sub(1).min(last),
            None if still => last,
            None => 0,
        });
        self.address.write(self, &outcome.asked, share::link(self, &outcome, step));
        self.outcome.set(Some(outcome));
        self.playing.set(!still && last > 0);
    }
}

/// The request for a puzzle of that kind.
pub(super) fn body(kind: Kind, asked: &Asked, how: &How) -> Value {
    let mut body = json!({ "puzzle": asked.puzzle });
    if kind == Kind::Maze {
        body["kind"] = kind.as_str().into();
    }
    if asked.test_input > 0 {
        body["test_input"] = asked.test_input.into();
    }
    how.write(&mut body);
    body
}

impl How {
    /// Says it in a request; what is left out is the server's to choose.
    pub(super) fn write(&self, body: &mut Value) {
        if let Some(model) = &self.model {
            body["model"] = model.as_str().into();
        }
        if let Some(steps) = self.steps {
            body["steps"] = steps.into();
        }
        if self.attempts > 1 {
            body["attempts"] = self.attempts.into();
        }
    }
}

/// Whether `name` is the model's id or name.
pub(crate) fn is_named(model: &Solver, name: Option<&str>) -> bool {
    name.is_some_and(|name| model.name == name || model.id.to_string() == name)
}

impl Outcome {
    /// The last step, 0-based.
    pub(crate) fn last(&self) -> usize {
        self.response.steps.len().saturating_sub(1)
    }

    /// The board after step `shown` (0-based) as text; empty where there is none.
    pub(crate) fn grid(&self, shown: usize) -> &str {
        self.response.steps.get(shown).map_or("", |step| &step.grid)
    }

    /// Cells that stand otherwise than a step before, counted from 0 row by row; none where the board has another size, as
    /// an ARC answer may have.
    pub(crate) fn changed(&self, shown: usize) -> Vec<usize> {
        let cells = |text: &str| text.bytes().filter(|&byte| byte != b'/').collect::<Vec<_>>();
        let (Some(before), now) = (shown.checked_sub(1).map(|before| self.grid(before)), self.grid(shown)) else {
            return Vec::new();
        };
        if self.resized(shown) {
            return Vec::new();
        }
        let pairs = cells(before).into_iter().zip(cells(now)).enumerate();
        pairs.filter(|(_, (before, now))| before != now).map(|(cell, _)| cell).collect()
    }

    /// Whether the board has another size than a step before.
    pub(crate) fn resized(&self, shown: usize) -> bool {
        let size = |text: &str| (text.len(), text.find('/'));
        shown > 0 && size(self.grid(shown - 1)) != size(self.grid(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_only_what_was_chosen() {
        let asked = Asked { puzzle: "12..".into(), ..Asked::default() };
        let mut how = How { model: None, steps: None, attempts: 1 };
        assert_eq!(body(Kind::Sudoku, &asked, &how), json!({ "puzzle": "12.." }));
        how = How { model: Some("maze-9".into()), steps: Some(4), attempts: 8 };
        let all = json!({ "puzzle": "12..", "kind": "maze", "model": "maze-9", "steps": 4, "attempts": 8 });
        assert_eq!(body(Kind::Maze, &asked, &how), all);
    }
}
