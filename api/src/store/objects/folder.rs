//! Objects as files of a folder.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};
use url::Url;

/// The file of an address.
pub(super) fn path(address: &Url) -> Result<PathBuf, String> {
    address.to_file_path().map_err(|()| format!("expected file:///FOLDER on this machine, found {address}"))
}

/// Writes an object. What a writer that dies leaves behind was noted by its caller, so that no second name is needed.
pub(super) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidFilename)?;
    fs::create_dir_all(folder)?;
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    // The database forgets the bytes next: file, name and folder must outlive a power cut.
    file.sync_all()?;
    for folder in folder.ancestors().take(2) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Deletes an object; one that was never written, or that another process has deleted, is deleted.
pub(super) fn delete(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
