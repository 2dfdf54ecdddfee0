//! The weights in a checkpoint of the reference code, compared with what the settings ask for before they are read.

use super::{
    archive::{Archive, ArchiveError},
    pickle::{self, PickleError},
    storage::StoredTensor,
};
use crate::{params, params::PUZZLE_EMB, shape::Dims};
use candle_core::{Device, Tensor};
use hrm_types::experiment::{ArchConfig, PosEncodings};
use std::{collections::BTreeMap, path::Path};
use thiserror::Error;

/// What the reference code's wrappers put before the names: compilation, distribution, loss and recurrence.
const WRAPPERS: [&str; 4] = ["_orig_mod.", "module.", "model.", "inner."];

/// Tables of rotary positions, which are computed from the settings.
const ROTARY: [&str; 2] = ["rotary_emb.cos_cached", "rotary_emb.sin_cached"];

/// Why the weights in a file are not those the settings ask for.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file is no checkpoint.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// What it describes is no dictionary of tensors.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// Two names that differ only in what wrappers put before them.
    #[error("expected one tensor of the name {0}, found two")]
    Twice(String),
    /// A size of the task differs.
    #[error("{size}: expected {expected} by the config, found {found} in the file ({weight})")]
    Size {
        /// Which size.
        size: &'static str,
        /// What the settings say.
        expected: usize,
        /// What the file has.
        found: u64,
        /// The weight that shows it.
        weight: String,
    },
    /// A weight is missing, superfluous or of another shape.
    #[error("weight {name}: expected {expected} by the config, found {found} in the file")]
    Weight {
        /// Its name.
        name: String,
        /// The shape the settings ask for, or "nothing".
        expected: String,
        /// The shape in the file, or "nothing".
        found: String,
    },
    /// A weight's values are of a type that is not read, or lie beyond their storage.
    #[error("weight {name}: expected {expected}, found {found}")]
    Values {
        /// Its name.
        name: String,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A weight's values are no tensor.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Reads every weight as f32.
pub(super) fn read(file: &Path, arch: &ArchConfig, dims: &Dims) -> Result<BTreeMap<String, Tensor>, WeightsError> {
    let mut archive = Archive::open(file)?;
    let mut found = unwrapped(pickle::tensors(&archive.pickle()?)?)?;
    if arch.pos_encodings == PosEncodings::Rope {
        let tables = [dims.positions as u64, dims.head_dim as u64];
        found.retain(|name, tensor| !ROTARY.contains(&name.as_str()) || tensor.shape != tables);
    }
    let expected = params::shapes(arch, dims);
    compare(&expected, &found)?;
    let mut weights = BTreeMap::new();
    for (name, shape) in expected {
        let values = values(&mut archive, &name, &found[&name])?;
        weights.insert(name, Tensor::from_vec(values, shape, &Device::Cpu)?);
    }
    Ok(weights)
}

/// The tensors by the names the model itself gives them.
fn unwrapped(tensors: Vec<(String, StoredTensor)>) -> Result<BTreeMap<String, StoredTensor>, WeightsError> {
    let mut named = BTreeMap::new();
    for (name, tensor) in tensors {
        let mut bare = name.as_str();
        while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| bare.strip_prefix(wrapper)) {
            bare = rest;
        }
        if named.insert(bare.to_owned(), tensor).is_some() {
            return Err(WeightsError::Twice(bare.to_owned()));
        }
    }
    Ok(named)
}

/// The size of the task that a weight's rows show.
fn size_of_rows(name: &str) -> Option<&'static str> {
    match name {
        "embed_tokens.embedding_weight" | "lm_head.weight" => Some("vocab_size"),
        PUZZLE_EMB => Some("num_puzzle_identifiers"),
        "embed_pos.embedding_weight" => Some("positions of the puzzle embedding and seq_len"),
        _ => None,
    }
}

fn compare(
    expected: &BTreeMap<String, Vec<usize>>,
    found: &BTreeMap<String, StoredTensor>,
) -> Result<(), WeightsError> {
    let wrong =
        |name: &str, expected: String, found: String| WeightsError::Weight { name: name.into(), expected, found };
    for (name, shape) in expected {
        let Some(tensor) = found.get(name) else {
            return Err(wrong(name, format!("{shape:?}"), "nothing".into()));
        };
        if shape.len() == tensor.shape.len() && shape.iter().zip(&tensor.shape).all(|(&a, &b)| a as u64 == b) {
            continue;
        }
        return Err(match (size_of_rows(name), shape.as_slice(), tensor.shape.as_slice()) {
            (Some(size), &[rows, width], &[found, found_width]) if width as u64 == found_width => {
                WeightsError::Size { size, expected: rows, found, weight: name.clone() }
            }
            _ => wrong(name, format!("{shape:?}"), format!("{:?}", tensor.shape)),
        });
    }
    match found.iter().find(|(name, _)| !expected.contains_key(*name)) {
        Some((name, tensor)) => Err(wrong(name, "nothing".into(), format!("{:?}", tensor.shape))),
        None => Ok(()),
    }
}

/// The values of a tensor whose shape is the expected one, row by row.
fn values(archive: &mut Archive, name: &str, tensor: &StoredTensor) -> Result<Vec<f32>, WeightsError> {
    let wrong = |expected, found: String| WeightsError::Values { name: name.to_owned(), expected, found };
    let Some(width) = tensor.kind.width() else {
        return Err(wrong("FloatStorage, HalfStorage or BFloat16Storage", tensor.kind.to_string()));
    };
    let whole = tensor.elements.checked_mul(width);
    let (Some(span), Some(whole)) = (tensor.span(), whole) else {
        let StoredTensor { elements, offset, shape, stride, .. } = tensor;
        let found = format!("{shape:?} by steps of {stride:?} from {offset} in {elements} elements");
        return Err(wrong("values within their storage", found));
    };
    let bytes = archive.storage(&tensor.storage, whole, tensor.offset * width, span * width)?;
    Ok(tensor.gather(&bytes))
}
