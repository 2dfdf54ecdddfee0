//! The folders of `.npy` arrays that the reference's builders write: read as they are, and written byte for byte.
//!
//! ```text
//! identifiers.json               what the puzzle identifiers are called
//! train/, test/                one written here may have validation/, too
//!   dataset.json                 sizes and counts
//!   SET__inputs.npy, SET__labels.npy                      (N, S) tokens
//!   SET__puzzle_identifiers.npy                           one for each puzzle
//!   SET__puzzle_indices.npy, SET__group_indices.npy       where puzzles and groups begin, and their end
//! ```

mod array;
mod metadata;

pub use array::{ArrayError, Integer};
pub use metadata::Metadata;

use super::{
    tokens::{PAD, TokenSplit, TokensError},
    whole,
};
use crate::shape::TaskShape;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The splits a folder holds.
const SPLITS: [&str; 2] = ["train", "test"];

/// A split that a folder may hold beside them; the reference's builders make none.
const VALIDATION: &str = "validation";

/// Most sets of a split.
const MOST_SETS: usize = 16;

/// Longest `dataset.json` and `identifiers.json`, bytes.
const LONGEST: (u64, u64) = (1 << 16, 1 << 28);

/// A folder's contents.
#[derive(Debug, Clone, PartialEq)]
pub struct Folder {
    /// What the puzzle identifiers are called, from 0.
    pub identifiers: Vec<String>,
    /// `train`, `test` and, if there is one, `validation`.
    pub splits: BTreeMap<String, Split>,
}

/// One split of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// What it says of itself.
    pub metadata: Metadata,
    /// Its arrays, in the order of the metadata's names.
    pub sets: Vec<Set>,
}

/// The arrays of a set.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// The arrays.
    pub tokens: TokenSplit,
    /// The types they have in their files: inputs, labels, identifiers, puzzle indices and group indices.
    pub dtypes: [Integer; 5],
}

/// Why a folder cannot be read or written.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A file cannot be read or written, or is no JSON of the kind expected.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no array of the kind expected.
    #[error("{path}: {problem}")]
    Array {
        /// Which.
        path: PathBuf,
        /// What was expected and what was found.
        #[source]
        problem: ArrayError,
    },
    /// The arrays of a set do not fit each other or the sizes.
    #[error("{path}: {problem}")]
    Tokens {
        /// The split's folder with the start of the files' names.
        path: PathBuf,
        /// Which array, what was expected and what was found.
        #[source]
        problem: TokensError,
    },
    /// A file says something that the other files do not.
    #[error("{path}: {what}: expected {expected}, found {found}")]
    Mismatch {
        /// Which.
        path: PathBuf,
        /// What it says something of.
        what: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

impl Folder {
    /// Reads a folder. Every file is checked against itself and the others; memory is bounded by their sizes.
    ///
    /// # Errors
    /// The file with what was expected and what was found.
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        let mut splits = BTreeMap::new();
        for name in SPLITS {
            splits.insert(name.to_owned(), Split::read(&folder.join(name))?);
        }
        if folder.join(VALIDATION).exists() {
            splits.insert(VALIDATION.to_owned(), Split::read(&folder.join(VALIDATION))?);
        }
        let identifiers = read_identifiers(&folder.join("identifiers.json"))?;
        let read = Self { identifiers, splits };
        read.check(folder)?;
        Ok(read)
    }

    /// Sizes of the task, the same for both splits.
    pub fn task(&self) -> TaskShape {
        self.splits["train"].metadata.task()
    }

    fn check(&self, folder: &Path) -> Result<(), FolderError> {
        let task = self.task();
        for (name, split) in &self.splits {
            let (path, other) = (folder.join(name).join("dataset.json"), split.metadata.task());
            same(&path, "seq_len", task.seq_len, other.seq_len)?;
            same(&path, "vocab_size", task.vocab_size, other.vocab_size)?;
            same(&path, "num_puzzle_identifiers", task.num_puzzle_identifiers, other.num_puzzle_identifiers)?;
        }
        let path = folder.join("identifiers.json");
        same(&path, "names of puzzle identifiers", task.num_puzzle_identifiers, self.identifiers.len())
    }

    /// Writes the folder, which must not be there yet; it is either whole or absent.
    ///
    /// # Errors
    /// The file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FolderError> {
        whole::folder(
            folder,
            |folder| self.write_into(folder),
            |path, source| {
                let path = path.to_owned();
                FolderError::File { path, source }
            },
        )
    }

    fn write_into(&self, folder: &Path) -> Result<(), FolderError> {
        let path = folder.join("identifiers.json");
        metadata::write(&path, &self.identifiers).map_err(|source| FolderError::File { path, source })?;
        for (name, split) in &self.splits {
            split.write(&folder.join(name))?;
        }
        Ok(())
    }
}

