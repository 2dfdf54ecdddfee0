//! A safetensors file whose tensors are written piece by piece, so that no more than a piece is held in memory.

use crate::{Error, Result, tensor_file};
use candle_core::Tensor;
use serde_json::json;
use std::{
    fs::{self, File},
    io::{BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Where the rows of a tensor lie.
struct Place {
    start: u64,
    /// Bytes of a row.
    row: u64,
}

/// A file on its way; it takes its place when it is whole.
pub(super) struct Output {
    file: BufWriter<File>,
    partial: PathBuf,
    path: PathBuf,
    /// Of every reading of every step, in turn.
    places: Vec<Place>,
    per_step: usize,
}

impl Output {
    /// For `rows` rows of every reading, each of the shape given, after each of `steps` steps; f32.
    pub(super) fn create(path: &Path, steps: u32, rows: usize, readings: &[(&str, Vec<usize>)]) -> Result<Self> {
        let mut header = serde_json::Map::new();
        let (mut places, mut end) = (Vec::new(), 0u64);
        for step in 1..=steps {
            for (name, shape) in readings {
                let row = 4 * shape.iter().product::<usize>() as u64;
                let (start, shape) = (end, [&[rows], shape.as_slice()].concat());
                end += row * rows as u64;
                places.push(Place { start, row });
                let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
                header.insert(format!("step{step}/{name}"), entry);
            }
        }
        let mut header = serde_json::Value::Object(header).to_string().into_bytes();
        // The format asks for values at a multiple of eight bytes.
        header.resize(header.len().next_multiple_of(8), b' ');
        for place in &mut places {
            place.start += 8 + header.len() as u64;
        }
        let partial = path.with_added_extension("partial");
        let unwritable = |source| Error::File { path: path.to_owned(), source };
        let file = BufWriter::new(File::create(&partial).map_err(unwritable)?);
        let mut output = Self { file, partial, path: path.to_owned(), places, per_step: readings.len() };
        let length = (header.len() as u64).to_le_bytes();
        output.file.write_all(&length).and_then(|()| output.file.write_all(&header)).map_err(unwritable)?;
        output.file.get_ref().set_len(8 + header.len() as u64 + end).map_err(unwritable)?;
        Ok(output)
    }

    /// Writes the rows from `first` of a step's reading, both counted as they were given.
    pub(super) fn write(&mut self, step: u32, reading: usize, first: usize, values: &Tensor) -> Result<()> {
        let place = &self.places[(step as usize - 1) * self.per_step + reading];
        let bytes = tensor_file::bytes(values)?;
        let start = SeekFrom::Start(place.start + place.row * first as u64);
        let written = self.file.seek(start).and_then(|_| self.file.write_all(&bytes));
        written.map_err(|source| Error::File { path: self.path.clone(), source })
    }

    /// Gives the file its name.
    pub(super) fn finish(mut self) -> Result<()> {
        let done = self.file.flush().and_then(|()| tensor_file::publish(&self.partial, &self.path));
        done.map_err(|source| Error::File { path: self.path.clone(), source })
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // What was not finished helps nobody; a finished file has another name by now.
        let _ = fs::remove_file(&self.partial);
    }
}
