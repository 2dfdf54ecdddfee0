//! `submission.json`, as the public ARC scorer takes it: two attempts for every test input of every task.

use super::{Ballot, TaskVotes};
use hrm_types::board::Board;
use serde_json::{Map, Value, json};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Answers allowed for each test input.
pub const ATTEMPTS: usize = 2;

/// Why a submission cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// Two tasks of one name, of which the file could hold only one.
    #[error("expected tasks of different names, found {name:?} twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A path that names no file.
    #[error("{file}: expected the path of a file, found none")]
    NoFile {
        /// The path.
        file: String,
    },
    /// The file cannot be written.
    #[error("{file}: {source}")]
    File {
        /// Its path.
        file: String,
        /// What the system says.
        source: io::Error,
    },
}

/// `{task: [{"attempt_1": rows, "attempt_2": rows}, …]}` with the two best ranked boards of every test input. Where
/// fewer were predicted the attempt is `[[0]]`, so that every test input has both.
///
/// # Errors
/// [`SubmissionError::Duplicate`] for two tasks of one name.
pub fn submission(tasks: &[TaskVotes]) -> Result<Value, SubmissionError> {
    let mut all = Map::new();
    for task in tasks {
        let attempts: Vec<Value> = task.tests.iter().map(|(_, ballot)| attempts(ballot)).collect();
        if all.insert(task.name.clone(), Value::Array(attempts)).is_some() {
            return Err(SubmissionError::Duplicate { name: task.name.clone() });
        }
    }
    Ok(Value::Object(all))
}

fn attempts(ballot: &Ballot) -> Value {
    let ranked = ballot.ranked();
    let attempt = |i: usize| match ranked.get(i) {
        Some(candidate) => (format!("attempt_{}", i + 1), rows(&candidate.board)),
        None => (format!("attempt_{}", i + 1), json!([[0]])),
    };
    Value::Object((0..ATTEMPTS).map(attempt).collect())
}

fn rows(board: &Board) -> Value {
    board.cells().chunks(usize::from(board.columns())).map(|row| json!(row)).collect()
}

/// Writes the submission of `tasks` to a file that is either whole or as it was before: beside it, to the disk, then
/// renamed.
///
/// # Errors
/// As [`submission`]; also when the file cannot be written, in which case nothing is left behind.
pub fn write_submission(path: &Path, tasks: &[TaskVotes]) -> Result<(), SubmissionError> {
    let submission = submission(tasks)?;
    let file = path.display().to_string();
    let Some(name) = path.file_name() else { return Err(SubmissionError::NoFile { file }) };
    let mut unfinished_name = name.to_owned();
    unfinished_name.push(format!(".{}.unfinished", std::process::id()));
    let unfinished: PathBuf = path.with_file_name(unfinished_name);
    let written = write(&unfinished, &submission).and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|source| {
        // What failed is reported; that a file which may not even exist cannot be removed says nothing new.
        let _ = fs::remove_file(&unfinished);
        SubmissionError::File { file, source }
    })
}

fn write(path: &Path, submission: &Value) -> io::Result<()> {
    let mut writer = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut writer, submission)?;
    writer.flush()?;
    writer.get_ref().sync_all()
}
