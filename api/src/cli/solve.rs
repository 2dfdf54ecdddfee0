//! `hrm solve`: puzzles, solved by a model and by nothing else.
#![expect(clippy::print_stdout, reason = "the answers are the command's output")]

use super::checkpoint;
use anyhow::{Context, bail, ensure};
use clap::Args;
use hrm_model::{
    data::maze,
    judge,
    solve::{Asking, Heard, Solution, solve_all},
};
use hrm_types::{
    board::{Board, Kind},
    question::{Question, Size},
    solve::{ArcTask, PuzzleInput, Solutions},
    sudoku::box_shape,
};
use std::{
    io::Read,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Solve Sudokus, mazes or ARC tasks with a model, and show every step on the way.
///
/// Several puzzles, one a line, are answered a line each. Exits with 1 if an answer breaks the rules: nothing corrects it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm solve ..3.5..5.1..6...2..2...4..4.6..1.2..
  hrm solve - < maze.txt
  hrm solve --checkpoint arc.safetensors - < 007bbfb7.json
  hrm solve --checkpoint sudoku-6x6 --json - < puzzles.sdm      with another of the models that ship
  hrm solve --attempts 32 - < hard.sdm
  hrm solve --checkpoint sudoku.safetensors --steps 16 --json 530070000600195000098000060800060003400803001700020006060000280000419005000080079")]
pub(crate) struct Solve {
    /// A Sudoku's 16, 36 or 81 cells row by row, . or 0 for blanks; a maze of #, space, S and G; an ARC task's JSON; -
    /// reads standard input
    puzzle: String,
    /// What kind of puzzle it is [default: what it looks like]
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// The checkpoint: a file, the folder that an import made, or the name of a model that ships [default: the best that
    /// ships for puzzles of this kind and side]
    #[arg(long, value_name = "FILE_OR_NAME")]
    checkpoint: Option<PathBuf>,
    /// Take exactly N ACT steps instead of halting when `q_halt` > `q_continue`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    steps: Option<u32>,
    /// Sudokus and mazes: make up to N attempts until the rules accept an answer, the first at the puzzle as it is, the
    /// others at other views of it (a Sudoku with other digits, rows and columns, a maze turned and mirrored)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    #[arg(verbatim_doc_comment)]
    attempts: u32,
    /// Print JSON; of several puzzles a line each
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
            self.puzzle.clone()
        };
        let questions = match read(&text, self.kind) {
            Err(_) if self.puzzle != "-" && Path::new(&self.puzzle).is_file() => {
                bail!("expected a puzzle, found the name of a file; to read a file: hrm solve - < {}", self.puzzle)
            }
            other => other?,
        };
        let (kind, side) = (questions[0].kind, questions.iter().map(Question::side).max().unwrap_or(0));
        for (i, question) in questions.iter().enumerate() {
            ensure!(
                question.kind == kind && (kind == Kind::Arc || question.side() == side),
                "puzzle {}: expected {kind} of side {side} as the others are, found {} of side {}",
                i + 1,
                question.kind,
                question.side()
            );
            ensure!(
                kind != Kind::Maze || maze::shortest(&question.board).is_some(),
                "puzzle {}: expected a way from S to G, found none",
                i + 1
            );
        }
        let model = checkpoint::load(self.checkpoint.as_deref(), Size { kind, side }, None)?;
        let (alone, mut right) = (questions.len() == 1, 0);
        let asking = Asking { steps: self.steps, attempts: self.attempts };
        solve_all(&model, &questions, asking, &mut |heard| {
            let Heard::Solution(i, solution) = heard else { return ControlFlow::Continue(()) };
            right += usize::from(solution.solved != Some(false));
            match (self.json, alone) {
                (true, true) => println!("{:#}", as_json(&questions[i], &solution)),
                (true, false) => println!("{}", as_json(&questions[i], &solution)),
                (false, true) => {
                    let solutions = judge::solutions(&questions[i]);
                    print_words(&questions[i], &solution, solutions);
                    let most = model.info().experiment.arch.halt_max_steps;
                    // To what has no solution no answer can be right.
                    let may_help = solutions != Some(Solutions::None);
                    for advice in may_help.then(|| further(&questions[i], &solution, most)).into_iter().flatten() {
                        println!("{advice}");
                    }
                }
                (false, false) => print_line(kind, &solution, self.attempts > 1),
            }
            ControlFlow::Continue(())
        })?;
        Ok(if right == questions.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// One puzzle, one a line, or every test input of an ARC task.
fn read(text: &str, kind: Option<Kind>) -> anyhow::Result<Vec<Question>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        let task: ArcTask = serde_json::from_str(text).context("reading an ARC task")?;
        let tests = task.test.len().max(1);
        let task = PuzzleInput::Task(task);
        return Ok((0..tests).map(|test| task.question(kind, test)).collect::<Result<_, _>>()?);
    }
    let whole = PuzzleInput::Text(text.to_owned()).question(kind, 0);
    let lines: Vec<(usize, &str)> = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
    match whole {
        Ok(question) => Ok(vec![question]),
        Err(error) if lines.len() < 2 => Err(error.into()),
        Err(error) => {
            let each = |&(i, line): &(usize, &str)| {
                let question = PuzzleInput::Text(line.to_owned()).question(kind, 0);
                question.with_context(|| format!("line {}{}", i + 1, looks(line, kind)))
            };
            let each: Vec<anyhow::Result<Question>> = lines.iter().map(each).collect();
            // Where no line is a puzzle, all of them were meant to be one, and what is wrong with that helps more.
            if each.iter().all(Result::is_err) {
                let together = || format!("no line is a puzzle, nor are all of them together{}", looks(text, kind));
                return Err(error).with_context(together);
            }
            each.into_iter().collect()
        }
    }
}

