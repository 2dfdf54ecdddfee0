//! Checkpoints: one safetensors file with the weights under the reference's names and, in its header, everything
//! that tells what they are.

use crate::{
    Error, Result,
    data::{arc, encode},
    hrm::Hrm,
    kernels::PackedWeights,
    params,
    shape::{Dims, TaskShape},
    tensor_file,
};
use candle_core::{DType, Device, Tensor};
use hrm_types::{
    board::Kind,
    experiment::Experiment,
    provenance::{Choice, Environment, is_sha256},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

/// Key of the header's entry that holds [`CheckpointInfo`] as JSON.
const INFO_KEY: &str = "hrm_lab_checkpoint";

/// The kind of a checkpoint whose puzzles are known by the sizes of their token sequences alone.
pub const TOKENS: &str = "tokens";

/// What a checkpoint's weights are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointInfo {
    /// What trained it.
    pub experiment: Experiment,
    /// The kind of puzzle: a [`Kind`], or [`TOKENS`].
    pub kind: String,
    /// Side of the grids, of the square an ARC grid stands in; 0 for [`TOKENS`].
    pub side: u8,
    /// Names of the ARC tasks that have puzzle identifiers, in the order of these; none for other kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Sizes of the task, if they are not those of the kind and the side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<TaskShape>,
    /// Content hash of the dataset it was trained on; empty if that is not known.
    pub dataset_hash: String,
    /// Training steps behind these weights; 0 if that is not known.
    pub step: u64,
    /// Trained weights, the puzzle embedding left out as is the custom.
    pub parameters: u64,
    /// Wall time of the whole training with its validations, seconds.
    pub train_seconds: f64,
    /// How it was chosen among the states of the training; none if that is not known.
    #[serde(default = "last")]
    pub choice: Option<Choice>,
    /// What trained it, in its last attempt; none if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
}

/// The choice behind a file that does not speak of it: it was written when there was no other.
#[expect(clippy::unnecessary_wraps, reason = "the field's type, whose default it is")]
fn last() -> Option<Choice> {
    Some(Choice::Last)
}

impl CheckpointInfo {
    /// Sizes of the task it was trained for.
    pub fn task(&self) -> Result<TaskShape> {
        let shape = match (self.kind.parse::<Kind>(), self.side, self.sizes) {
            (Ok(kind), side, None) if kind.has_side(side) => {
                let variants = self.experiment.train.task_variants;
                encode::task_shape(kind, side, arc::identifiers(kind, self.tasks.len(), variants))
            }
            (Err(_), 0, Some(sizes)) if self.kind == TOKENS => sizes,
            (_, side, sizes) => {
                let with = if sizes.is_some() { "with" } else { "without" };
                let found = format!("found {} of side {side} {with} sizes of its own", self.kind);
                let expected = "expected a sudoku of side 4, 6 or 9, a maze or arc of side 3 to 30, or tokens of side \
                                0 with their sizes";
                return Err(Error::Checkpoint(format!("{expected}, {found}")));
            }
        };
        shape.check().map_err(Error::Checkpoint)?;
        Ok(shape)
    }

    /// The kind and the side of the puzzles that its experiment makes, where it makes some and they are others than its own.
    fn other_puzzles(&self) -> Option<(Kind, u8)> {
        let made = self.experiment.data.generated()?;
        let others = self.kind != made.kind.as_str() || self.side != made.side;
        (others && self.kind != TOKENS).then_some((made.kind, made.side))
    }

    /// Checks that what it says of its training is possible; the weights are counted.
    fn check(&self, weights: u64) -> Result<()> {
        let (hash, step, seconds) = (&self.dataset_hash, self.step, self.train_seconds);
        let problem = if self.parameters != weights {
            format!("expected {weights} parameters, as its settings have, found {}", self.parameters)
        } else if i64::try_from(step).is_err() {
            format!("expected a step below 2^63, found {step}")
        } else if !(0.0..=LONGEST_TRAINING).contains(&seconds) {
            format!("expected 0 to {LONGEST_TRAINING:e} seconds of training, found {seconds:e}")
        } else if let Some((kind, side)) = self.other_puzzles() {
            format!(
                "expected the {kind} of side {side} that its experiment trains on, found {} of side {}",
                self.kind, self.side
            )
        } else if let Some(Choice::BestOnValidation { exact, n, candidates }) = self.choice
            && (exact > n || n == 0 || candidates == 0)
        {
            format!(
                "expected the best of some states on some validation puzzles, found {exact} of {n}, the best of {candidates}"
            )
        } else if !hash.is_empty() && !is_sha256(hash) {
            // Of an imported one nobody knows the puzzles.
            format!("expected a dataset's SHA-256 or none, found {:?}", hash.chars().take(80).collect::<String>())
        } else {
            return self.environment.as_ref().map_or(Ok(()), Environment::check).map_err(Error::Checkpoint);
        };
        Err(Error::Checkpoint(problem))
    }
}

