//! Puzzles from CSV files with the columns `source,question,answer,rating`, plain or gzipped, every row checked.

use super::{DataError, Dataset, Puzzle, bounded::Bounded, draw, maze, maze::AnswerError, search};
use flate2::bufread::MultiGzDecoder;
use hrm_types::{
    board::{Board, BoardError, Kind},
    experiment::CsvSpec,
    sudoku::Grid,
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

/// The first line of every file.
pub(super) const HEADER: [&str; 4] = ["source", "question", "answer", "rating"];

/// What a file may cost at most.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Bytes, after unpacking.
    bytes: u64,
    /// Puzzles.
    rows: usize,
    /// Bytes of one line, its end included.
    line: u64,
}

/// Room for the largest published set, 3.8 million rows in 720 MB.
const LIMITS: Limits = Limits { bytes: 1 << 30, rows: 5_000_000, line: 4096 };

/// What is wrong with one row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The first line is not the header.
    #[error("expected the header \"source,question,answer,rating\", found {0:?}")]
    Header(String),
    /// More or fewer fields than the header.
    #[error("expected 4 fields (source, question, answer, rating), found {0}")]
    Fields(usize),
    /// A field that does not close its quotes, or goes on after them.
    #[error("expected a quote that closes on the same line, before a comma or the line's end")]
    Quotes,
    /// Bytes that are no text.
    #[error("expected UTF-8 text without control characters")]
    Text,
    /// The question of the file's first row has no side.
    #[error("question: expected 16, 36 or 81 characters, found {0}")]
    Side(usize),
    /// A maze of a side that mazes do not have.
    #[error("question: expected a maze of side {}, found one of side {side}", Kind::Maze.sides())]
    MazeSide {
        /// Its side.
        side: u8,
    },
    /// Another length than the first row's question.
    #[error("{column}: expected {expected} characters, found {found}")]
    Length {
        /// `question` or `answer`.
        column: &'static str,
        /// Cells of the first row's question.
        expected: usize,
        /// Characters in this field.
        found: usize,
    },
    /// A character that is no cell.
    #[error("{column}, character {position}: expected {expected}, found {found:?}")]
    Symbol {
        /// `question` or `answer`.
        column: &'static str,
        /// 1-based.
        position: usize,
        /// The characters allowed there.
        expected: String,
        /// What stood there.
        found: char,
    },
    /// An answer that does not solve its question.
    #[error("answer: expected a solution of the question, but {0}")]
    Answer(String),
    /// Characters that form no maze.
    #[error("{column}: {problem}")]
    Board {
        /// `question` or `answer`.
        column: &'static str,
        /// What was expected and what was found.
        problem: BoardError,
    },
    /// A maze without a way, or an answer that is no shortest one.
    #[error(transparent)]
    Maze(#[from] AnswerError),
    /// A rating that is no count.
    #[error("rating: expected a whole number from 0 to 4294967295, found {0:?}")]
    Rating(String),
    /// A line too long to be a row.
    #[error("expected at most {0} bytes in a line, found more")]
    LineLength(u64),
    /// More rows than are read.
    #[error("expected at most {0} puzzles in a file, found more")]
    Rows(usize),
    /// The file cannot be read on: it is damaged, truncated or unpacks to too much.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// Reads puzzles of a kind from a file, unpacking it if it is gzipped.
///
/// # Errors
/// [`DataError::File`] when it cannot be opened or holds no puzzle, [`DataError::Row`] for the first bad row.
pub fn read_csv_file(path: &Path, kind: Kind) -> Result<Vec<Puzzle>, DataError> {
    let name = path.display().to_string();
    let file_error = |source| DataError::File { file: name.clone(), source };
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(file_error)?);
    let zipped = reader.fill_buf().map_err(file_error)?.starts_with(&[0x1f, 0x8b]);
    if zipped { read_csv(MultiGzDecoder::new(reader), &name, kind) } else { read_csv(reader, &name, kind) }
}

/// Reads puzzles of a kind from plain CSV text; `name` stands for it in errors.
///
/// # Errors
/// [`DataError::NoPuzzles`] when there is none, [`DataError::Row`] for the first bad row.
pub fn read_csv(reader: impl Read, name: &str, kind: Kind) -> Result<Vec<Puzzle>, DataError> {
    read_rows(reader, name, kind, LIMITS)
}

