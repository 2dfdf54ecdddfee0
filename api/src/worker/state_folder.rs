//! The folder that a training's states are written to on their way into the store.

use std::{
    env,
    fs::{self, File},
    io,
    path::Path,
};
use tempfile::TempDir;

/// How the names of such folders begin.
const PREFIX: &str = "hrm-state-";

/// A file in each that is locked for as long as its worker lives.
const IN_USE: &str = "in-use";

/// A temporary folder that goes when this is dropped; if its worker is killed before that, with the next training on this
/// machine.
pub(super) struct StateFolder {
    folder: TempDir,
    _in_use: File,
}

impl StateFolder {
    pub(super) fn new() -> io::Result<Self> {
        Self::new_in(&env::temp_dir())
    }

    fn new_in(parent: &Path) -> io::Result<Self> {
        remove_abandoned(parent)?;
        loop {
            let folder = TempDir::with_prefix_in(PREFIX, parent)?;
            let path = folder.path().join(IN_USE);
            let in_use = File::create(&path)?;
            // Where files cannot be locked, none is found to be abandoned either.
            let _ = in_use.lock();
            // Another worker that saw it before it was locked has removed it.
            if path.exists() {
                return Ok(Self { folder, _in_use: in_use });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders of workers that were killed.
fn remove_abandoned(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // What another user's worker left is that user's; what has no such file yet is just being made.
        let Ok(in_use) = File::open(entry.path().join(IN_USE)) else { continue };
        if in_use.try_lock().is_ok() {
            match fs::remove_dir_all(entry.path()) {
                Ok(()) => tracing::info!(folder = %entry.path().display(), "removed what a killed worker had left"),
                Err(error) => tracing::warn!(%error, folder = %entry.path().display(), "could not be removed"),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_workers_folder_goes_with_the_next_training_and_a_living_ones_stays() {
        let parent = tempfile::tempdir().expect("a folder");
        let living = StateFolder::new_in(parent.path()).expect("a folder");
        let killed = parent.path().join("hrm-state-killed");
        let other = parent.path().join("somebody-elses");
        for folder in [&killed, &other] {
            fs::create_dir(folder).expect("a folder");
            fs::write(folder.join("7.state"), "a state").expect("a file");
            fs::write(folder.join(IN_USE), "").expect("a file");
        }
        let next = StateFolder::new_in(parent.path()).expect("a folder");
        assert!(!killed.exists(), "nobody holds it");
        assert!(living.path().exists() && next.path().exists() && other.exists());
        assert_ne!(living.path(), next.path());
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists(), "a folder goes with its training");
    }
}