/// Reads what puzzle identifiers are called, from 0, which is the blank one. No two may have the same name.
///
/// # Errors
/// [`FolderError::File`]; [`FolderError::Mismatch`] when there is none, or one twice.
pub fn read_identifiers(path: &Path) -> Result<Vec<String>, FolderError> {
    let names: Vec<String> =
        metadata::read(path, LONGEST.1).map_err(|source| FolderError::File { path: path.to_owned(), source })?;
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    let found = match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => format!("{:?} twice", twice[0]),
        None if names.is_empty() => "none".to_owned(),
        None => return Ok(names),
    };
    let (path, what, expected) = (path.to_owned(), "puzzle identifiers", "names, each once".to_owned());
    Err(FolderError::Mismatch { path, what, expected, found })
}

impl Metadata {
    /// Sizes of the task.
    pub fn task(&self) -> TaskShape {
        TaskShape {
            seq_len: self.seq_len,
            vocab_size: self.vocab_size,
            num_puzzle_identifiers: self.num_puzzle_identifiers,
        }
    }
}

impl Split {
    fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join("dataset.json");
        let metadata: Metadata =
            metadata::read(&path, LONGEST.0).map_err(|source| FolderError::File { path: path.clone(), source })?;
        check_metadata(&path, &metadata)?;
        let task = metadata.task();
        let sets = metadata.sets.iter().map(|name| Set::read(folder, name, &task)).collect::<Result<_, _>>()?;
        let split = Self { metadata, sets };
        split.check_counts(&path)?;
        Ok(split)
    }

    /// Groups, puzzles and examples of all sets.
    pub fn counts(&self) -> [usize; 3] {
        let of = |count: fn(&TokenSplit) -> usize| self.sets.iter().map(|set| count(&set.tokens)).sum();
        [of(TokenSplit::groups), of(TokenSplit::puzzles), of(TokenSplit::examples)]
    }

    fn check_counts(&self, path: &Path) -> Result<(), FolderError> {
        let ([groups, puzzles, examples], metadata) = (self.counts(), &self.metadata);
        same(path, "total_groups", groups, metadata.total_groups)?;
        same(path, "total_puzzles", puzzles, metadata.total_puzzles.unwrap_or(puzzles))?;
        let mean = examples as f64 / puzzles.max(1) as f64;
        if (mean - metadata.mean_puzzle_examples).abs() <= 1e-9 * mean {
            return Ok(());
        }
        same(path, "mean_puzzle_examples", mean, metadata.mean_puzzle_examples)
    }

    fn write(&self, folder: &Path) -> Result<(), FolderError> {
        let failed = |path: PathBuf| move |source| FolderError::File { path, source };
        fs::create_dir(folder).map_err(failed(folder.to_owned()))?;
        let path = folder.join("dataset.json");
        metadata::write(&path, &self.metadata).map_err(failed(path.clone()))?;
        self.metadata.sets.iter().zip(&self.sets).try_for_each(|(name, set)| set.write(folder, name))
    }
}

