//! Collections of ARC tasks: a folder or a gzipped tar archive with one JSON file per task, as ARC-AGI-1, ARC-AGI-2
//! and `ConceptARC` are published.
//!
//! A task's name is the stem of its file's name; two files of one stem are refused, because scores and puzzle
//! identifiers are kept by name. Tasks in a folder named `evaluation` belong to the evaluation set, all others to the
//! training set, as in the reference implementation. Files that are no `.json`, and hidden ones, are passed over;
//! so are `ConceptARC`'s 16 minimal tasks, which the published experiments did not train on, unless their own folder is
//! what is read.

use super::{Set, Task, TaskError, json};
use crate::data::bounded::Bounded;
use flate2::bufread::MultiGzDecoder;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Component, Path},
};

/// The folder of `ConceptARC` whose tasks are passed over.
const PASSED_OVER: &str = "MinimalTasks";

/// Most bytes of one task's file; the largest published has 69 kB.
const MAX_FILE: u64 = 4 << 20;

/// Most bytes of a collection, unpacked; ARC-AGI-2, the largest, has 6 MB.
const MAX_TOTAL: u64 = 64 << 20;

/// Most tasks of a collection; with [`MAX_TOTAL`] this keeps even one of the tiniest grids in a few hundred megabytes.
const MAX_TASKS: usize = 10_000;

/// Most files and folders looked at.
const MAX_ENTRIES: usize = 100_000;

/// Most folders inside each other; published collections have two.
const MAX_DEPTH: usize = 8;

/// Most bytes of a task's name, which becomes a key of `submission.json` and part of puzzle identifiers.
const MAX_NAME: usize = 64;

/// Why a collection cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that cannot be opened or read on: it is absent, damaged, truncated or unpacks to too much.
    #[error("{file}: {source}")]
    File {
        /// Its path.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// Neither a folder nor a gzipped archive.
    #[error("{file}: expected a folder or a gzipped tar archive, found another file")]
    Neither {
        /// Its path.
        file: String,
    },
    /// A file that is no task.
    #[error("{file}: {problem}")]
    Task {
        /// Its path, in the folder or the archive.
        file: String,
        /// What was expected and found.
        #[source]
        problem: TaskError,
    },
    /// A task's file that is too long.
    #[error("{file}: expected at most {MAX_FILE} bytes, found more")]
    FileTooLong {
        /// Its path.
        file: String,
    },
    /// A link, a device, a path that leaves the archive, or a name that is no text.
    #[error("{file}: expected files and folders with paths below the collection's, found {found}")]
    Path {
        /// Its path, as far as it is text.
        file: String,
        /// What it is.
        found: &'static str,
    },
    /// A stem that cannot name a task.
    #[error("{file}: expected a name of 1 to {MAX_NAME} letters, digits, '-', '_' and '.', found {found:?}")]
    Name {
        /// Its path.
        file: String,
        /// The stem.
        found: String,
    },
    /// Two files of one stem.
    #[error("{second}: expected tasks of different names, found {name:?} in {first} already")]
    Duplicate {
        /// The name.
        name: String,
        /// The file read first.
        first: String,
        /// The other one.
        second: String,
    },
    /// Too many tasks, files or folders, or too deep.
    #[error("{file}: expected at most {limit} {what}, found more")]
    TooMany {
        /// Path of the collection.
        file: String,
        /// The limit.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// No task at all.
    #[error("{file}: expected at least one task (a .json file), found none")]
    NoTasks {
        /// Path of the collection.
        file: String,
    },
}

/// The tasks of a folder or of a gzipped tar archive, sorted by name.
///
/// # Errors
/// The first file that is no task, or what else is wrong with the collection. Nothing is unpacked to disk, and memory
/// stays bounded whatever the file claims.
pub fn read(path: &Path) -> Result<Vec<Task>, ReadError> {
    let name = path.display().to_string();
    let failed = |source| ReadError::File { file: name.clone(), source };
    let mut found = Found { collection: name.clone(), tasks: BTreeMap::new(), entries: 0, left: MAX_TOTAL };
    if fs::metadata(path).map_err(failed)?.is_dir() {
        found.folder(path, "", 0)?;
    } else {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
        if !file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]) {
            return Err(ReadError::Neither { file: name });
        }
        found.archive(MultiGzDecoder::new(file))?;
    }
    if found.tasks.is_empty() {
        return Err(ReadError::NoTasks { file: name });
    }
    Ok(found.tasks.into_values().map(|(_, task)| task).collect())
}

/// Several collections as one, sorted by name.
///
/// # Errors
/// [`ReadError::Duplicate`] when two of them share a task's name: most of ARC-AGI-1's evaluation tasks are training
/// tasks of ARC-AGI-2, so the two cannot be trained on together.
pub fn merge(collections: Vec<(String, Vec<Task>)>) -> Result<Vec<Task>, ReadError> {
    let mut all: BTreeMap<String, (String, Task)> = BTreeMap::new();
    for (collection, tasks) in collections {
        for task in tasks {
            if let Some((first, _)) = all.get(&task.name) {
                return Err(ReadError::Duplicate { name: task.name, first: first.clone(), second: collection });
            }
            all.insert(task.name.clone(), (collection.clone(), task));
        }
    }
    Ok(all.into_values().map(|(_, task)| task).collect())
}

