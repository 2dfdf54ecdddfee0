//! Objects as files of a folder.

use super::Trouble;
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
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let write = || -> io::Result<()> {
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
    };
    write().map_err(|error| Trouble::Refused(error.to_string()))
}

/// An object's bytes.
pub(super) fn get(path: &Path) -> Result<Vec<u8>, Trouble> {
    fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound if is_there(path) => Trouble::Missing,
        ErrorKind::NotFound => Trouble::Away("the folder is not there, or empty: is it mounted?".into()),
        _ => Trouble::Refused(error.to_string()),
    })
}

/// Whether the folder that holds all objects is there: the place to mount one is an empty folder.
fn is_there(object: &Path) -> bool {
    let place = object.ancestors().nth(2).and_then(|place| fs::read_dir(place).ok());
    place.is_some_and(|mut entries| entries.next().is_some())
}

/// Deletes an object; one that was never written, or that another process has deleted, is deleted.
pub(super) fn delete(path: &Path) -> Result<(), Trouble> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Trouble::Refused(error.to_string())),
        Err(_) if !is_there(path) => Err(Trouble::Away("the folder is not there, or empty: is it mounted?".into())),
        _ => Ok(()),
    }
}