fn check_metadata(path: &Path, metadata: &Metadata) -> Result<(), FolderError> {
    let mismatch = |what, expected: String, found: String| {
        Err(FolderError::Mismatch { path: path.to_owned(), what, expected, found })
    };
    same(path, "pad_id", u32::from(PAD), metadata.pad_id)?;
    same(path, "ignore_label_id", u32::from(PAD), metadata.ignore_label_id)?;
    same(path, "blank_identifier_id", 0, metadata.blank_identifier_id)?;
    if let Err(problem) = metadata.task().check() {
        return mismatch("sizes", "those of a task".into(), problem);
    }
    if metadata.vocab_size > 256 {
        return mismatch("vocab_size", "at most 256".into(), metadata.vocab_size.to_string());
    }
    let names = &metadata.sets;
    if !(1..=MOST_SETS).contains(&names.len()) {
        return mismatch("sets", format!("1 to {MOST_SETS} names"), names.len().to_string());
    }
    // They become parts of files' names.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    for (i, name) in names.iter().enumerate() {
        if !(1..=64).contains(&name.len()) || !name.chars().all(is_plain) || names[..i].contains(name) {
            let expected = "different names of 1 to 64 letters, digits, '-' or '_'";
            return mismatch("sets", expected.into(), format!("{name:?}"));
        }
    }
    Ok(())
}

fn same<T: Copy + PartialEq + ToString>(
    path: &Path,
    what: &'static str,
    expected: T,
    found: T,
) -> Result<(), FolderError> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(FolderError::Mismatch { path: path.to_owned(), what, expected, found })
}

impl Set {
    fn read(folder: &Path, name: &str, task: &TaskShape) -> Result<Self, FolderError> {
        let inputs = read_array::<u8>(folder, name, "inputs", 2)?;
        let labels = read_array::<u8>(folder, name, "labels", 2)?;
        let path = file_of(folder, name, "labels");
        same(&path, "examples", inputs.shape[0], labels.shape[0])?;
        same(&path, "tokens of an example", inputs.shape[1], labels.shape[1])?;
        let identifiers = read_array(folder, name, "puzzle_identifiers", 1)?;
        let puzzles = read_array(folder, name, "puzzle_indices", 1)?;
        let groups = read_array(folder, name, "group_indices", 1)?;
        let tokens = TokenSplit {
            seq_len: inputs.shape[1],
            inputs: inputs.values,
            labels: labels.values,
            puzzle_identifiers: identifiers.values,
            puzzle_indices: puzzles.values,
            group_indices: groups.values,
        };
        tokens.check(task).map_err(|problem| FolderError::Tokens { path: folder.join(name), problem })?;
        let dtypes = [inputs.dtype, labels.dtype, identifiers.dtype, puzzles.dtype, groups.dtype];
        Ok(Self { tokens, dtypes })
    }

    /// Arrays with the types the reference's builders give them.
    pub fn new(tokens: TokenSplit) -> Self {
        Self { tokens, dtypes: [Integer::U8, Integer::U8, Integer::I32, Integer::I32, Integer::I32] }
    }

    fn write(&self, folder: &Path, name: &str) -> Result<(), FolderError> {
        let Self { tokens, dtypes } = self;
        let examples = [tokens.examples(), tokens.seq_len];
        write_array(folder, (name, "inputs"), dtypes[0], &examples, &tokens.inputs)?;
        write_array(folder, (name, "labels"), dtypes[1], &examples, &tokens.labels)?;
        let rows =
            |array: &str, dtype, values: &[u32]| write_array(folder, (name, array), dtype, &[values.len()], values);
        rows("puzzle_identifiers", dtypes[2], &tokens.puzzle_identifiers)?;
        rows("puzzle_indices", dtypes[3], &tokens.puzzle_indices)?;
        rows("group_indices", dtypes[4], &tokens.group_indices)
    }
}

fn file_of(folder: &Path, set: &str, array: &str) -> PathBuf {
    folder.join(format!("{set}__{array}.npy"))
}

fn read_array<T: TryFrom<i128>>(
    folder: &Path,
    set: &str,
    array: &str,
    dimensions: usize,
) -> Result<array::Array<T>, FolderError> {
    let path = file_of(folder, set, array);
    array::read(&path, dimensions).map_err(|problem| FolderError::Array { path, problem })
}

fn write_array<T: Copy + Into<u32>>(
    folder: &Path,
    (set, array): (&str, &str),
    dtype: Integer,
    shape: &[usize],
    values: &[T],
) -> Result<(), FolderError> {
    let path = file_of(folder, set, array);
    array::write(&path, dtype, shape, values).map_err(|problem| FolderError::Array { path, problem })
}

#[cfg(test)]
mod tests;