/// What a text is taken for where nobody says its kind: a stray `#` makes a maze of it.
fn looks(text: &str, kind: Option<Kind>) -> String {
    match kind {
        Some(_) => String::new(),
        None => format!(", a {} by its looks (see --kind)", PuzzleInput::Text(text.to_owned()).kind()),
    }
}

fn as_json(question: &Question, solution: &Solution) -> serde_json::Value {
    let (answer, rows) = solution.written(question.kind);
    let mut json = serde_json::json!({
        "kind": question.kind,
        "puzzle": question.board.text(question.kind),
        "answer": answer,
        "rows": rows,
        "solved": solution.solved,
        "violations": solution.violations,
        "steps_used": solution.steps.len(),
        "halted": solution.halted,
        "attempts": solution.attempts,
        "milliseconds": solution.milliseconds,
        "steps": solution.steps,
    });
    if let Some(seen) = &solution.seen {
        json["seen"] = serde_json::json!(seen.text(question.kind));
    }
    if let Some(path) = solution.path {
        json["path"] = serde_json::json!(path);
    }
    if let Some(solutions) = judge::solutions(question) {
        json["solutions"] = serde_json::json!(solutions);
    }
    if let Some(identifier) = &solution.identifier {
        json["identifier"] = serde_json::json!(identifier);
    }
    json
}

/// An answer in one line, with the attempt that it is of where there may be several.
fn print_line(kind: Kind, solution: &Solution, several: bool) {
    let steps = solution.steps.len();
    let words = match solution.solved {
        Some(true) if several => format!("solved at attempt {}", solution.attempts),
        Some(true) => "solved".to_owned(),
        Some(false) => format!("not solved: {}", solution.violations.join("; ")),
        None => "nothing tells whether it is right".to_owned(),
    };
    println!("{}\t{steps}\t{words}", solution.written(kind).0);
}