/// Reads both files of a spec: a subsample of the training rows, validation rows beside it, and the first test rows.
///
/// # Errors
/// As [`read_csv_file`]; also when a file has fewer rows than the spec asks for, or the sides differ.
pub fn load_csv(spec: &CsvSpec) -> Result<Dataset, DataError> {
    let train = read_csv_file(Path::new(&spec.train), spec.kind)?;
    let mut test = read_csv_file(Path::new(&spec.test), spec.kind)?;
    let (side, test_side) = (train[0].question.rows(), test[0].question.rows());
    if side != test_side {
        return Err(DataError::Sides { train: spec.train.clone(), side, test: spec.test.clone(), test_side });
    }
    let test_rows = rows_wanted(spec.test_rows, test.len(), &spec.test)?;
    test.truncate(test_rows as usize);
    let drawn = DrawnRows { train: spec.train_rows, validation: spec.validation_rows, seed: spec.subsample_seed };
    let (train, validation) = drawn.of(train, &spec.train)?;
    Ok(Dataset { kind: spec.kind, side, train, validation, test })
}

/// Which rows of a training file are trained on and which are held out for validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawnRows {
    /// Rows to train on; all that validation leaves if absent.
    pub train: Option<u32>,
    /// Rows to hold out, drawn from those that are not trained on.
    pub validation: u32,
    /// Seed of both draws.
    pub seed: u64,
}

impl DrawnRows {
    /// Draws the training and the validation puzzles of a file's.
    ///
    /// # Errors
    /// [`DataError::TooFewRows`], [`DataError::Validation`] when there are fewer than that.
    pub fn of(self, rows: Vec<Puzzle>, file: &str) -> Result<(Vec<Puzzle>, Vec<Puzzle>), DataError> {
        let found = rows.len();
        let left = found.checked_sub(self.validation as usize).filter(|left| *left > 0);
        let left = left.ok_or(DataError::Validation { wanted: self.validation, left: found.saturating_sub(1) })?;
        let train_rows = rows_wanted(self.train.or(Some(left as u32)), found, file)?;
        let (train, rest) = subsample(rows, train_rows, self.seed);
        if self.validation as usize > rest.len() {
            return Err(DataError::Validation { wanted: self.validation, left: rest.len() });
        }
        let (validation, _) = subsample(rest, self.validation, self.seed);
        Ok((train, validation))
    }
}

/// The number of rows to take of the `found` ones of a file: all where none is wanted.
///
/// # Errors
/// [`DataError::TooFewRows`].
pub fn rows_wanted(wanted: Option<u32>, found: usize, file: &str) -> Result<u32, DataError> {
    let rows = wanted.unwrap_or(found as u32);
    if rows == 0 || rows as usize > found {
        return Err(DataError::TooFewRows { file: file.to_owned(), wanted: rows, found });
    }
    Ok(rows)
}

/// `rows` puzzles drawn uniformly without replacement, and the others, both in the order they had; all of them if there
/// are no more.
pub fn subsample(puzzles: Vec<Puzzle>, rows: u32, seed: u64) -> (Vec<Puzzle>, Vec<Puzzle>) {
    let count = puzzles.len();
    if rows as usize >= count {
        return (puzzles, vec![]);
    }
    let mut rng = draw::stream(seed, 0);
    let mut order: Vec<usize> = (0..count).collect();
    for i in 0..rows as usize {
        let chosen = i + draw::below(&mut rng, (count - i) as u32) as usize;
        order.swap(i, chosen);
    }
    let mut chosen = vec![false; count];
    for &i in &order[..rows as usize] {
        chosen[i] = true;
    }
    let (drawn, left): (Vec<_>, Vec<_>) = puzzles.into_iter().zip(chosen).partition(|(_, chosen)| *chosen);
    let puzzles = |chosen: Vec<(Puzzle, bool)>| chosen.into_iter().map(|(puzzle, _)| puzzle).collect();
    (puzzles(drawn), puzzles(left))
}

fn read_rows(reader: impl Read, name: &str, kind: Kind, limits: Limits) -> Result<Vec<Puzzle>, DataError> {
    let mut reader = BufReader::new(Bounded::new(reader, limits.bytes));
    let (mut line, mut puzzles, mut side) = (Vec::new(), Vec::new(), None);
    for row in 1.. {
        let at_row = |problem| DataError::Row { file: name.to_owned(), row, problem };
        line.clear();
        let read = reader.by_ref().take(limits.line).read_until(b'\n', &mut line).map_err(|e| at_row(e.into()))?;
        if read == 0 {
            break;
        }
        if read as u64 == limits.line && !line.ends_with(b"\n") {
            return Err(at_row(RowError::LineLength(limits.line)));
        }
        let text = text_of(&line, row).map_err(at_row)?;
        if row == 1 {
            check_header(text).map_err(at_row)?;
        } else if !text.is_empty() {
            if puzzles.len() == limits.rows {
                return Err(at_row(RowError::Rows(limits.rows)));
            }
            puzzles.push(parse_row(text, kind, &mut side).map_err(at_row)?);
        }
    }
    if puzzles.is_empty() {
        return Err(DataError::NoPuzzles { file: name.to_owned() });
    }
    Ok(puzzles)
}

