//! Why the private database could not be had.

use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error as ThisError;

/// What is wrong and what to do about it.
#[derive(Debug, ThisError)]
pub enum Error {
    /// PostgreSQL's server is not installed.
    #[error(
        "the programs of a PostgreSQL server (initdb, postgres) were not found on PATH or in the usual \
         places; install them (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install \
         postgresql-server; Arch: pacman -S postgresql; macOS: brew install postgresql@17), or set DATABASE_URL to \
         a server that is running"
    )]
    NoPrograms,
    /// The cluster needs another major version than those installed.
    #[error(
        "the database in {} was made by PostgreSQL {expected}, found only {found}; install the server of version \
         {expected}, or choose another folder with HRM_DATA_DIR", cluster.display()
    )]
    WrongVersion {
        /// The cluster's folder.
        cluster: PathBuf,
        /// Its major version.
        expected: u32,
        /// The major versions that are installed.
        found: String,
    },
    /// No folder to keep anything in.
    #[error("found neither HOME nor XDG_DATA_HOME to derive a data folder from; set HRM_DATA_DIR to a folder")]
    NoDataDir,
    /// PostgreSQL refuses root, and there is nobody else.
    #[error(
        "PostgreSQL refuses to run as root, and /etc/passwd has neither the account postgres nor nobody to run it \
         under; create one (useradd --system postgres), or run this program as an ordinary user"
    )]
    NoAccount,
    /// The account that runs the database cannot reach its folder.
    #[error(
        "the account {account}, which runs the database because PostgreSQL refuses root, cannot enter {} (mode \
         {mode:04o}); choose another folder, e.g. HRM_DATA_DIR=/var/lib/hrm, or let others pass: chmod o+x {}",
        folder.display(), folder.display()
    )]
    CannotEnter {
        /// The account's name.
        account: String,
        /// The first folder it cannot enter.
        folder: PathBuf,
        /// That folder's permission bits.
        mode: u32,
    },
    /// The cluster belongs to another user.
    #[error(
        "the database in {} belongs to user {owner}, and this is user {found}; run as that user or as root, or \
         choose another folder with HRM_DATA_DIR", cluster.display()
    )]
    OtherOwner {
        /// The cluster's folder.
        cluster: PathBuf,
        /// Id of the user that owns it.
        owner: u32,
        /// Id of the user that runs this program.
        found: u32,
    },
    /// The folder for the socket is not ours alone.
    #[error("expected {} to be a folder of user {owner} that nobody else can enter; remove it", folder.display())]
    UnsafeSocketDir {
        /// The folder.
        folder: PathBuf,
        /// Id of the user that should own it.
        owner: u32,
    },
    /// One of PostgreSQL's programs failed.
    #[error("{program} failed ({status}): {output}")]
    Program {
        /// `initdb` or `postgres`.
        program: &'static str,
        /// How it ended.
        status: String,
        /// What it said at last.
        output: String,
    },
    /// A server of this cluster neither answers nor ends.
    #[error("the database server with process id {pid} in {} does not become {expected}; look at {}",
        cluster.display(), log.display())]
    Stuck {
        /// Its process id.
        pid: u32,
        /// The cluster's folder.
        cluster: PathBuf,
        /// `ready` or `stopped`.
        expected: &'static str,
        /// The server's log.
        log: PathBuf,
    },
    /// A file or folder could not be used.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// How it failed.
        source: io::Error,
    },
}

/// Turns an I/O error into one that says what was tried with which file, for `map_err`.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}