/// Seconds that a training can have taken: three thousand years.
const LONGEST_TRAINING: f64 = 1e11;

/// A model ready for inference: its weights no longer change.
pub struct Model {
    info: CheckpointInfo,
    tensors: BTreeMap<String, Tensor>,
    hrm: Hrm,
}

impl Model {
    /// A model of these weights; they must be exactly what the settings ask for, and finite.
    pub fn new(info: CheckpointInfo, tensors: BTreeMap<String, Tensor>) -> Result<Self> {
        info.experiment.validate()?;
        let arch = &info.experiment.arch;
        let dims = Dims::new(arch, info.task()?);
        params::check(arch, &dims, &tensors)?;
        info.check(params::count(arch, &dims))?;
        check_finite(&tensors)?;
        let hrm = Hrm::load(arch, dims, &tensors, &PackedWeights::default())?;
        Ok(Self { info, tensors, hrm })
    }

    /// The same model on another device.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        let moved = self.tensors.iter().map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)));
        Self::new(self.info.clone(), moved.collect::<Result<_>>()?)
    }

    /// What it is.
    pub fn info(&self) -> &CheckpointInfo {
        &self.info
    }

    /// The same model, said to be trained by this.
    #[must_use]
    pub fn trained_by(mut self, environment: Environment) -> Self {
        self.info.environment = Some(environment);
        self
    }

    /// Its weights by name.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    /// Its inner model.
    pub fn hrm(&self) -> &Hrm {
        &self.hrm
    }

    /// Reads a checkpoint file's bytes. Nothing in them is trusted: sizes are checked by the format's own parser
    /// before anything is allocated, names, shapes and values afterwards.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let unusable = |error: &dyn std::fmt::Display| Error::Checkpoint(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| unusable(&error))?;
        let info = header.metadata().as_ref().and_then(|entries| entries.get(INFO_KEY));
        let info = info.ok_or_else(|| unusable(&format_args!("its header has no entry {INFO_KEY}")))?;
        let info: CheckpointInfo = serde_json::from_str(info).map_err(|error| unusable(&error))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| unusable(&error))?;
        // By name, so that of several bad weights the same one is always told.
        let views: BTreeMap<&str, TensorView<'_>> = file.iter().collect();
        let tensors = views.into_iter().map(|(name, view)| Ok((name.to_owned(), read_tensor(name, &view)?)));
        Self::new(info, tensors.collect::<Result<_>>()?)
    }

    /// Writes the checkpoint's file, whole or not at all, and says how many bytes it has.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, path: &Path) -> Result<u64> {
        let bytes = self.to_bytes()?;
        let written = tensor_file::write_bytes(path, &bytes);
        written.map_err(|source| Error::File { path: path.to_owned(), source })?;
        Ok(bytes.len() as u64)
    }

    /// The checkpoint file's bytes; the same model always gives the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let failed = |error: &dyn std::fmt::Display| Error::Checkpoint(error.to_string());
        let info = serde_json::to_string(&self.info).map_err(|error| failed(&error))?;
        let values = self.tensors.iter().map(|(name, tensor)| {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
            Ok((name, tensor.dims().to_vec(), bytes))
        });
        let values = values.collect::<Result<Vec<_>>>()?;
        let views = values.iter().map(|(name, shape, bytes)| {
            Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|error| failed(&error))?))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let header = HashMap::from([(INFO_KEY.to_owned(), info)]);
        safetensors::serialize(views, Some(header)).map_err(|error| failed(&error))
    }
}

fn read_tensor(name: &str, view: &TensorView<'_>) -> Result<Tensor> {
    let dtype = match view.dtype() {
        Dtype::F32 => DType::F32,
        // Half the size, and for a model whose products are in bfloat16 nearly the same weights.
        Dtype::BF16 => DType::BF16,
        other => {
            let (expected, found) = ("F32 or BF16".to_owned(), format!("{other:?}"));
            return Err(Error::Weight { name: name.to_owned(), expected, found });
        }
    };
    Ok(Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?.to_dtype(DType::F32)?)
}

fn check_finite(tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    for (name, tensor) in tensors {
        // Less itself every finite value is 0, and no other is.
        if tensor.sub(tensor)?.abs()?.sum_all()?.to_scalar::<f32>()? != 0.0 {
            return Err(Error::Checkpoint(format!("weight {name} holds a value that is not a finite number")));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