/// The text of a line without its end and, in the first, without a byte order mark.
fn text_of(line: &[u8], row: u64) -> Result<&str, RowError> {
    let text = std::str::from_utf8(line).map_err(|_| RowError::Text)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let text = if row == 1 { text.trim_start_matches('\u{feff}') } else { text };
    if text.chars().any(char::is_control) { Err(RowError::Text) } else { Ok(text) }
}

fn check_header(text: &str) -> Result<(), RowError> {
    let names = fields(text)?;
    if names == HEADER { Ok(()) } else { Err(RowError::Header(text.chars().take(80).collect())) }
}

/// The fields of a line; a field may stand in quotes, with quotes inside doubled.
fn fields(text: &str) -> Result<Vec<String>, RowError> {
    if !text.contains('"') {
        return Ok(text.split(',').map(str::to_owned).collect());
    }
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => return Err(RowError::Quotes),
        }
    }
}

/// The field whose opening quote stood before `text`, and what follows its closing quote.
fn unquote(text: &str) -> Result<(String, &str), RowError> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let quote = rest.find('"').ok_or(RowError::Quotes)?;
        field.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field, rest)),
        }
    }
}

/// A puzzle from a line; the first one's question sets the side for all.
fn parse_row(text: &str, kind: Kind, side: &mut Option<u8>) -> Result<Puzzle, RowError> {
    let fields = fields(text)?;
    let [source, question, answer, rating]: [String; 4] =
        fields.try_into().map_err(|fields: Vec<String>| RowError::Fields(fields.len()))?;
    let (question, answer) = match kind {
        Kind::Sudoku => sudoku_row(&question, &answer, side)?,
        Kind::Maze | Kind::Arc => maze_row(&question, &answer, side)?,
    };
    let rating = rating.parse().map_err(|_| RowError::Rating(rating))?;
    Ok(Puzzle { question, answer, rating, source, task: String::new() })
}

fn maze_row(question: &str, answer: &str, side: &mut Option<u8>) -> Result<(Board, Board), RowError> {
    let board =
        |text: &str, column| Board::read(Kind::Maze, text).map_err(|problem| RowError::Board { column, problem });
    let (question, answer) = (board(question, "question")?, board(answer, "answer")?);
    if !Kind::Maze.has_side(question.rows()) {
        return Err(RowError::MazeSide { side: question.rows() });
    }
    let side = *side.get_or_insert(question.rows());
    for (column, board) in [("question", &question), ("answer", &answer)] {
        if board.rows() != side {
            let expected = usize::from(side) * usize::from(side);
            return Err(RowError::Length { column, expected, found: board.cells().len() });
        }
    }
    maze::check_answer(&question, &answer)?;
    Ok((question, answer))
}

fn sudoku_row(question: &str, answer: &str, side: &mut Option<u8>) -> Result<(Board, Board), RowError> {
    let side = match *side {
        Some(side) => side,
        None => *side.insert(side_of(question)?),
    };
    let question = grid(question, "question", side)?;
    let answer = grid(answer, "answer", side)?;
    if !search::is_solution(&question, &answer) {
        return Err(RowError::Answer(answer.violations(&question).into_iter().next().unwrap_or_default()));
    }
    Ok(((&question).into(), (&answer).into()))
}

fn side_of(question: &str) -> Result<u8, RowError> {
    match question.chars().count() {
        16 => Ok(4),
        36 => Ok(6),
        81 => Ok(9),
        found => Err(RowError::Side(found)),
    }
}

/// A grid from digits and, in a question, `.` or `0` for blanks.
fn grid(text: &str, column: &'static str, side: u8) -> Result<Grid, RowError> {
    let expected = usize::from(side) * usize::from(side);
    let found = text.chars().count();
    if found != expected {
        return Err(RowError::Length { column, expected, found });
    }
    let may_be_blank = column == "question";
    let cell = |(i, symbol): (usize, char)| match symbol {
        '.' | '0' if may_be_blank => Ok(0),
        '1'..='9' if symbol as u8 - b'0' <= side => Ok(symbol as u8 - b'0'),
        found => {
            let blank = if may_be_blank { ", or . or 0 for a blank" } else { "" };
            Err(RowError::Symbol { column, position: i + 1, expected: format!("1 to {side}{blank}"), found })
        }
    };
    let cells = text.chars().enumerate().map(cell).collect::<Result<_, _>>()?;
    Grid::from_cells(cells).map_err(|_| RowError::Length { column, expected, found })
}

#[cfg(test)]
mod tests;
