//! Why there is no backup, or why it was not restored.

use crate::store;
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error as ThisError;

/// What went wrong; nothing was stored then.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A file could not be used.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// How it failed.
        source: io::Error,
    },
    /// It is no backup, or not the whole of one as it was written.
    #[error("{} is damaged: {detail}; nothing was restored", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        detail: String,
    },
    /// It was written by a version of the program with another format or other tables.
    #[error(
        "expected a backup of {what} {expected}, found one of {found}; restore it with the program that wrote it \
         (hrm {program}), or make a new one there after an update; nothing was restored"
    )]
    OtherVersion {
        /// `format` or `schema version`.
        what: &'static str,
        /// This program's.
        expected: String,
        /// The file's.
        found: String,
        /// The version of the program that wrote it.
        program: String,
    },
    /// The database is in use.
    #[error(
        "expected an empty database, found rows in {}; restore into a fresh one (HRM_DATA_DIR=NEW_FOLDER hrm restore \
         FILE); nothing was restored", .0.join(", ")
    )]
    NotEmpty(Vec<String>),
}

/// Turns an I/O error into one that says what was tried with which file, for `map_err`.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}
