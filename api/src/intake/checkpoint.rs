//! A checkpoint that a client sends: a safetensors file with its experiment in the header.

use super::{Received, unusable};
use crate::http::error::ApiError;
use hrm_model::Model;
use serde_json::Value;
use std::io::{Read, Seek, SeekFrom};

/// Largest header, bytes: there are some hundred tensors, and an experiment.
const HEADER_LIMIT: u64 = 1 << 20;

/// The model in a file, and the file's bytes. Waits for the disk and the processor.
///
/// # Errors
/// What was expected and what was found.
pub fn model(mut received: Received) -> Result<(Model, Vec<u8>), ApiError> {
    check_header(&mut received)?;
    let mut bytes = Vec::with_capacity(received.size as usize);
    received.file.read_to_end(&mut bytes).map_err(ApiError::internal)?;
    let model = Model::from_bytes(&bytes).map_err(unusable)?;
    Ok((model, bytes))
}

/// Compares the sizes that the header names with the file's, before the file is read into memory.
fn check_header(received: &mut Received) -> Result<(), ApiError> {
    let mut length = [0; 8];
    received
        .file
        .read_exact(&mut length)
        .map_err(|_| unusable("expected a safetensors file, found less than 8 bytes"))?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_LIMIT || length + 8 > received.size {
        let most = HEADER_LIMIT.min(received.size - 8);
        return Err(unusable(format_args!("expected a safetensors header of at most {most} bytes, found {length}")));
    }
    let mut header = vec![0; length as usize];
    received.file.read_exact(&mut header).map_err(ApiError::internal)?;
    let header: Value =
        serde_json::from_slice(&header).map_err(|error| unusable(format_args!("its header: {error}")))?;
    let tensors = header.as_object().ok_or_else(|| unusable("expected an object as its header"))?;
    let ends = tensors.iter().filter(|(name, _)| *name != "__metadata__").map(|(name, tensor)| {
        let end = tensor["data_offsets"][1].as_u64();
        end.ok_or_else(|| unusable(format_args!("expected data_offsets of the tensor {name:?}, found none")))
    });
    let end = ends.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
    let there = received.size - 8 - length;
    if end != there {
        return Err(unusable(format_args!("expected {end} bytes of tensors, as its header says, found {there}")));
    }
    received.file.seek(SeekFrom::Start(0)).map_err(ApiError::internal)?;
    Ok(())
}
