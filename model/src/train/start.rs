//! The weights that a training begins with when they are a model's and not drawn.

use crate::{
    Result,
    checkpoint::Model,
    data::Corpus,
    params::{self, PUZZLE_EMB},
    shape::{Dims, TaskShape},
};
use candle_core::{Device, Tensor};
use hrm_types::experiment::{ArchConfig, Experiment, InvalidExperiment};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The settings that decide which weights there are, and of what sizes.
const SIZES: [&str; 8] =
    ["hidden_size", "expansion", "H_layers", "L_layers", "mlp_t", "pos_encodings", "puzzle_emb_ndim", "puzzle_emb_len"];

/// What decides the sizes of weights.
#[derive(Debug, Clone, Copy)]
pub struct Sizes<'a> {
    /// The model's settings.
    pub arch: &'a ArchConfig,
    /// The task; how many puzzles have embeddings of their own does not matter.
    pub task: TaskShape,
}

impl Sizes<'_> {
    fn shapes(self) -> BTreeMap<String, Vec<usize>> {
        let task = TaskShape { num_puzzle_identifiers: 1, ..self.task };
        params::shapes(self.arch, &Dims::new(self.arch, task))
    }
}

/// A model to begin with.
pub struct Start {
    sha256: String,
    model: Model,
}

impl Start {
    /// The model in a checkpoint file's bytes.
    ///
    /// # Errors
    /// As [`Model::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self { sha256: format!("{:x}", Sha256::digest(bytes)), model: Model::from_bytes(bytes)? })
    }

    /// SHA-256 of the file, which is what an experiment names it by.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The weights for a training of `experiment` on `corpus`. Rows of the puzzle embedding belong to puzzles: for the
    /// tasks that the model knows they are the model's, for other ones all are the mean of the model's.
    pub(super) fn weights(
        &self,
        experiment: &Experiment,
        corpus: &Corpus,
        device: &Device,
    ) -> Result<BTreeMap<String, Tensor>> {
        self.check_named(experiment)?;
        let (arch, info) = (&experiment.arch, self.model.info());
        check_fit(Sizes { arch, task: corpus.task() }, Sizes { arch: &info.experiment.arch, task: info.task()? })?;
        let mut weights = self.model.tensors().clone();
        let rows = corpus.task().num_puzzle_identifiers;
        let same_puzzles = info.tasks == corpus.tasks && info.task()?.num_puzzle_identifiers == rows;
        if let Some(table) = weights.get_mut(PUZZLE_EMB).filter(|_| !same_puzzles) {
            *table = table.mean_keepdim(0)?.repeat((rows, 1))?;
        }
        params::check(arch, &Dims::new(arch, corpus.task()), &weights)?;
        weights.into_iter().map(|(name, tensor)| Ok((name, tensor.to_device(device)?))).collect()
    }

    /// Checks that it is the one that the experiment names.
    fn check_named(&self, experiment: &Experiment) -> Result<()> {
        let found = &self.sha256;
        match &experiment.start_from {
            Some(named) if named == found => Ok(()),
            Some(named) => Err(refused(format!("expected the checkpoint {named}, found {found}")).into()),
            None => Err(refused(format!("expected the checkpoint {found}, found nothing")).into()),
        }
    }
}

/// Refuses an experiment that names a model to begin with where there is none.
pub(super) fn check_unnamed(experiment: &Experiment) -> Result<()> {
    match &experiment.start_from {
        None => Ok(()),
        Some(named) => Err(refused(format!("expected the checkpoint {named}, found no model")).into()),
    }
}

/// Checks that weights of `its` sizes fit a training of `ours`.
///
/// # Errors
/// About `start_from`, with the first setting that does not fit.
pub fn check_fit(ours: Sizes<'_>, its: Sizes<'_>) -> std::result::Result<(), InvalidExperiment> {
    let (expected, found) = (ours.shapes(), its.shapes());
    let differs = |name: &&String| expected.get(*name) != found.get(*name);
    let Some(weight) = expected.keys().chain(found.keys()).find(differs) else { return Ok(()) };
    let settings = [ours, its].map(|sizes| serde_json::json!(sizes.arch));
    let values = |name: &str| settings.each_ref().map(|arch| arch.get(name).cloned().unwrap_or_default());
    let differing = SIZES.into_iter().find(|&name| values(name)[0] != values(name)[1]);
    Err(refused(if let Some(name) = differing {
        let [ours, its] = values(name);
        format!("expected a model of the experiment's sizes, with arch.{name} = {ours}, found one with {its}")
    } else {
        let [ours, its] = [&expected, &found].map(|shapes| shapes.get(weight).cloned().unwrap_or_default());
        format!("expected a model for such puzzles, with weight {weight} of {ours:?}, found one with {its:?}")
    }))
}

fn refused(problem: String) -> InvalidExperiment {
    InvalidExperiment { field: "start_from", problem }
}

#[cfg(test)]
mod tests;
