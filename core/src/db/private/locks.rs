//! The two file locks. The kernel releases them when their holder ends, however it ends.
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::PrivateError;

/// Opens a lock file, creating it if it is missing. Child processes do not inherit it.
pub(super) fn open(path: &Path) -> Result<File, PrivateError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(PrivateError::io("open", path))
}

/// Turns "somebody else holds it" into `false`.
pub(super) fn granted(answer: Result<(), TryLockError>, path: &Path) -> Result<bool, PrivateError> {
    match answer {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(PrivateError::io("lock", path)(error)),
    }
}

/// Whether some process holds the file's exclusive lock. A missing file is not locked.
pub(super) fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
