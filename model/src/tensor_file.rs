//! Safetensors files written from tensors and read into tensors one at a time, so that neither way holds a file in
//! memory beside them. A digest in the header covers every name and value, so that a damaged file is known as one.

use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use safetensors::{
    Dtype,
    tensor::{Metadata, View},
};
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// Key of the header's entry that holds the digest.
const DIGEST_KEY: &str = "sha256";

/// Longest header read, bytes.
const LONGEST_HEADER: u64 = 16 << 20;

/// A tensor on its way into a file.
struct Written<'a> {
    tensor: &'a Tensor,
    dtype: Dtype,
}

impl View for Written<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        self.tensor.dims()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        // A length that does not match is refused by the reader of the file.
        Cow::Owned(bytes(self.tensor).unwrap_or_default())
    }

    fn data_len(&self) -> usize {
        self.tensor.elem_count() * self.tensor.dtype().size_in_bytes()
    }
}

fn unusable(problem: impl std::fmt::Display) -> Error {
    Error::State(problem.to_string())
}

fn file_dtype(dtype: DType) -> Result<Dtype> {
    match dtype {
        DType::U8 => Ok(Dtype::U8),
        DType::U32 => Ok(Dtype::U32),
        DType::I64 => Ok(Dtype::I64),
        DType::BF16 => Ok(Dtype::BF16),
        DType::F32 => Ok(Dtype::F32),
        DType::F64 => Ok(Dtype::F64),
        other => Err(unusable(format_args!("values of type {other:?} cannot be written"))),
    }
}

fn tensor_dtype(dtype: Dtype) -> Result<DType> {
    match dtype {
        Dtype::U8 => Ok(DType::U8),
        Dtype::U32 => Ok(DType::U32),
        Dtype::I64 => Ok(DType::I64),
        Dtype::BF16 => Ok(DType::BF16),
        Dtype::F32 => Ok(DType::F32),
        Dtype::F64 => Ok(DType::F64),
        other => Err(unusable(format_args!("values of type {other:?} cannot be read"))),
    }
}

/// The values in little-endian order, row by row.
pub(crate) fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let values = tensor.flatten_all()?;
    Ok(match tensor.dtype() {
        DType::U8 => values.to_vec1::<u8>()?,
        DType::U32 => values.to_vec1::<u32>()?.into_iter().flat_map(u32::to_le_bytes).collect(),
        DType::I64 => values.to_vec1::<i64>()?.into_iter().flat_map(i64::to_le_bytes).collect(),
        DType::BF16 => values.to_vec1::<half::bf16>()?.into_iter().flat_map(half::bf16::to_le_bytes).collect(),
        DType::F64 => values.to_vec1::<f64>()?.into_iter().flat_map(f64::to_le_bytes).collect(),
        _ => values.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect(),
    })
}

/// The digest of a file's own entry and of its tensors' values, in the order of their names.
struct Seal(Sha256);

impl Seal {
    fn new(key: &str, info: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(Sha256::digest(key));
        hash.update(Sha256::digest(info));
        Self(hash)
    }

    fn add(&mut self, name: &str, tensor: &Tensor, values: [u8; 32]) {
        self.0.update(Sha256::digest(name));
        self.0.update(Sha256::digest(format!("{:?} {:?}", tensor.dtype(), tensor.dims())));
        self.0.update(values);
    }

    fn hex(self) -> String {
        format!("{:x}", self.0.finalize())
    }
}

/// Writes a file that is either whole or absent: into a temporary file beside it, to the disk, then renamed.
///
/// `info` becomes the header's entry `key`.
pub(crate) fn write(path: &Path, key: &str, info: String, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    let views = tensors.iter().map(|(name, tensor)| Ok((name, Written { dtype: file_dtype(tensor.dtype())?, tensor })));
    let views = views.collect::<Result<Vec<_>>>()?;
    let mut seal = Seal::new(key, &info);
    for (name, tensor) in tensors {
        seal.add(name, tensor, Sha256::digest(bytes(tensor)?).into());
    }
    let header = HashMap::from([(key.to_owned(), info), (DIGEST_KEY.to_owned(), seal.hex())]);
    let size: usize = views.iter().map(|(_, view)| view.data_len()).sum();
    let serialize = |file: &Path| safetensors::serialize_to_file(views, Some(header), file).map_err(io::Error::other);
    write_whole(path, serialize).map_err(|error| Error::Unwritten(format!("{error}; at least {size} bytes are needed")))
}

/// Writes bytes as a file that is either whole or absent.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, |file| fs::write(file, bytes))
}

/// Lets `write` write a temporary file, which then gets its name.
fn write_whole(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = path.with_added_extension("partial");
    let written = write(&temporary).and_then(|()| publish(&temporary, path));
    if written.is_err() {
        // What is left of a full disk's file helps nobody; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Gives a file that was written under another name its own, once it is on the disk.
pub(crate) fn publish(temporary: &Path, path: &Path) -> io::Result<()> {
    File::open(temporary)?.sync_all()?;
    fs::rename(temporary, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Reads a file: the header's entry `key`, and every tensor. Sizes are checked before anything is allocated, and the
/// digest at the end.
pub(crate) fn read(path: &Path, key: &str) -> Result<(String, BTreeMap<String, Tensor>)> {
    let file = File::open(path).map_err(unusable)?;
    let length = file.metadata().map_err(unusable)?.len();
    let mut file = io::BufReader::new(file);
    let header = read_header(&mut file, length)?;
    let entry = |key: &str| {
        let found = header.metadata().as_ref().and_then(|entries| entries.get(key));
        found.cloned().ok_or_else(|| unusable(format_args!("its header has no entry {key}")))
    };
    let (info, expected) = (entry(key)?, entry(DIGEST_KEY)?);
    let (mut tensors, mut hashes) = (BTreeMap::new(), BTreeMap::<String, [u8; 32]>::new());
    // In the order of the file: the format allows no gaps.
    for name in header.offset_keys() {
        let Some(entry) = header.info(&name) else { continue };
        let mut values = vec![0; entry.data_offsets.1 - entry.data_offsets.0];
        file.read_exact(&mut values).map_err(unusable)?;
        let tensor = Tensor::from_raw_buffer(&values, tensor_dtype(entry.dtype)?, &entry.shape, &Device::Cpu)?;
        hashes.insert(name.clone(), Sha256::digest(&values).into());
        tensors.insert(name, tensor);
    }
    let mut seal = Seal::new(key, &info);
    for ((name, tensor), hash) in tensors.iter().zip(hashes.into_values()) {
        seal.add(name, tensor, hash);
    }
    let found = seal.hex();
    if found == expected {
        Ok((info, tensors))
    } else {
        Err(unusable(format_args!("expected the digest {expected}, found {found}: the file is damaged")))
    }
}

fn read_header(file: &mut impl Read, length: u64) -> Result<Metadata> {
    let mut size = [0; 8];
    file.read_exact(&mut size).map_err(unusable)?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEADER || size > length {
        let found = format_args!("expected a header of at most {} bytes, found {size}", LONGEST_HEADER.min(length));
        return Err(unusable(found));
    }
    let mut text = vec![0; size as usize];
    file.read_exact(&mut text).map_err(unusable)?;
    let header: Metadata = serde_json::from_slice(&text).map_err(unusable)?;
    let expected = 8 + size + header.data_len() as u64;
    if expected != length {
        return Err(unusable(format_args!("expected {expected} bytes by its header, found {length}")));
    }
    Ok(header)
}
