//! Solving puzzles, with every step on the way. Nothing but the model answers.

mod solution;

use crate::{
    Error, Result,
    act::Batch,
    checkpoint::{CheckpointInfo, Model},
    data::{arc, encode, view::View},
    eval::batch_size,
    loss::IGNORE_LABEL,
    rollout::{Reading, rollout},
};
use hrm_types::{
    board::Kind,
    evaluation::{Halting, Protocol},
    question::Question,
    solve::TaskIdentifier,
};
pub use solution::Solution;
use std::{ops::ControlFlow, time::Instant};

/// How puzzles are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Exactly so many ACT steps (1 to 1024); absent, the model halts by Q.
    pub steps: Option<u32>,
    /// Views of a puzzle that the model may look at until the rules accept its answer, 1 to
    /// [`Kind::most_attempts`]: the puzzle as it is, then others.
    pub attempts: u32,
}

impl Asking {
    /// One attempt.
    #[must_use]
    pub fn once(steps: Option<u32>) -> Self {
        Self { steps, attempts: 1 }
    }

    /// Checks it for a kind of puzzle.
    ///
    /// # Errors
    /// [`Error::Steps`], [`Error::Attempts`].
    pub fn check(self, kind: Kind) -> Result<()> {
        if let Some(steps) = self.steps.filter(|steps| !Protocol::STEPS.contains(steps)) {
            return Err(Error::Steps(steps));
        }
        check_attempts(kind, self.attempts)
    }

    fn protocol(self, info: &CheckpointInfo) -> Protocol {
        let halt_max_steps = info.experiment.arch.halt_max_steps as u32;
        self.steps.map_or_else(|| Protocol::halting_by_q(halt_max_steps), Protocol::fixed)
    }
}

/// Checks a number of attempts for a kind of puzzle.
///
/// # Errors
/// [`Error::Attempts`].
pub fn check_attempts(kind: Kind, attempts: u32) -> Result<()> {
    let most = kind.most_attempts();
    if (1..=most).contains(&attempts) { Ok(()) } else { Err(Error::Attempts { kind, most, found: attempts }) }
}

/// What is heard while puzzles are solved.
#[derive(Debug)]
pub enum Heard {
    /// The next ACT step or further attempts begin.
    GoesOn,
    /// The puzzle of this number has its answer.
    Solution(usize, Solution),
}

/// Solves a puzzle; `go_on` is asked before further attempts, each time for about as many as were made, and `Break` leaves it
/// at those.
///
/// # Errors
/// [`Error::WrongSide`] when the model takes no such puzzle; those of [`Asking::check`].
pub fn solve(
    model: &Model,
    question: &Question,
    asking: Asking,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Solution> {
    check(model.info(), question, asking)?;
    let at_once = at_once(model)?;
    let go_on = &mut |before| if before == Before::Attempts { go_on() } else { ControlFlow::Continue(()) };
    let (solutions, _) = attempt(model, std::slice::from_ref(question), asking, at_once, go_on)?;
    solutions.into_iter().next().ok_or(Error::Cancelled)
}

fn at_once(model: &Model) -> Result<usize> {
    let info = model.info();
    Ok(batch_size(&info.experiment.arch, info.task()?, model.hrm().device()))
}

/// Before what it is asked whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Step,
    Attempts,
}

/// Solves many puzzles, several at once; `hear` is told of each answer in turn, and may stop with `Break`, also between ACT
/// steps, which ends in [`Error::Cancelled`].
///
/// # Errors
/// As [`solve`].
pub fn solve_all(
    model: &Model,
    questions: &[Question],
    asking: Asking,
    hear: &mut dyn FnMut(Heard) -> ControlFlow<()>,
) -> Result<()> {
    let info = model.info();
    for question in questions {
        check(info, question, asking)?;
    }
    let at_once = at_once(model)?;
    for (number, asked) in questions.chunks(at_once).enumerate() {
        let (solutions, flow) = attempt(model, asked, asking, at_once, &mut |_| hear(Heard::GoesOn))?;
        if flow.is_break() {
            return Err(Error::Cancelled);
        }
        for (i, solution) in solutions.into_iter().enumerate() {
            if hear(Heard::Solution(number * at_once + i, solution)).is_break() {
                return Err(Error::Cancelled);
            }
        }
    }
    Ok(())
}

