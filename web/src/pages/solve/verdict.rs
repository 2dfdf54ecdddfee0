//! What came out, in plain sentences.

use super::ask::Outcome;
use crate::format;
use hrm_types::{board::Kind, solve::Solutions};

/// The first sentence: solved, or what is wrong.
pub(crate) fn verdict(outcome: &Outcome) -> String {
    let response = &outcome.response;
    let effort = format!(
        "{}, {}{}",
        format::counted(response.steps_used.into(), "step"),
        format::milliseconds(response.milliseconds),
        if response.attempts > 1 { " in all" } else { "" }
    );
    match (response.solved, response.path) {
        (Some(true), Some(path)) => {
            return format!("A shortest path of {} moves, {}in {effort}.", path.shortest, attempt(outcome));
        }
        (Some(true), None) => return format!("Solved {}in {effort}.", attempt(outcome)),
        (None, _) => return format!("Answered in {effort}. Nobody has said what is right."),
        (Some(false), _) => {}
    }
    if response.solutions == Some(Solutions::None) {
        return "This puzzle has no solution: no answer can be right. Look over its givens.".into();
    }
    let first = response.violations.first().map_or("it breaks the rules", String::as_str);
    match response.violations.len() {
        0 | 1 => format!("Not a solution: {first}."),
        n => format!("Not a solution: {first}, and {}.", format::counted(n as u64 - 1, "more fault")),
    }
}

/// Which attempt it was, if there were several.
fn attempt(outcome: &Outcome) -> String {
    match outcome.response.attempts {
        1 => String::new(),
        last => format!("at attempt {last}, "),
    }
}

/// How it came to an end.
pub(crate) fn ending(outcome: &Outcome) -> String {
    let response = &outcome.response;
    let failed = (response.attempts > 1 && response.solved == Some(false))
        .then(|| format!("None of {} attempts was right; this is the first. ", response.attempts));
    let several = if response.solutions == Some(Solutions::Several) {
        " The puzzle has several solutions; models are trained on puzzles with one."
    } else {
        ""
    };
    failed.unwrap_or_default() + &stopped(outcome) + several
}

fn stopped(outcome: &Outcome) -> String {
    let used = outcome.response.steps_used;
    match (outcome.how.steps, outcome.response.halted) {
        (Some(_), _) => format!("It ran exactly {}, as asked.", format::counted(used.into(), "step")),
        (None, true) => format!("The model chose to stop after step {used}."),
        (None, false) => {
            format!("The model never chose to stop; it used all {}.", format::counted(used.into(), "step"))
        }
    }
}

