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
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A setting that decides which weights there are, or of what sizes.
struct Setting {
    name: &'static str,
    /// Its value, as JSON writes it.
    of: fn(&ArchConfig) -> Value,
    /// Takes its value from other settings.
    take: fn(&mut ArchConfig, &ArchConfig),
}

macro_rules! settings {
    ($($name:ident),*) => {
        &[$(Setting {
            name: stringify!($name),
            of: |arch| json!(arch.$name),
            take: |arch, other| arch.$name = other.$name,
        }),*]
    };
}

const SETTINGS: &[Setting] =
    settings![hidden_size, expansion, H_layers, L_layers, mlp_t, pos_encodings, puzzle_emb_ndim, puzzle_emb_len];

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

    /// The weights for a training of `experiment` on `corpus`. The puzzle embedding's first row belongs to no puzzle in
    /// particular and is the model's; the others belong to variants of tasks, and are the model's where these are the same,
    /// else the mean of all of the model's.
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
        if let Some(table) = weights.get_mut(PUZZLE_EMB).filter(|_| !self.has_variants_of(experiment, corpus)) {
            let others = corpus.task().num_puzzle_identifiers - 1;
            let mean = table.mean_keepdim(0)?.repeat((others, 1))?;
            *table = Tensor::cat(&[&table.narrow(0, 0, 1)?, &mean], 0)?;
        }
        params::check(arch, &Dims::new(arch, corpus.task()), &weights)?;
        weights.into_iter().map(|(name, tensor)| Ok((name, tensor.to_device(device)?))).collect()
    }

    /// Whether the model was trained on the same variants of the same tasks, which the seed draws.
    fn has_variants_of(&self, experiment: &Experiment, corpus: &Corpus) -> bool {
        let (info, variants) = (self.model.info(), experiment.train.task_variants);
        info.dataset_hash == corpus.hash
            && info.tasks == corpus.tasks
            && info.experiment.train.task_variants == variants
            && (variants == 0 || info.experiment.seed == experiment.seed)
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
/// About `start_from`, with the first setting that would make a weight fit.
pub fn check_fit(ours: Sizes<'_>, its: Sizes<'_>) -> std::result::Result<(), InvalidExperiment> {
    let (expected, found) = (ours.shapes(), its.shapes());
    let differs = |name: &&String| expected.get(*name) != found.get(*name);
    let Some(weight) = expected.keys().chain(found.keys()).find(differs) else { return Ok(()) };
    let matters = |setting: &&Setting| {
        let mut changed = ours.arch.clone();
        (setting.take)(&mut changed, its.arch);
        Sizes { arch: &changed, ..ours }.shapes().get(weight) == found.get(weight)
    };
    Err(refused(if let Some(Setting { name, of, .. }) = SETTINGS.iter().find(matters) {
        let [ours, its] = [ours, its].map(|sizes| of(sizes.arch));
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