/// The answers to puzzles that fit one batch. Each round makes as many attempts at what is unsolved as were made before, if
/// that many fit a batch; which attempt answers does not depend on that. `Break` of `go_on` before attempts ends them, and is
/// handed on; before a step it is an error.
fn attempt(
    model: &Model,
    questions: &[Question],
    asking: Asking,
    at_once: usize,
    go_on: &mut dyn FnMut(Before) -> ControlFlow<()>,
) -> Result<(Vec<Solution>, ControlFlow<()>)> {
    let protocol = asking.protocol(model.info());
    let started = Instant::now();
    let first: Vec<(&Question, u32)> = questions.iter().map(|question| (question, 0)).collect();
    let mut solutions = look(model, &first, &protocol, started, &mut || go_on(Before::Step))?;
    let mut made = 1;
    while made < asking.attempts {
        let unsolved: Vec<usize> =
            (0..).zip(&solutions).filter(|(_, s)| s.solved != Some(true)).map(|(i, _)| i).collect();
        if unsolved.is_empty() {
            break;
        }
        if go_on(Before::Attempts).is_break() {
            return Ok((solutions, ControlFlow::Break(())));
        }
        let room = (at_once / unsolved.len()).max(1) as u32;
        let round = made..made + room.min(made).min(asking.attempts - made);
        let tried: Vec<usize> = unsolved.iter().flat_map(|&i| round.clone().map(move |_| i)).collect();
        let looks: Vec<(&Question, u32)> =
            tried.iter().map(|&i| &questions[i]).zip(unsolved.iter().flat_map(|_| round.clone())).collect();
        let next = look(model, &looks, &protocol, started, &mut || go_on(Before::Step))?;
        for (i, next) in tried.into_iter().zip(next) {
            solutions[i].try_again(next);
        }
        made = round.end;
    }
    Ok((solutions, ControlFlow::Continue(())))
}

