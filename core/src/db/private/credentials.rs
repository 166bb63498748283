//! The passwords of the cluster: made at random when it is created, kept in files only their owner can read.
//!
//! The files have the form of a `PGPASSFILE`, so that psql can use them as they are.
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::PrivateError;

/// Makes a new password, writes it to `path` for `role`, and returns it.
pub(super) fn create(path: &Path, role: &str) -> Result<String, PrivateError> {
    let password = random_hex::<32>()?;
    let fresh = path.with_extension("new");
    let write = || {
        if let Err(error) = fs::remove_file(&fresh)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        writeln!(file, "*:*:*:{role}:{password}")?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(PrivateError::io("write", path))?;
    Ok(password)
}

/// Reads the password of `role`.
pub(super) fn read(path: &Path, role: &str) -> Result<String, PrivateError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.map_err(PrivateError::io("read the password in", path))?,
    };
    text.lines()
        .filter_map(|line| line.strip_prefix("*:*:*:")?.strip_prefix(role)?.strip_prefix(':'))
        .find(|password| !password.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| PrivateError::NoPassword { path: path.to_owned() })
}

/// Reads random bytes of the operating system.
pub(super) fn random_hex<const BYTES: usize>() -> Result<String, PrivateError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; BYTES];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(PrivateError::io("read random bytes from", source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// R23: the password is random and only its owner can read it.
    #[test]
    fn a_password_is_read_back_from_a_file_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        let first = create(&path, "ana").unwrap();
        let second = create(&path, "ana").unwrap();
        assert_ne!(first, second);
        assert_eq!(read(&path, "ana").unwrap(), second);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(read(&path, "bob"), Err(PrivateError::NoPassword { .. })));
    }
}
