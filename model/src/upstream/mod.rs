//! Checkpoints as the reference code saves them, turned into ours.
//!
//! For the command line only: nothing here is reachable from the server. A file is a zip of a pickle, which describes
//! the tensors, and of their values. The pickle is never run; it is read by a machine that knows tensors and nothing
//! else. Everything it says is compared with the settings before a value is read, so that memory is bounded by the
//! model that is asked for and by the size of the file, whatever the file claims.

mod archive;
mod pickle;
mod settings;
mod storage;
mod weights;

use crate::{
    CheckpointInfo, Error, Model, Result,
    checkpoint::TOKENS,
    params,
    shape::{Dims, TaskShape},
};
use hrm_types::experiment::{DataSpec, Experiment};
use std::path::{Path, PathBuf};

pub use archive::ArchiveError;
pub use pickle::PickleError;
pub(crate) use settings::Settings;
pub use weights::WeightsError;

/// What a checkpoint is expected to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The settings it was trained with.
    pub experiment: Experiment,
    /// The kind of puzzle, as in [`CheckpointInfo`].
    pub kind: String,
    /// Side of the grids, as in [`CheckpointInfo`].
    pub side: u8,
    /// Sizes of the task, as in [`CheckpointInfo`].
    pub sizes: Option<TaskShape>,
    /// ARC: what its puzzle identifiers are called, the blank one left out. Each variant of a task has a name of its own.
    pub tasks: Vec<String>,
}

impl Target {
    /// By the settings in a fixture's JSON file. Settings of another model than HRM are refused by name.
    pub fn of_fixture(file: &Path) -> Result<Self> {
        let settings = Settings::read(file)?;
        let name = name_of(file);
        let experiment = Experiment {
            description: format!("A fixture of the reference implementation, {name}."),
            seed: settings.seed(),
            start_from: None,
            data: DataSpec::Stored { dataset: name.clone() },
            arch: settings.arch(),
            train: settings.train(),
            name,
        };
        Ok(Self { experiment, kind: TOKENS.to_owned(), side: 0, sizes: Some(settings.task()), tasks: vec![] })
    }
}

/// The file's name without its ending, as far as it may be an experiment's name.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = stem.chars().map(allowed).take(64).collect();
    if name.is_empty() { "imported".to_owned() } else { name }
}

/// Reads a checkpoint that must be what `target` says: every weight of its shape, and no other. The step is taken from
/// a name like `step_1234`, which the reference code gives its checkpoints.
pub fn import(file: &Path, target: Target) -> Result<Model> {
    let Target { mut experiment, kind, side, sizes, tasks } = target;
    if !tasks.is_empty() {
        // The variants stand among the tasks, by their names.
        experiment.train.task_variants = 0;
    }
    experiment.validate()?;
    let step = file.file_name().and_then(|name| name.to_str()?.strip_prefix("step_")?.parse().ok()).unwrap_or(0);
    let mut info = CheckpointInfo {
        experiment,
        kind,
        side,
        tasks,
        sizes,
        dataset_hash: String::new(),
        step,
        parameters: 0,
        train_seconds: 0.0,
        choice: None,
        environment: None,
    };
    let arch = &info.experiment.arch;
    let dims = Dims::new(arch, info.task()?);
    info.parameters = params::count(arch, &dims);
    let weights = weights::read(file, arch, &dims)
        .map_err(|problem| Error::Import { path: PathBuf::from(file), problem: Box::new(problem) })?;
    Model::new(info, weights)
}

#[cfg(test)]
mod tests;