/// What step `shown` (0-based) did.
pub(crate) fn step(outcome: &Outcome, shown: usize) -> String {
    let wrong = outcome.response.steps.get(shown).map_or(0, |step| step.wrong.len() as u64);
    let is_sudoku = outcome.response.kind == Kind::Sudoku;
    let blank = if is_sudoku { outcome.grid(shown).matches('.').count() } else { 0 };
    let mut parts = Vec::new();
    if outcome.grid(shown).is_empty() {
        return "no grid in the upper left corner".into();
    }
    if outcome.resized(shown) {
        parts.push("another size".to_owned());
    } else if shown > 0 {
        parts.push(match outcome.changed(shown).len() as u64 {
            0 => "nothing changed".to_owned(),
            n => format!("{} changed", format::counted(n, "cell")),
        });
    }
    if blank > 0 {
        parts.push(format!("{blank} blank"));
    }
    match (outcome.response.kind, wrong) {
        (Kind::Arc, 0) => {}
        (Kind::Arc, n) => parts.push(format!("{} of another colour than the output", format::counted(n, "cell"))),
        (_, 0) if blank == 0 => parts.push("every rule kept".to_owned()),
        (_, 0) => parts.push("no rule broken".to_owned()),
        (_, n) => parts.push(format!("{} against the rules", format::counted(n, "cell"))),
    }
    parts.join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::pages::solve::ask::{Asked, How};
    use hrm_types::{
        ids::CheckpointId,
        solve::{MazePath, ModelRef, SolveResponse, SolveStep},
    };

    /// An answer whose last step has these wrong cells.
    pub(in crate::pages::solve) fn outcome(
        (kind, puzzle): (Kind, &str),
        lines: &[&str],
        (violations, wrong): (&[&str], &[u32]),
        (steps, halted): (Option<u32>, bool),
    ) -> Outcome {
        let step = |(step, line): (u32, &&str)| SolveStep {
            step,
            grid: (*line).into(),
            confidence: vec![0.5; 16],
            wrong: if step as usize == lines.len() { wrong.to_vec() } else { vec![] },
            q_halt: 0.0,
            q_continue: 0.0,
        };
        let response = SolveResponse {
            model: ModelRef {
                id: "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77".parse::<CheckpointId>().unwrap(),
                name: "test".into(),
            },
            kind,
            puzzle: puzzle.into(),
            answer: lines.last().copied().unwrap_or_default().into(),
            rows: vec![],
            solved: Some(violations.is_empty()),
            violations: violations.iter().map(|&words| words.into()).collect(),
            solutions: None,
            path: None,
            identifier: None,
            steps_used: lines.len() as u32,
            max_steps: 2,
            halted,
            attempts: 1,
            seen: None,
            milliseconds: 12.3,
            steps: (1..).zip(lines).map(step).collect(),
        };
        let how = How { model: None, steps, attempts: 1 };
        Outcome { asked: Asked::default(), how, response }
    }

    const PUZZLE: (Kind, &str) = (Kind::Sudoku, "12..34..........");
    const WRONG: &str = "1234341221434312";
    const RIGHT: &str = "1234341221434321";

    #[test]
    fn sentences_say_what_is() {
        let solved = outcome(PUZZLE, &[WRONG, RIGHT], (&[], &[]), (None, true));
        assert_eq!(verdict(&solved), "Solved in 2 steps, 12 ms.");
        assert_eq!(ending(&solved), "The model chose to stop after step 2.");
        assert_eq!(step(&solved, 1), "2 cells changed, every rule kept");
        let faults = ["1 stands twice in column 3", "2 stands twice in column 4"];
        let failed = outcome(PUZZLE, &[WRONG], (&faults, &[14, 15]), (None, false));
        assert_eq!(verdict(&failed), "Not a solution: 1 stands twice in column 3, and 1 more fault.");
        assert_eq!(ending(&failed), "The model never chose to stop; it used all 1 step.");
        assert_eq!(step(&failed, 0), "2 cells against the rules");
        let fixed = outcome(PUZZLE, &[WRONG], (&faults, &[]), (Some(1), false));
        assert_eq!(ending(&fixed), "It ran exactly 1 step, as asked.");
    }

    #[test]
    fn no_model_is_blamed_for_its_puzzle() {
        let mut failed = outcome(PUZZLE, &[WRONG], (&["1 stands twice in column 3"], &[14, 15]), (None, true));
        failed.response.solutions = Some(Solutions::None);
        assert_eq!(verdict(&failed), "This puzzle has no solution: no answer can be right. Look over its givens.");
        let mut solved = outcome(PUZZLE, &[RIGHT], (&[], &[]), (None, true));
        solved.response.solutions = Some(Solutions::Several);
        assert_eq!(
            ending(&solved),
            "The model chose to stop after step 1. The puzzle has several solutions; models are trained on puzzles with one."
        );
    }

    #[test]
    fn several_attempts_are_told() {
        let mut solved = outcome(PUZZLE, &[RIGHT], (&[], &[]), (None, true));
        solved.response.attempts = 7;
        assert_eq!(verdict(&solved), "Solved at attempt 7, in 1 step, 12 ms in all.");
        assert_eq!(ending(&solved), "The model chose to stop after step 1.");
        let mut failed = outcome(PUZZLE, &[WRONG], (&["1 stands twice in column 3"], &[14, 15]), (None, false));
        failed.response.attempts = 32;
        assert_eq!(
            ending(&failed),
            "None of 32 attempts was right; this is the first. The model never chose to stop; it used all 1 step."
        );
    }

    #[test]
    fn other_kinds_have_sentences_of_their_own() {
        let mut maze = outcome((Kind::Maze, "S #    G "), &["S #oooG  "], (&[], &[]), (None, true));
        maze.response.path = Some(MazePath { moves: Some(4), shortest: 4 });
        assert_eq!(verdict(&maze), "A shortest path of 4 moves, in 1 step, 12 ms.");
        let mut arc = outcome((Kind::Arc, "12"), &["12/34", "123", "124", ""], (&[], &[]), (None, true));
        arc.response.solved = None;
        assert_eq!(verdict(&arc), "Answered in 4 steps, 12 ms. Nobody has said what is right.");
        let steps: Vec<String> = (0..4).map(|shown| step(&arc, shown)).collect();
        assert_eq!(steps, ["", "another size", "1 cell changed", "no grid in the upper left corner"]);
    }
}
