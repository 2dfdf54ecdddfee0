//! A run as a folder that can be taken elsewhere.
//!
//! ```text
//! config.toml               the experiment
//! metrics.csv               its curve
//! provenance.json           what its results rest on
//! scores.json               every score of its checkpoint
//! checkpoint.safetensors
//! SHA256SUMS                of all of these, for `sha256sum --check`
//! ```
//!
//! Nothing in a folder is trusted when it is read: hashes, sizes and every number are checked against each other before
//! anything is stored. Scores that came in such a folder are claims until the checkpoint is evaluated here.

mod metrics;
mod possible;
mod read;
mod write;

pub use read::{RunFolder, read};
pub use write::export;

use crate::store;
use hrm_types::{
    provenance::{CodeVersion, RunProvenance},
    run::Run,
};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};
use thiserror::Error as ThisError;
use time::OffsetDateTime;

/// Version of the format.
const FORMAT: u32 = 1;

/// A file of the folder and its longest size, bytes.
#[derive(Debug, Clone, Copy)]
struct Part {
    name: &'static str,
    longest: u64,
}

const CONFIG: Part = Part { name: "config.toml", longest: 1 << 20 };
const METRICS: Part = Part { name: "metrics.csv", longest: 1 << 28 };
const PROVENANCE: Part = Part { name: "provenance.json", longest: 1 << 24 };
const SCORES: Part = Part { name: "scores.json", longest: 1 << 26 };
const CHECKPOINT: Part = Part { name: "checkpoint.safetensors", longest: 1 << 36 };
const SUMS: Part = Part { name: "SHA256SUMS", longest: 1 << 12 };

/// Everything that has a hash in [`SUMS`], in its order.
const HASHED: [Part; 5] = [CHECKPOINT, CONFIG, METRICS, PROVENANCE, SCORES];

/// What `provenance.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of the folder's format.
    pub format: u32,
    /// The program that wrote it.
    pub exported_by: CodeVersion,
    /// When the run was queued.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its last attempt began.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it succeeded.
    #[serde(with = "time::serde::rfc3339")]
    pub finished_at: OffsetDateTime,
    /// Steps trained.
    pub step: u64,
    /// Steps planned.
    pub total_steps: Option<u64>,
    /// Trained weights.
    pub parameters: Option<u64>,
    /// What the results rest on; the scores stand in `scores.json`.
    pub provenance: RunProvenance,
}

impl Record {
    fn new(run: &Run, provenance: RunProvenance) -> Option<Self> {
        Some(Self {
            format: FORMAT,
            exported_by: crate::environment::code(),
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at?,
            step: run.step,
            total_steps: run.total_steps,
            parameters: run.parameters,
            provenance: RunProvenance { scores: vec![], ..provenance },
        })
    }
}

/// Why a run cannot be written as a folder, or a folder is none of a run.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: expected {expected}, found {found}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The checkpoint is none that can be used.
    #[error("{path}: {source}")]
    Checkpoint {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        source: hrm_model::Error,
    },
    /// The run cannot be exported.
    #[error("expected a run that has succeeded and has a checkpoint, found one that is {0}")]
    Unfinished(&'static str),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    fn content(path: &Path, expected: impl Into<String>, found: impl Display) -> Self {
        Self::Content { path: path.to_owned(), expected: expected.into(), found: found.to_string() }
    }
}

#[cfg(test)]
mod tests;
