//! Who uses the private database, known by locks on files: the kernel drops them however a process ends.

use super::error::{Error, failed};
use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed("opening the lock file", path))
}

/// The right to create, start or stop the database; waits for it.
#[derive(Debug)]
pub(super) struct ChangeLock {
    _file: File,
}

impl ChangeLock {
    /// Waits until nobody else changes anything.
    pub(super) fn acquire(path: &Path) -> Result<Self, Error> {
        let file = open(path)?;
        file.lock().map_err(failed("locking", path))?;
        Ok(Self { _file: file })
    }
}

/// A process's mark that it uses the database. Taken and given up only under a [`ChangeLock`].
#[derive(Debug)]
pub(super) struct UserLock {
    file: File,
}

impl UserLock {
    /// Marks this process as a user.
    pub(super) fn acquire(path: &Path, _change: &ChangeLock) -> Result<Self, Error> {
        let file = open(path)?;
        file.lock_shared().map_err(failed("locking", path))?;
        Ok(Self { file })
    }

    /// Gives the mark up; whether it was the last one.
    pub(super) fn release(&self, path: &Path, _change: &ChangeLock) -> Result<bool, Error> {
        self.file.unlock().map_err(failed("unlocking", path))?;
        match self.file.try_lock() {
            // Nobody becomes a user before the change is over, so that the answer stays true without the lock.
            Ok(()) => self.file.unlock().map(|()| true).map_err(failed("unlocking", path)),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(failed("locking", path)(error)),
        }
    }
}
