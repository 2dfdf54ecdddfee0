//! Folders that are whole or not there.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

/// What tells this process from others, also from earlier ones of the same number, as the first of a container always has.
static PROCESS: LazyLock<String> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{:x}", std::process::id(), now.as_nanos())
});

/// Where this process fills a folder before it has its name: what a process that was killed has left there is in nobody's
/// way.
pub fn partial(folder: &Path) -> PathBuf {
    folder.with_added_extension(format!("partial-{}", *PROCESS))
}

/// Makes a folder out of one that is filled beside it; `failed` makes an error of a path and what went wrong there.
pub(super) fn folder<E>(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
    failed: impl Fn(&Path, io::Error) -> E,
) -> Result<(), E> {
    if folder.symlink_metadata().is_ok() {
        return Err(failed(folder, io::ErrorKind::AlreadyExists.into()));
    }
    let partial = partial(folder);
    fs::create_dir(&partial).map_err(|error| failed(&partial, error))?;
    let filled = fill(&partial).and_then(|()| fs::rename(&partial, folder).map_err(|error| failed(folder, error)));
    if filled.is_err() {
        // Half a folder helps nobody; that it cannot be removed changes nothing.
        let _ = fs::remove_dir_all(&partial);
    }
    filled
}