fn print_words(question: &Question, solution: &Solution, solutions: Option<Solutions>) {
    match &solution.answer {
        Some(answer) if question.kind == Kind::Sudoku => print!("{}", drawn(answer)),
        Some(answer) => {
            for row in answer.cells().chunks(answer.columns().into()) {
                let row = Board::new(1, answer.columns(), row.to_vec()).map(|row| row.text(question.kind));
                println!("{}", row.unwrap_or_default());
            }
        }
        None => {}
    }
    println!();
    for step in &solution.steps {
        println!(
            "step {:3}   q_halt {:8.3}   q_continue {:8.3}   {}",
            step.step, step.q_halt, step.q_continue, step.grid
        );
    }
    let how = if solution.halted { "halted by itself" } else { "took all its steps" };
    println!("{how} after {} in {:.1} ms", solution.steps.len(), solution.milliseconds);
    match (solution.attempts, &solution.seen) {
        (1, _) => {}
        (attempts, Some(seen)) => println!("at attempt {attempts}, where it saw {}", seen.text(question.kind)),
        (attempts, None) => println!("none of {attempts} attempts was right; this is the first"),
    }
    if let Some(identifier) = &solution.identifier {
        println!("{}", identifier.note);
    }
    match solution.solved {
        Some(true) => println!("solved"),
        None => println!("nothing tells whether it is right"),
        Some(false) => {
            println!("not solved:");
            for violation in &solution.violations {
                println!("  {violation}");
            }
            match solutions {
                Some(Solutions::None) => println!("this puzzle has no solution"),
                Some(Solutions::Several) => {
                    println!("this puzzle has several solutions, and models are trained on those with one");
                }
                Some(Solutions::One) | None => {}
            }
        }
    }
}

/// What may help after a wrong answer of a model that takes `most` steps.
fn further(question: &Question, solution: &Solution, most: usize) -> Vec<String> {
    let wrong = solution.solved == Some(false);
    let early = wrong && solution.halted && solution.steps.len() < most;
    let early = early.then(|| format!("--steps {most} lets it take all its steps"));
    let attempts = question.kind.most_attempts().min(32);
    let unseen = wrong && solution.attempts < attempts;
    let unseen = unseen.then(|| format!("--attempts {attempts} lets it see other views of the puzzle"));
    early.into_iter().chain(unseen).collect()
}

/// A Sudoku with strokes between its boxes.
fn drawn(grid: &Board) -> String {
    let (box_rows, box_columns) = box_shape(grid.rows());
    let (box_rows, box_columns) = (usize::from(box_rows), usize::from(box_columns));
    let mut lines = Vec::new();
    for (r, row) in grid.cells().chunks(grid.columns().into()).enumerate() {
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
    use super::{drawn, read};
    use hrm_types::board::{Board, Kind};

    #[test]
    fn boxes_are_set_apart() {
        let grid = Board::read(Kind::Sudoku, "1.3.....4....2.3").expect("a grid of side 4");
        assert_eq!(drawn(&grid), "1 . | 3 .\n. . | . .\n----+----\n4 . | . .\n. 2 | . 3\n");
    }

    #[test]
    fn a_text_is_one_puzzle_or_one_a_line_or_a_task() {
        let many = |text: &str| read(text, None).expect(text).len();
        assert_eq!(many("1.3.\n....\n4...\n.2.3\n"), 1);
        assert_eq!(many("1.3.....4....2.3\n................\n\n"), 2);
        assert_eq!(many("S #\n ##\n  G\n"), 1);
        assert_eq!(many("\u{feff}1.3.....4....2.3\r\n................\r\n"), 2);
        assert_eq!(many("S # ##  G\nS # ##G  \n"), 2);
        assert_eq!(many(r#"{"test": [{"input": [[1]]}, {"input": [[2]]}]}"#), 2);
    }

    #[test]
    fn what_is_wrong_with_several_lines_is_said_once() {
        let wrong = |text: &str, kind| format!("{:#}", read(text, kind).expect_err(text));
        let cells = "expected 16, 36 or 81 cells (side 4, 6 or 9), found";
        let puzzle = "1.3.....4....2.3";
        assert_eq!(wrong(&format!("{puzzle}\n1.3\n"), Some(Kind::Sudoku)), format!("line 2: {cells} 3"));
        let looks = "a maze by its looks (see --kind): row 1, column 3: expected # for a wall";
        let comment = wrong(&format!("# mine\n{puzzle}\n"), None);
        assert!(comment.starts_with("line 1, a maze by its looks (see --kind): expected a square"), "{comment}");
        assert_eq!(comment.matches("expected").count(), 1, "{comment}");
        let drawn = wrong("# mine\n1.3.\n....\n4...\n.2.3\n", None);
        assert!(drawn.starts_with(&format!("no line is a puzzle, nor are all of them together, {looks}")), "{drawn}");
        let short = wrong("1.3.\n....\n4..\n.2.3\n", None);
        let together = "no line is a puzzle, nor are all of them together, a sudoku by its looks (see --kind)";
        assert_eq!(short, format!("{together}: {cells} 15"));
    }
}