/// What the model says to views of puzzles, named by their numbers.
fn look(
    model: &Model,
    looks: &[(&Question, u32)],
    protocol: &Protocol,
    started: Instant,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Vec<Solution>> {
    let info = model.info();
    let seq_len = info.task()?.seq_len;
    let mut batch = Batch { seq_len, inputs: vec![], labels: vec![], puzzle_identifiers: vec![] };
    let (mut views, mut solutions) = (Vec::with_capacity(looks.len()), Vec::with_capacity(looks.len()));
    for &(question, number) in looks {
        let view = View::new(question.kind, info.side, number);
        let seen = view.as_ref().map(|view| view.of(&question.board));
        let tokens = encode::encode(question.kind, info.side, seen.as_ref().unwrap_or(&question.board));
        let (row, identifier) = identifier(info, question);
        batch.inputs.extend(tokens.into_iter().map(u32::from));
        batch.labels.extend(std::iter::repeat_n(IGNORE_LABEL, seq_len));
        batch.puzzle_identifiers.push(row);
        views.push(view);
        solutions.push(Solution::of_attempt(number + 1, seen, identifier));
    }
    let on_reading = |i: usize, step, reading: Reading| {
        solutions[i].take(looks[i].0, views[i].as_ref(), info.side, step, &reading);
        solutions[i].halted = protocol.halting == Halting::Q && reading.q_halt > reading.q_continue;
        solutions[i].milliseconds = started.elapsed().as_secs_f64() * 1e3;
    };
    rollout(model, &batch, protocol, on_reading, go_on)?;
    Ok(solutions)
}

fn check(info: &CheckpointInfo, question: &Question, asking: Asking) -> Result<()> {
    asking.check(question.kind)?;
    if question.size().fits(&info.kind, info.side) {
        return Ok(());
    }
    Err(Error::WrongSide {
        model: format!("{} of side {}", info.kind, info.side),
        puzzle: format!("{} of side {}", question.kind, question.side()),
    })
}

/// What every answer to an ARC task has to be read with.
const MEANING: &str = "HRM reads a task by its identifier and was not shown the demonstrations";

/// The row of the puzzle embedding that a question is asked under; of an ARC task with what there is to say about it.
fn identifier(info: &CheckpointInfo, question: &Question) -> (u32, Option<TaskIdentifier>) {
    if question.kind != Kind::Arc {
        return (0, None);
    }
    let found = question.task.as_ref().and_then(|task| arc::identifier(info, task, 0).ok());
    let note = match (&question.task, found) {
        (Some(task), Some(_)) => format!("asked under the identifier of {task:?}, which it was trained on; {MEANING}"),
        (Some(task), None) => format!(
            "asked under the blank identifier, because it was not trained on {task:?}; {MEANING}, so that it cannot know \
             what the task is"
        ),
        (None, _) => format!(
            "asked under the blank identifier, because no task was named; {MEANING}, so that it cannot know what the task is"
        ),
    };
    (found.unwrap_or(arc::BLANK), Some(TaskIdentifier { known: found.is_some(), note }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checkpoint::tests::model, shipped::CHECKPOINTS};
    use hrm_types::solve::PuzzleInput;

    fn ask(text: &str) -> Question {
        PuzzleInput::Text(text.into()).question(None, 0).expect(text)
    }

    fn alone(model: &Model, question: &Question, asking: Asking) -> Solution {
        solve(model, question, asking, &mut || ControlFlow::Continue(())).expect("an answer")
    }

    #[test]
    fn many_are_answered_as_each_alone() {
        let model = model();
        let questions = ["1...............", "12..34..........", "................"].map(ask);
        for asking in [Asking::once(Some(2)), Asking { steps: Some(2), attempts: 5 }] {
            let mut together = Vec::new();
            let hear = &mut |heard| {
                if let Heard::Solution(i, solution) = heard {
                    assert_eq!(i, together.len());
                    together.push(solution);
                }
                ControlFlow::Continue(())
            };
            solve_all(&model, &questions, asking, hear).expect("answers");
            for (question, together) in questions.iter().zip(together) {
                let alone = alone(&model, question, asking);
                assert_eq!(alone.steps.len(), 2);
                assert_eq!((&alone.answer, alone.attempts), (&together.answer, together.attempts));
                assert_eq!(alone.steps[1].grid, together.steps[1].grid);
            }
        }
        let mut steps = 0;
        let stop = &mut |heard| {
            assert!(matches!(heard, Heard::GoesOn), "stopped before an answer");
            steps += 1;
            if steps == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        assert!(matches!(solve_all(&model, &questions, Asking::once(Some(4)), stop), Err(Error::Cancelled)));
        assert_eq!(steps, 2, "between ACT steps");
        let maze = ask("S # ##  G");
        let refused = solve(&model, &maze, Asking::once(None), &mut || ControlFlow::Continue(()));
        assert!(matches!(refused, Err(Error::WrongSide { .. })));
    }

    #[test]
    fn an_untrained_model_uses_all_its_attempts_and_answers_as_at_the_first() {
        let (model, question) = (model(), ask("12..34.........."));
        let (once, often) = (Asking::once(Some(1)), Asking { steps: Some(1), attempts: 7 });
        let (first, all) = (alone(&model, &question, once), alone(&model, &question, often));
        assert_eq!((first.solved, first.attempts, all.attempts), (Some(false), 1, 7));
        assert_eq!((&first.answer, &first.seen, &first.violations), (&all.answer, &None, &all.violations));

        let mut asked = 0;
        let cut = solve(&model, &question, often, &mut || {
            asked += 1;
            if asked == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(cut.expect("what there is").attempts, 2, "one, and as many again");
    }

    #[test]
    fn a_later_view_answers_for_the_puzzle_as_it_is() {
        let model = Model::from_bytes(CHECKPOINTS[0].bytes).expect("the model for six");
        let question = ask(".3...5........1......65...2..64...13");
        let once = alone(&model, &question, Asking::once(None));
        assert_eq!(once.solved, Some(false), "else this is no test");
        let often = alone(&model, &question, Asking { steps: None, attempts: 32 });
        assert_eq!((often.solved, &often.violations), (Some(true), &vec![]));
        assert!((2..=32).contains(&often.attempts), "{}", often.attempts);
        // What it saw, asked for itself, has the same steps in its own places.
        let seen = ask(&often.seen.as_ref().expect("another view").text(Kind::Sudoku));
        let view = View::new(Kind::Sudoku, 6, often.attempts - 1).expect("another view");
        let of_seen = alone(&model, &seen, Asking::once(None));
        assert_eq!(of_seen.solved, Some(true));
        assert_eq!(often.answer, of_seen.answer.map(|answer| view.undo(&answer)));
        assert_eq!(often.steps.len(), of_seen.steps.len());
        let last = often.steps.len() - 1;
        // The heads' products may round otherwise in a larger batch.
        let near = |a: f32, b: f32| (a - b).abs() < 1e-4;
        let confidence = view.undo_places(&of_seen.steps[last].confidence);
        assert!(often.steps[last].confidence.iter().zip(confidence).all(|(&a, b)| near(a, b)));
        assert!(near(often.steps[last].q_halt, of_seen.steps[last].q_halt));
    }

    #[test]
    fn attempts_are_as_many_as_there_are_views() {
        let found = |kind, attempts| Asking { steps: None, attempts }.check(kind);
        assert!(found(Kind::Sudoku, 256).is_ok() && found(Kind::Maze, 8).is_ok() && found(Kind::Arc, 1).is_ok());
        for (kind, attempts) in [(Kind::Sudoku, 0), (Kind::Sudoku, 257), (Kind::Maze, 9), (Kind::Arc, 2)] {
            let refused = found(kind, attempts).expect_err("too many or none").to_string();
            assert!(refused.starts_with("expected 1 to ") && refused.ends_with(&attempts.to_string()), "{refused}");
        }
    }
}
