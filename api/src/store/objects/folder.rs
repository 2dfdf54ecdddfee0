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

/// Writes an object, or leaves nothing behind. What a writer that dies leaves behind was noted by its caller, so that no
/// second name is needed.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    put_by(path, |file| file.write_all(bytes)).map_err(|error| Trouble::Refused(error.to_string()))
}

fn put_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidFilename)?;
    fs::create_dir_all(folder)?;
    let mut file = File::create_new(path)?;
    let written = write(&mut file).and_then(|()| {
        // The database forgets the bytes next: file, name and folder must outlive a power cut.
        file.sync_all()?;
        folder.ancestors().take(2).try_for_each(|folder| File::open(folder)?.sync_all())
    });
    if written.is_err() {
        // On a full disk this is the room that the next one needs. Where it fails, too, the error before it tells more.
        let _ = fs::remove_file(path);
    }
    written
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_whole_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ab/object");
        let failed = put_by(&path, |file| {
            file.write_all(b"the first half")?;
            Err(ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.expect_err("no room").kind(), ErrorKind::StorageFull);
        assert!(!path.exists());
        put(&path, b"whole").expect("room");
        assert_eq!(get(&path).expect("the object"), b"whole");
        // Another's object is not removed.
        assert!(put(&path, b"again").is_err());
        assert_eq!(get(&path).expect("the object"), b"whole");
    }
}
