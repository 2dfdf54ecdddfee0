//! A task as the boards of its pairs, in one row: every demonstration's input and output, then every test's.

use crate::grid::painter::Sheet;
use hrm_types::board::{Board, Kind};
use serde_json::{Value, json};

/// A task to begin with: what is given is mirrored beside itself.
const BEGINNING: &str = r#"{"train":[
    {"input":[[1,0],[2,1]],"output":[[1,0,0,1],[2,1,1,2]]},
    {"input":[[0,3],[3,3]],"output":[[0,3,3,0],[3,3,3,3]]}],
    "test":[{"input":[[4,0],[4,6]]}]}"#;

/// How a task's boards are to be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Task {
    /// Its name, by which a model may know it.
    pub(super) name: String,
    /// Demonstrations.
    pub(super) train: usize,
    /// Inputs and outputs in turn; an unknown output is none.
    pub(super) boards: Vec<Option<Board>>,
}

impl From<&Sheet> for Task {
    fn from(sheet: &Sheet) -> Self {
        Self { name: sheet.name.clone(), train: sheet.train, boards: sheet.boards.clone() }
    }
}

impl Task {
    /// What is drawn on.
    pub(super) fn sheet(self) -> Sheet {
        Sheet { name: self.name, train: self.train, boards: self.boards }
    }

    /// Test inputs.
    pub(super) fn tests(&self) -> usize {
        self.boards.len() / 2 - self.train.min(self.boards.len() / 2)
    }

    /// What a board is, in words.
    pub(super) fn label(&self, board: usize) -> String {
        let (pair, which) = (board / 2, if board.is_multiple_of(2) { "input" } else { "output" });
        match pair.checked_sub(self.train) {
            None => format!("Demonstration {}, {which}", pair + 1),
            Some(test) => format!("Test {}, {which}", test + 1),
        }
    }

    /// The task as its file has it. Demonstrations without both grids are left out.
    pub(super) fn json(&self) -> Value {
        let rows = |board: &Board| json!(board.cells().chunks(board.columns().into()).collect::<Vec<_>>());
        let pair = |pair: &[Option<Board>]| {
            let input = pair.first()?.as_ref()?;
            let mut value = json!({ "input": rows(input) });
            if let Some(Some(output)) = pair.get(1) {
                value["output"] = rows(output);
            }
            Some(value)
        };
        let pairs: Vec<&[Option<Board>]> = self.boards.chunks(2).collect();
        let (train, test) = pairs.split_at(self.train.min(pairs.len()));
        let train = train.iter().filter(|pair| pair.iter().all(Option::is_some));
        let mut task = json!({
            "train": train.filter_map(|one| pair(one)).collect::<Vec<_>>(),
            "test": test.iter().filter_map(|one| pair(one)).collect::<Vec<_>>(),
        });
        if !self.name.is_empty() {
            task["task"] = self.name.as_str().into();
        }
        task
    }

    /// Reads a task's file.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let pairs = |part: &str| -> Result<Vec<Option<Board>>, String> {
            let missing = || format!("expected an array {part:?} of pairs");
            let pairs = value.get(part).and_then(Value::as_array).ok_or_else(missing)?;
            let mut boards = Vec::new();
            for (i, pair) in pairs.iter().enumerate() {
                for which in ["input", "output"] {
                    let grid = pair.get(which).filter(|grid| !grid.is_null());
                    let place = || format!("{part}, pair {}, {which}", i + 1);
                    boards.push(match grid {
                        Some(grid) => Some(board(grid).map_err(|problem| format!("{}: {problem}", place()))?),
                        None if which == "output" => None,
                        None => return Err(format!("{}: expected rows of colours, found none", place())),
                    });
                }
            }
            Ok(boards)
        };
        // Solving reads the tests alone.
        let train = if value.get("train").is_some_and(|train| !train.is_null()) { pairs("train")? } else { Vec::new() };
        let test = pairs("test")?;
        if test.is_empty() {
            return Err("expected at least one test pair, found none".into());
        }
        let name = value.get("task").or_else(|| value.get("name")).and_then(Value::as_str).unwrap_or_default();
        Ok(Self { name: name.into(), train: train.len() / 2, boards: train.into_iter().chain(test).collect() })
    }
}

fn board(grid: &Value) -> Result<Board, String> {
    let rows = grid.as_array().ok_or("expected rows of colours")?;
    let colour = |(row, column, cell): (usize, usize, &Value)| match cell.as_u64() {
        Some(colour @ 0..=9) => Ok(colour as u8),
        _ => Err(format!("row {}, column {}: expected a colour from 0 to 9, found {cell}", row + 1, column + 1)),
    };
    let row = |(r, row): (usize, &Value)| {
        let cells = row.as_array().ok_or_else(|| format!("row {}: expected an array", r + 1))?;
        cells.iter().enumerate().map(|(c, cell)| colour((r, c, cell))).collect::<Result<Vec<u8>, String>>()
    };
    let rows: Vec<Vec<u8>> = rows.iter().enumerate().map(row).collect::<Result<_, _>>()?;
    Board::from_rows(&rows).map_err(|error| error.to_string())
}

/// The task to begin with.
pub(super) fn beginning() -> Task {
    Task::read(BEGINNING).unwrap_or_else(|_| Task { boards: vec![blank(), None], ..Task::default() })
}

/// A black square of three by three.
pub(super) fn blank() -> Option<Board> {
    Board::new(3, 3, vec![0; 9]).ok()
}

/// A pair of a stored dataset, as a task with one test.
pub(super) fn of_pair(name: &str, question: &str, answer: &str) -> Task {
    let read = |text: &str| Board::read(Kind::Arc, text).ok();
    Task { name: name.into(), train: 0, boards: vec![read(question), read(answer)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_written_again() {
        let text = r#"{"name":"a","train":[{"input":[[1,2]],"output":[[2],[1]]}],"test":[{"input":[[3]]},{"input":[[4]],"output":[[5]]}]}"#;
        let task = Task::read(text).unwrap();
        assert_eq!((task.train, task.tests(), task.name.as_str()), (1, 2, "a"));
        let labels: Vec<String> = (0..6).map(|board| task.label(board)).collect();
        assert_eq!(
            [&labels[1], &labels[2], &labels[5]],
            ["Demonstration 1, output", "Test 1, input", "Test 2, output"]
        );
        assert_eq!(Task::read(&task.json().to_string()).unwrap(), task);
    }

    #[test]
    fn a_task_may_have_no_demonstrations() {
        let task = Task::read(r#"{"test":[{"input":[[1,2],[3,4]]}]}"#).unwrap();
        assert_eq!((task.train, task.tests()), (0, 1));
    }

    #[test]
    fn what_is_no_task_is_told_with_its_place() {
        for (text, says) in [
            ("{", "it is no JSON"),
            ("{}", "expected an array \"test\" of pairs"),
            (r#"{"train":1,"test":[]}"#, "expected an array \"train\" of pairs"),
            (r#"{"train":[],"test":[]}"#, "expected at least one test pair, found none"),
            (r#"{"train":[],"test":[{"input":[[1,10]]}]}"#, "test, pair 1, input: row 1, column 2: expected a colour"),
            (r#"{"train":[{"input":[[1],[1,2]]}],"test":[]}"#, "train, pair 1, input: expected 1 cells in every row"),
            (r#"{"train":[{"output":[[1]]}],"test":[]}"#, "train, pair 1, input: expected rows of colours, found none"),
        ] {
            let error = Task::read(text).unwrap_err();
            assert!(error.starts_with(says), "{text}: {error}");
        }
    }
}
