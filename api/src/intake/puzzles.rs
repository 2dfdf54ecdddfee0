//! Puzzles that a client sends: CSV, plain or gzipped.

use super::{Received, unusable};
use crate::http::error::ApiError;
use flate2::read::MultiGzDecoder;
use hrm_model::data::{self, Dataset, Puzzle, subsample};
use hrm_types::board::Kind;
use std::io::{self, BufRead, BufReader, Read};

/// Most bytes of a file once it is unpacked.
const UNPACKED_LIMIT: u64 = 64 << 20;

/// Most lines of a file: a row of the smallest board takes more memory read than written.
const LINES_LIMIT: u64 = 400_000;

/// What is said about a file of puzzles.
#[derive(Debug, Clone)]
pub struct PuzzleFile {
    /// The kind of puzzle.
    pub kind: Kind,
    /// Rows from its end that become the test split; a tenth, at most 1,000, by default.
    pub test_rows: Option<u32>,
    /// Rows held out for validation, drawn from the others.
    pub validation_rows: u32,
    /// Seed of that draw.
    pub seed: u64,
}

/// The dataset in a file. Waits for the disk and the processor.
///
/// # Errors
/// The first row that is no puzzle, or what else is wrong.
pub fn dataset(received: Received, about: &PuzzleFile) -> Result<Dataset, ApiError> {
    let mut reader = BufReader::with_capacity(1 << 16, received.file);
    let zipped = reader.fill_buf().map_err(ApiError::internal)?.starts_with(&[0x1f, 0x8b]);
    let rows = if zipped { read(MultiGzDecoder::new(reader), about.kind) } else { read(reader, about.kind) };
    split(rows?, about)
}

fn read(reader: impl Read, kind: Kind) -> Result<Vec<Puzzle>, ApiError> {
    data::read_csv(Limited { reader, left: UNPACKED_LIMIT, lines_left: LINES_LIMIT }, "the file", kind)
        .map_err(unusable)
}

/// Fails once more than a number of bytes or lines were read.
struct Limited<R> {
    reader: R,
    left: u64,
    lines_left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other(format!("expected at most {} MiB once it is unpacked, found more", UNPACKED_LIMIT >> 20))
        })?;
        let lines = buffer[..read].split(|&byte| byte == b'\n').count() as u64 - 1;
        self.lines_left = self
            .lines_left
            .checked_sub(lines)
            .ok_or_else(|| io::Error::other(format!("expected at most {LINES_LIMIT} lines, found more")))?;
        Ok(read)
    }
}

fn split(mut rows: Vec<Puzzle>, about: &PuzzleFile) -> Result<Dataset, ApiError> {
    let count = rows.len();
    let side = rows[0].question.rows();
    let test_rows = about.test_rows.map_or_else(|| (count / 10).clamp(1, 1_000), |rows| rows as usize);
    if test_rows == 0 || test_rows >= count {
        let detail = format!("expected 1 to {} of the file's {count} rows, found {test_rows}", count.saturating_sub(1));
        return Err(ApiError::field("test_rows", detail));
    }
    let test = rows.split_off(count - test_rows);
    let held_out = about.validation_rows as usize;
    if held_out >= rows.len() {
        let detail = format!("expected less than the {} rows that are not tested on, found {held_out}", rows.len());
        return Err(ApiError::field("validation_rows", detail));
    }
    let (train, validation) = subsample(rows, (count - test_rows - held_out) as u32, about.seed);
    Ok(Dataset { kind: about.kind, side, train, validation, test })
}
