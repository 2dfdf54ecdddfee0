//! A batch in a safetensors file, checked against the model that is to read it.

use crate::{Error, act::Batch, loss::IGNORE_LABEL, shape::TaskShape};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::{fs::File, io::Read, path::Path};
use thiserror::Error;

/// Longest file read, bytes.
const LONGEST_FILE: u64 = 1 << 30;

/// Why a file is no batch for a model.
#[derive(Debug, Error)]
pub enum BatchError {
    /// The file is larger than any batch needs to be.
    #[error("expected at most {LONGEST_FILE} bytes, found more")]
    TooLong,
    /// It is no safetensors file.
    #[error("expected a safetensors file: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// A tensor is missing, or of another type or shape.
    #[error("{name}: expected {expected}, found {found}")]
    Tensor {
        /// Its name.
        name: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// Reads a batch: `inputs` (B, S) i32 with tokens below V, and `puzzle_identifiers` (B) i32 or i64 below the number of
/// the model's puzzle identifiers, B at least 1. Any other tensor of the file is left alone.
pub fn read_batch(path: &Path, task: &TaskShape) -> crate::Result<Batch> {
    let unreadable = |source| Error::File { path: path.to_owned(), source };
    let refuse = |problem| Error::Batch { path: path.to_owned(), problem };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(refuse(BatchError::TooLong));
    }
    batch(&bytes, task).map_err(refuse)
}

fn batch(bytes: &[u8], task: &TaskShape) -> Result<Batch, BatchError> {
    let file = SafeTensors::deserialize(bytes)?;
    let wrong = |name, expected: String, found: String| Err(BatchError::Tensor { name, expected, found });
    let inputs = tensor(&file, "inputs", &[Dtype::I32])?;
    let (size, seq_len) = match *inputs.shape() {
        [size, seq_len] if seq_len == task.seq_len && size > 0 => (size, seq_len),
        _ => {
            let expected = format!("a shape of at least one row by {} tokens", task.seq_len);
            return wrong("inputs", expected, format!("{:?}", inputs.shape()));
        }
    };
    let identifiers = tensor(&file, "puzzle_identifiers", &[Dtype::I32, Dtype::I64])?;
    if *identifiers.shape() != [size] {
        return wrong("puzzle_identifiers", format!("the shape [{size}]"), format!("{:?}", identifiers.shape()));
    }
    Ok(Batch {
        seq_len,
        inputs: below("inputs", &inputs, task.vocab_size)?,
        labels: vec![IGNORE_LABEL; size * seq_len],
        puzzle_identifiers: below("puzzle_identifiers", &identifiers, task.num_puzzle_identifiers)?,
    })
}

fn tensor<'a>(file: &SafeTensors<'a>, name: &'static str, allowed: &[Dtype]) -> Result<TensorView<'a>, BatchError> {
    let names = allowed.iter().map(|dtype| format!("{dtype:?}")).collect::<Vec<_>>().join(" or ");
    let wrong = |found: String| BatchError::Tensor { name, expected: format!("a tensor of {names}"), found };
    let view = file.tensor(name).map_err(|_| wrong("none".into()))?;
    if allowed.contains(&view.dtype()) { Ok(view) } else { Err(wrong(format!("{:?}", view.dtype()))) }
}

/// The values of a tensor of I32 or I64, each at least 0 and below `end`.
fn below(name: &'static str, view: &TensorView<'_>, end: usize) -> Result<Vec<u32>, BatchError> {
    let values: Vec<i64> = match view.dtype() {
        Dtype::I64 => view.data().as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect(),
        _ => view.data().as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes).into()).collect(),
    };
    let checked = values.into_iter().enumerate().map(|(i, value)| match u32::try_from(value) {
        Ok(small) if (small as usize) < end => Ok(small),
        _ => {
            let (expected, found) = (format!("values from 0 to {}", end - 1), format!("{value} at position {i}"));
            Err(BatchError::Tensor { name, expected, found })
        }
    });
    checked.collect()
}