/// The tasks found so far.
struct Found {
    /// Path of the collection.
    collection: String,
    /// By name, with the file of each.
    tasks: BTreeMap<String, (String, Task)>,
    /// Files and folders looked at.
    entries: usize,
    /// Bytes of tasks that may still be read.
    left: u64,
}

impl Found {
    fn failed(&self, source: io::Error) -> ReadError {
        ReadError::File { file: self.collection.clone(), source }
    }

    fn too_many(&self, limit: usize, what: &'static str) -> ReadError {
        ReadError::TooMany { file: self.collection.clone(), limit, what }
    }

    fn count_entry(&mut self) -> Result<(), ReadError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES { Err(self.too_many(MAX_ENTRIES, "files and folders")) } else { Ok(()) }
    }

    /// The tasks below `path`, a folder named `folder`.
    fn folder(&mut self, path: &Path, folder: &str, depth: usize) -> Result<(), ReadError> {
        if depth > MAX_DEPTH {
            return Err(self.too_many(MAX_DEPTH, "folders inside each other"));
        }
        let in_folder = |source| ReadError::File { file: path.display().to_string(), source };
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(in_folder)? {
            self.count_entry()?;
            entries.push(entry.map_err(in_folder)?);
        }
        // The system's order is none; with this one the first error is always the same.
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let file = path.display().to_string();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                return Err(ReadError::Path { file, found: "a name that is no text" });
            };
            if name.starts_with('.') {
                continue;
            }
            // Of the entry itself, not of what a link leads to.
            let kind = entry.file_type().map_err(in_folder)?;
            if kind.is_dir() {
                if name != PASSED_OVER {
                    self.folder(&path, name, depth + 1)?;
                }
            } else if let Some(stem) = name.strip_suffix(".json") {
                if !kind.is_file() {
                    return Err(ReadError::Path { file, found: "a link or a device" });
                }
                let text = File::open(&path).map_err(|source| ReadError::File { file: file.clone(), source })?;
                self.task(text, stem, folder, file)?;
            }
        }
        Ok(())
    }

    /// The tasks of an unpacked archive.
    fn archive(&mut self, unpacked: impl Read) -> Result<(), ReadError> {
        let mut archive = tar::Archive::new(Bounded::new(unpacked, MAX_TOTAL));
        for entry in archive.entries().map_err(|error| self.failed(error))? {
            self.count_entry()?;
            let entry = entry.map_err(|error| self.failed(error))?;
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() {
                continue;
            }
            // Escaped, because the archive may hold anything and the error may end on a terminal.
            let file = format!("{}: {}", self.collection, String::from_utf8_lossy(&entry.path_bytes()).escape_debug());
            let path = entry.path().map_err(|error| self.failed(error))?.into_owned();
            if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
                return Err(ReadError::Path { file, found: "one that leads elsewhere" });
            }
            let Some(path) = path.to_str() else {
                return Err(ReadError::Path { file, found: "a name that is no text" });
            };
            if kind.is_dir() {
                continue;
            }
            if !kind.is_file() {
                return Err(ReadError::Path { file, found: "a link or a device" });
            }
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = folder.rsplit('/').next().unwrap_or("").to_owned();
            match name.strip_suffix(".json").map(str::to_owned) {
                Some(stem) if !name.starts_with('.') && folder != PASSED_OVER => {
                    self.task(entry, &stem, &folder, file)?;
                }
                _ => {}
            }
        }
        // Reads what is left, whose end holds the checksum: an archive cut short after a file is known as one.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// Takes the task `stem` from its file.
    fn task(&mut self, reader: impl Read, stem: &str, folder: &str, file: String) -> Result<(), ReadError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if stem.is_empty() || stem.len() > MAX_NAME || !stem.bytes().all(is_plain) {
            return Err(ReadError::Name { file, found: stem.chars().take(MAX_NAME).collect() });
        }
        if let Some((first, _)) = self.tasks.get(stem) {
            return Err(ReadError::Duplicate { name: stem.to_owned(), first: first.clone(), second: file });
        }
        if self.tasks.len() == MAX_TASKS {
            return Err(self.too_many(MAX_TASKS, "tasks"));
        }
        let mut text = Vec::new();
        let read = reader.take(MAX_FILE + 1).read_to_end(&mut text);
        read.map_err(|source| ReadError::File { file: file.clone(), source })?;
        if text.len() as u64 > MAX_FILE {
            return Err(ReadError::FileTooLong { file });
        }
        self.left = match self.left.checked_sub(text.len() as u64) {
            Some(left) => left,
            None => return Err(self.too_many(MAX_TOTAL as usize, "bytes of tasks")),
        };
        let (train, test) = json::parse(&text).map_err(|problem| ReadError::Task { file: file.clone(), problem })?;
        let set = if folder == "evaluation" { Set::Evaluation } else { Set::Training };
        let task = Task { name: stem.to_owned(), set, folder: folder.to_owned(), train, test };
        self.tasks.insert(task.name.clone(), (file, task));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
