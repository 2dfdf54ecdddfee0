//! The zip file that a checkpoint of the reference code is: a pickle and, beside it, the values of every storage.

use std::{
    fmt::Display,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};
use thiserror::Error;
use zip::{CompressionMethod, ZipArchive, read::ZipFile, result::ZipError};

/// Longest pickle read, bytes; the reference model's has 10,000.
const LONGEST_PICKLE: u64 = 1 << 20;

/// Most entries of a file.
const MOST_ENTRIES: usize = 20_000;

/// Why a file is not what `torch.save` writes.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is no zip file, or a damaged one.
    #[error("expected a zip file as torch.save has written since version 1.6, found none or a damaged one: {0}")]
    Zip(#[from] ZipError),
    /// Its entries are not those of a checkpoint.
    #[error("expected {expected}, found {found}")]
    Layout {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// An open checkpoint.
pub(super) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    /// What the names of its entries begin with.
    folder: String,
}

impl Archive {
    /// Opens a file and checks that its values are in the order of bytes that is read here.
    pub(super) fn open(file: &Path) -> Result<Self, ArchiveError> {
        let zip = ZipArchive::new(BufReader::new(File::open(file)?))?;
        if zip.len() > MOST_ENTRIES {
            return Err(layout(format!("at most {MOST_ENTRIES} entries"), zip.len()));
        }
        let names = zip.file_names().collect::<Result<Vec<_>, _>>()?;
        let pickles: Vec<_> = names.iter().filter_map(|name| name.strip_suffix("data.pkl")).collect();
        let &[folder] = pickles.as_slice() else {
            return Err(layout("one entry data.pkl", pickles.len()));
        };
        let mut archive = Self { folder: folder.to_owned(), zip };
        match archive.read("byteorder", 16) {
            Ok(order) if order == b"little" => Ok(archive),
            Ok(order) => Err(layout("little-endian values", String::from_utf8_lossy(&order))),
            // Files from before the entry was introduced are little-endian.
            Err(ArchiveError::Zip(ZipError::FileNotFound)) => Ok(archive),
            Err(error) => Err(error),
        }
    }

    /// The pickle's bytes.
    pub(super) fn pickle(&mut self) -> Result<Vec<u8>, ArchiveError> {
        self.read("data.pkl", LONGEST_PICKLE)
    }

    /// `length` bytes of a storage from `start`; the storage must have `whole` bytes, and its checksum be right.
    pub(super) fn storage(&mut self, key: &str, whole: u64, start: u64, length: u64) -> Result<Vec<u8>, ArchiveError> {
        let name = format!("data/{key}");
        let mut entry = self.entry(&name)?;
        if entry.size() != whole {
            return Err(layout(format!("{whole} bytes in the entry {name}"), entry.size()));
        }
        std::io::copy(&mut entry.by_ref().take(start), &mut std::io::sink())?;
        let mut bytes = Vec::new();
        entry.by_ref().take(length).read_to_end(&mut bytes)?;
        // The checksum is compared at the end of the entry.
        std::io::copy(&mut entry, &mut std::io::sink())?;
        if bytes.len() as u64 == length {
            return Ok(bytes);
        }
        Err(layout(format!("{length} bytes from byte {start} of the entry {name}"), bytes.len()))
    }

    fn read(&mut self, name: &str, longest: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut entry = self.entry(name)?;
        if entry.size() > longest {
            return Err(layout(format!("at most {longest} bytes in the entry {name}"), entry.size()));
        }
        let mut bytes = Vec::new();
        entry.by_ref().take(longest + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > longest {
            return Err(layout(format!("at most {longest} bytes in the entry {name}"), "more"));
        }
        Ok(bytes)
    }

    /// An entry that is stored as it is: what is not compressed cannot be larger than the file.
    fn entry(&mut self, name: &str) -> Result<ZipFile<'_, BufReader<File>>, ArchiveError> {
        let entry = self.zip.by_name(&format!("{}{name}", self.folder))?;
        if entry.compression() == CompressionMethod::Stored && entry.compressed_size() == entry.size() {
            return Ok(entry);
        }
        let found = format!("{} of {} bytes in {}", entry.compression(), entry.size(), entry.compressed_size());
        Err(layout(format!("the entry {name} uncompressed, as torch.save writes it"), found))
    }
}

fn layout(expected: impl Into<String>, found: impl Display) -> ArchiveError {
    ArchiveError::Layout { expected: expected.into(), found: found.to_string() }
}
