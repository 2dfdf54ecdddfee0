//! Solving one puzzle: the request, the answer and every step on the way to it.

use crate::{board::Kind, ids::CheckpointId};
use serde::{Deserialize, Serialize};

/// A puzzle in any of the shapes people have it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(
    untagged,
    expecting = "expected a text, an array of lines, an array of rows of numbers from 0 to 255, or an ARC task as \
                 {\"train\": [{\"input\": rows, \"output\": rows}], \"test\": [{\"input\": rows}]}"
)]
pub enum PuzzleInput {
    /// A Sudoku: 16, 36 or 81 characters, `.` or `0` for blanks; line breaks and grid strokes are ignored. A maze: rows of
    /// `#`, space or `.`, `S` and `G`, or all of them in one line. An ARC grid alone: rows of colours parted by `/`.
    Text(String),
    /// One string per row.
    Lines(Vec<String>),
    /// Rows of digits, of a maze's cells (0 wall, 1 free, 2 start, 3 goal) or of colours; 0 or null for blanks.
    Rows(Vec<Vec<Option<u8>>>),
    /// An ARC task.
    Task(ArcTask),
}

/// An ARC task as its files have it; other keys of theirs are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArcTask {
    /// Its name, by which a model knows a task that it was trained on: the stem of its file's name. Also read as `name`.
    #[serde(default, alias = "name", skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The demonstrations. HRM is not shown them: it reads a task by its identifier.
    #[serde(default)]
    pub train: Vec<ArcPair>,
    /// The test inputs, with their outputs where these are known: an answer is compared with them, no model sees them.
    pub test: Vec<ArcPair>,
}

/// An input of an ARC task with its output, as rows of colours from 0 to 9.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArcPair {
    /// Before the transformation.
    pub input: Vec<Vec<u8>>,
    /// After it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Vec<Vec<u8>>>,
}

/// A puzzle to solve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SolveRequest {
    /// The puzzle.
    pub puzzle: PuzzleInput,
    /// What kind of puzzle it is; by default what it looks like: an object is an ARC task, a text with `#`, `S` or `G` a
    /// maze, all else a Sudoku.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Of an ARC task's test inputs the one to answer, from 0; the first by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_input: Option<u32>,
    /// Name or id of the model; by default the best one stored for this kind and size of puzzle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Run exactly this many ACT steps (1 to 1024) instead of halting when `q_halt > q_continue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1024))]
    pub steps: Option<u32>,
    /// Attempts at most, until the rules accept an answer: at the puzzle as it is and then at other views of it, a Sudoku
    /// with its digits renamed and its rows and columns reordered, up to 256, a maze turned and mirrored, up to 8. 1 by
    /// default. None begin after half a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 256))]
    pub attempts: Option<u32>,
}

/// The model that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelRef {
    /// Its checkpoint.
    pub id: CheckpointId,
    /// Its name.
    pub name: String,
}

/// What the model answered, as it answered it: nothing corrects it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SolveResponse {
    /// The model that answered.
    pub model: ModelRef,
    /// The kind of puzzle.
    pub kind: Kind,
    /// The puzzle as it was understood: a Sudoku and a maze in one line, an ARC grid as rows of colours parted by `/`.
    pub puzzle: String,
    /// The board after the last step, written likewise; in a maze `o` is the path. Empty where an ARC answer shows no grid.
    pub answer: String,
    /// The same as rows of numbers; a maze's are 0 wall, 1 free, 2 start, 3 goal, 4 path.
    pub rows: Vec<Vec<u8>>,
    /// Whether the answer is right: a valid solution of the Sudoku, a shortest path through the maze, the output of the ARC
    /// test. Absent where nobody has said what an ARC test's output is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// What is wrong with the answer; empty when solved, and where nothing tells.
    pub violations: Vec<String>,
    /// Of a Sudoku: how many solutions it has, by a search that is no model's. Absent where that took too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solutions: Option<Solutions>,
    /// Of a maze: the path that the answer marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<MazePath>,
    /// Of an ARC task: how the model was told which task it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<TaskIdentifier>,
    /// ACT steps of this answer's attempt.
    pub steps_used: u32,
    /// ACT steps that the model was trained to take at most.
    pub max_steps: u32,
    /// Whether the model itself chose to stop, with `q_halt > q_continue`.
    pub halted: bool,
    /// Where it is right the attempt that it is of, from 1; else how many were made, and the answer is the first one's.
    pub attempts: u32,
    /// The puzzle as the model saw it when it gave this answer, written as `puzzle` is; absent where it saw the puzzle as it
    /// is. Answer and steps are brought back from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Time in the model until this answer, or until the last attempt's where none was right, milliseconds.
    pub milliseconds: f64,
    /// The board after every ACT step.
    pub steps: Vec<SolveStep>,
}

/// How many solutions a puzzle has. Models are trained on puzzles with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Solutions {
    /// No answer is right.
    None,
    /// As it should.
    One,
    /// Any of them is a right answer.
    Several,
}

/// What the answer to a maze marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MazePath {
    /// Moves of the marked path; absent where it does not lead from start to goal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<u32>,
    /// Moves of a shortest path.
    pub shortest: u32,
}

/// How a model was told which ARC task it is asked: it reads a task by its puzzle identifier and not by demonstrations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskIdentifier {
    /// Whether it was trained on the task, and asked under the task's own identifier; else under the blank one.
    pub known: bool,
    /// The same in a sentence, with what it means for the answer.
    pub note: String,
}

/// The model's state after one ACT step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SolveStep {
    /// 1-based.
    pub step: u32,
    /// The board, written as the answer is; a Sudoku has `.` where the model's token is no digit.
    pub grid: String,
    /// Probability of each cell's token under the model's own loss, row by row.
    pub confidence: Vec<f32>,
    /// Cells that are wrong, counted from 0 row by row: against the rules of the Sudoku or the maze, or another colour than
    /// the ARC output has.
    pub wrong: Vec<u32>,
    /// Value of stopping here (a logit).
    pub q_halt: f32,
    /// Value of going on (a logit); 0 for a model that does not learn it, and stops where `q_halt` is positive.
    pub q_continue: f32,
}
