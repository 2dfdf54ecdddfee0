//! `hrm solve`: one puzzle, solved by a model and by nothing else.
#![expect(clippy::print_stdout, reason = "the answer is the command's output")]

use super::checkpoint;
use anyhow::Context;
use clap::Args;
use hrm_model::solve::{Solution, solve};
use hrm_types::{
    board::Kind,
    sudoku::{Grid, box_shape},
};
use std::{io::Read, path::PathBuf, process::ExitCode};

/// Solve a Sudoku with a model, and show every step on the way.
///
/// Exits with 1 if the model's answer breaks the rules: nothing corrects it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm solve ..3.5..5.1..6...2..2...4..4.6..1.2..
  hrm solve - < puzzle.txt
  hrm solve --checkpoint sudoku.safetensors --steps 16 --json 530070000600195000098000060800060003400803001700020006060000280000419005000080079")]
pub(crate) struct Solve {
    /// 16, 36 or 81 cells row by row, . or 0 for blanks; - reads standard input
    puzzle: String,
    /// The checkpoint [default: the model that ships for puzzles of this side]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Take exactly N ACT steps instead of halting when `q_halt` > `q_continue`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    steps: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Solve {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let text = if self.puzzle == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("reading the puzzle from standard input")?;
            text
        } else {
            self.puzzle
        };
        let puzzle: Grid = text.parse()?;
        puzzle.check_givens()?;
        let model = checkpoint::load(self.checkpoint.as_deref(), Kind::Sudoku, puzzle.side())?;
        let solution = solve(&model, &puzzle, self.steps)?;
        let violations = solution.answer.violations(&puzzle);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&as_json(&puzzle, &solution, &violations))?);
        } else {
            print_words(&solution, &violations);
        }
        Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn as_json(puzzle: &Grid, solution: &Solution, violations: &[String]) -> serde_json::Value {
    serde_json::json!({
        "puzzle": puzzle.to_string(),
        "answer": solution.answer.to_string(),
        "rows": solution.answer.rows(),
        "solved": violations.is_empty(),
        "violations": violations,
        "steps_used": solution.steps.len(),
        "halted": solution.halted,
        "milliseconds": solution.milliseconds,
        "steps": solution.steps,
    })
}

fn print_words(solution: &Solution, violations: &[String]) {
    print!("{}", drawn(&solution.answer));
    println!();
    for step in &solution.steps {
        println!(
            "step {:3}   q_halt {:8.3}   q_continue {:8.3}   {}",
            step.step, step.q_halt, step.q_continue, step.grid
        );
    }
    let how = if solution.halted { "halted by itself" } else { "took all its steps" };
    println!("{how} after {} in {:.1} ms", solution.steps.len(), solution.milliseconds);
    if violations.is_empty() {
        println!("solved");
    } else {
        println!("not solved:");
        for violation in violations {
            println!("  {violation}");
        }
    }
}

/// The grid with strokes between its boxes.
fn drawn(grid: &Grid) -> String {
    let (box_rows, box_columns) = box_shape(grid.side());
    let (box_rows, box_columns) = (usize::from(box_rows), usize::from(box_columns));
    let mut lines = Vec::new();
    for (r, row) in grid.rows().iter().enumerate() {
        let boxes = row.chunks(box_columns).map(|cells| {
            let symbols = cells.iter().map(|&digit| if digit == 0 { ".".into() } else { digit.to_string() });
            symbols.collect::<Vec<String>>().join(" ")
        });
        let line = boxes.collect::<Vec<_>>().join(" | ");
        if r > 0 && r % box_rows == 0 {
            let strokes: Vec<String> = (0..row.len() / box_columns).map(|_| "-".repeat(2 * box_columns - 1)).collect();
            lines.push(strokes.join("-+-"));
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::drawn;

    #[test]
    fn boxes_are_set_apart() {
        let grid = "1.3.....4....2.3".parse().expect("a grid of side 4");
        assert_eq!(drawn(&grid), "1 . | 3 .\n. . | . .\n----+----\n4 . | . .\n. 2 | . 3\n");
    }
}
