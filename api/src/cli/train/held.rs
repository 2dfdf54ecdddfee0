//! The files of a training, which one process at a time writes.

use anyhow::bail;
use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

/// Keeps other trainings from a checkpoint and its state until it is dropped, or its process has ended however.
pub(super) struct Held {
    path: PathBuf,
    _file: File,
}

impl Held {
    /// Holds the files of a checkpoint; none where nothing can be written or held there, which is told elsewhere.
    pub(super) fn take(out: &Path) -> anyhow::Result<Option<Self>> {
        let path = out.with_added_extension("lock");
        let Ok(file) = File::options().create(true).truncate(false).write(true).open(&path) else { return Ok(None) };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, _file: file })),
            Err(TryLockError::Error(_)) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "{} is being trained by another process: wait for its end, or choose another --out",
                    out.display()
                )
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A file that stays is held by nobody.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_training_at_a_time_has_a_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("model.safetensors");
        let held = Held::take(&out).expect("nobody trains there").expect("a place");
        let refused = Held::take(&out).err().expect("a refusal").to_string();
        assert!(refused.starts_with(&format!("{} is being trained by another process", out.display())), "{refused}");
        drop(held);
        assert!(Held::take(&out).expect("its training has ended").is_some());
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is left");
        assert!(Held::take(&folder.path().join("no/folder")).expect("no training").is_none());
    }
}
