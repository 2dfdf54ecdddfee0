//! What came out, in plain sentences.

use super::state::Outcome;
use crate::format;

/// The first sentence: solved, or what is wrong.
pub(crate) fn verdict(outcome: &Outcome) -> String {
    let response = &outcome.response;
    let effort = format!(
        "{}, {}",
        format::counted(response.steps_used.into(), "step"),
        format::milliseconds(response.milliseconds)
    );
    if response.solved {
        return format!("Solved in {effort}.");
    }
    let first = response.violations.first().map_or("it breaks the rules", String::as_str);
    match response.violations.len() {
        0 | 1 => format!("Not a solution: {first}."),
        n => format!("Not a solution: {first}, and {}.", format::counted(n as u64 - 1, "more fault")),
    }
}

/// How it came to an end.
pub(crate) fn ending(outcome: &Outcome) -> String {
    let used = outcome.response.steps_used;
    match (outcome.steps, outcome.response.halted) {
        (Some(_), _) => format!("It ran exactly {}, as asked.", format::counted(used.into(), "step")),
        (None, true) => format!("The model chose to stop after step {used}."),
        (None, false) => {
            format!("The model never chose to stop; it used all {}.", format::counted(used.into(), "step"))
        }
    }
}

/// What step `shown` (0-based) did.
pub(crate) fn step(outcome: &Outcome, shown: usize) -> String {
    let wrong = outcome.wrong_cells(shown).len() as u64;
    let blank = outcome.grids.get(shown).map_or(0, |grid| grid.cells().len() - grid.givens());
    let mut parts = Vec::new();
    if shown > 0 {
        parts.push(match outcome.changed_cells(shown) as u64 {
            0 => "nothing changed".to_owned(),
            n => format!("{} changed", format::counted(n, "cell")),
        });
    }
    if blank > 0 {
        parts.push(format!("{blank} blank"));
    }
    parts.push(match wrong {
        0 if blank == 0 => "every rule kept".to_owned(),
        0 => "no rule broken".to_owned(),
        n => format!("{} against the rules", format::counted(n, "cell")),
    });
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_types::{
        ids::CheckpointId,
        solve::{ModelRef, SolveResponse, SolveStep},
        sudoku::Grid,
    };

    const PUZZLE: &str = "12..34..........";
    const WRONG: &str = "1234341221434312";
    const RIGHT: &str = "1234341221434321";

    fn outcome(lines: &[&str], steps: Option<u32>, halted: bool) -> Outcome {
        let puzzle: Grid = PUZZLE.parse().unwrap();
        let answer: Grid = lines.last().unwrap().parse().unwrap();
        let response = SolveResponse {
            model: ModelRef {
                id: "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77".parse::<CheckpointId>().unwrap(),
                name: "test".into(),
            },
            puzzle: puzzle.to_string(),
            answer: answer.to_string(),
            rows: answer.rows(),
            solved: answer.solves(&puzzle),
            violations: answer.violations(&puzzle),
            steps_used: lines.len() as u32,
            halted,
            milliseconds: 12.3,
            steps: (1..)
                .zip(lines)
                .map(|(step, line)| SolveStep {
                    step,
                    grid: (*line).into(),
                    confidence: vec![0.5; 16],
                    q_halt: 0.0,
                    q_continue: 0.0,
                })
                .collect(),
        };
        Outcome::new(puzzle, steps, response)
    }

    #[test]
    fn sentences_say_what_is() {
        let solved = outcome(&[WRONG, RIGHT], None, true);
        assert_eq!(verdict(&solved), "Solved in 2 steps, 12 ms.");
        assert_eq!(ending(&solved), "The model chose to stop after step 2.");
        assert_eq!(step(&solved, 1), "2 cells changed, every rule kept");
        let failed = outcome(&[WRONG], None, false);
        assert_eq!(verdict(&failed), "Not a solution: 1 stands twice in column 3, and 1 more fault.");
        assert_eq!(ending(&failed), "The model never chose to stop; it used all 1 step.");
        assert_eq!(ending(&outcome(&[WRONG], Some(1), false)), "It ran exactly 1 step, as asked.");
    }

    #[test]
    fn a_changed_given_is_wrong() {
        let failed = outcome(&["2143341212344321"], None, true);
        assert!(failed.wrong_cells(0).contains(&0));
        assert!(!failed.cells(0)[0].given, "what stands there is no longer the given");
    }
}
