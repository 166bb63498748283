//! Where a private server keeps its files, and how to connect to it.
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::error::PrivateError;
use super::folders::{self, ServiceUser};
use super::{ADMIN_ROLE, CLIENT_ROLE, PORT, credentials};

/// The longest socket path we dare to use; systems allow 103 to 107 bytes.
const SOCKET_PATH_LIMIT: usize = 100;

/// Where a private server lives.
#[derive(Clone, Debug)]
pub struct Location {
    root: PathBuf,
    fsync: bool,
    service: Option<ServiceUser>,
}

impl Location {
    /// The one private server of the user who runs this process.
    ///
    /// Root's home cannot be entered by the user PostgreSQL has to run as, so root's server lives in `/var/lib`, unless
    /// `XDG_DATA_HOME` names another place.
    ///
    /// # Errors
    /// When there is no home folder, or root has no user to run PostgreSQL as.
    pub fn for_user() -> Result<Self, PrivateError> {
        let is_placed =
            std::env::var_os("XDG_DATA_HOME").is_some_and(|place| Path::new(&place).is_absolute());
        if rustix::process::geteuid().is_root() && !is_placed {
            return Self::at("/var/lib/countersign", true);
        }
        let base = etcetera::choose_base_strategy().map_err(|_| PrivateError::NoHome)?;
        Self::at(base.data_dir().join("countersign").join("pg"), true)
    }

    /// A private server in any folder. Without `fsync` a crash of the machine may lose everything; that is for tests.
    ///
    /// # Errors
    /// When the path cannot be made absolute, or root has no user to run PostgreSQL as.
    pub fn at(root: impl AsRef<Path>, fsync: bool) -> Result<Self, PrivateError> {
        let root = root.as_ref();
        let root = std::path::absolute(root).map_err(PrivateError::io("find", root))?;
        let service = match rustix::process::geteuid().is_root() {
            true => Some(ServiceUser::find()?),
            false => None,
        };
        Ok(Self { root, fsync, service })
    }

    /// The folder that holds everything else.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the server's log.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Options to connect as the client role, with the password read from its file.
    ///
    /// # Errors
    /// When the password file cannot be read; it exists once [`acquire`](super::acquire) has succeeded.
    pub fn connect_options(&self, database: &str) -> Result<PgConnectOptions, PrivateError> {
        let password = credentials::read(&self.password_file(), CLIENT_ROLE)?;
        Ok(socket_options(&self.socket_dir(), CLIENT_ROLE, database).password(&password))
    }

    /// Options to connect as the superuser, for repairs and tests. No running process needs this.
    ///
    /// # Errors
    /// When the password file cannot be read.
    pub fn admin_options(&self, database: &str) -> Result<PgConnectOptions, PrivateError> {
        let password = credentials::read(&self.admin_password_file(), ADMIN_ROLE)?;
        Ok(socket_options(&self.socket_dir(), ADMIN_ROLE, database).password(&password))
    }

    /// The connection as a URL without its password, fit to be shown.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = percent_encode(self.socket_dir().as_os_str().as_bytes());
        let database = percent_encode(database.as_bytes());
        format!("postgres:///{database}?host={host}&user={CLIENT_ROLE}")
    }

    /// A shell command that opens the database in psql while the server runs.
    #[must_use]
    pub fn psql_hint(&self, database: &str) -> String {
        let file = self.password_file().to_string_lossy().replace('\'', r"'\''");
        format!("PGPASSFILE='{file}' psql '{}'", self.url(database))
    }

    pub(super) fn fsync(&self) -> bool {
        self.fsync
    }

    pub(super) fn service(&self) -> Option<&ServiceUser> {
        self.service.as_ref()
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn lease_file(&self) -> PathBuf {
        self.root.join("lease")
    }

    pub(super) fn supervisor_lock_file(&self) -> PathBuf {
        self.root.join("supervisor.lock")
    }

    pub(super) fn access_file(&self) -> PathBuf {
        self.root.join("pg_hba.conf")
    }

    /// What PostgreSQL writes before its own log is open. It lies outside the log folder because root opens it.
    pub(super) fn startup_log(&self) -> PathBuf {
        self.root.join("startup.log")
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.root.join("pgpass")
    }

    pub(super) fn admin_password_file(&self) -> PathBuf {
        self.root.join("pgpass-admin")
    }

    /// The folder of the socket: inside the root, or a short one when that path is too long for a socket.
    ///
    /// It depends on nothing but the root and the user, so that every process finds the same one.
    pub(super) fn socket_dir(&self) -> PathBuf {
        let inside = self.root.join("run");
        if socket_file(&inside).as_os_str().len() <= SOCKET_PATH_LIMIT {
            return inside;
        }
        let hash = Sha256::digest(self.root.as_os_str().as_bytes());
        let mut name = format!("/tmp/countersign-{}-", rustix::process::geteuid().as_raw());
        for byte in &hash[..4] {
            let _ = write!(name, "{byte:02x}");
        }
        PathBuf::from(name)
    }

    pub(super) fn socket_file(&self) -> PathBuf {
        socket_file(&self.socket_dir())
    }

    /// Creates the root, so that locks can be taken in it.
    pub(super) fn prepare_root(&self) -> Result<(), PrivateError> {
        if let Some(parent) = self.root.parent() {
            std::fs::create_dir_all(parent).map_err(PrivateError::io("create folder", parent))?;
        }
        // The service user passes through root's folder to its own ones but cannot list it.
        folders::ensure(&self.root, None, if self.service.is_some() { 0o711 } else { 0o700 })?;
        match &self.service {
            Some(user) => folders::ensure_reachable(&self.root, user),
            None => Ok(()),
        }
    }
}

/// Options for a server that listens in `folder`, free of whatever `PG…` variables say about the place.
pub(super) fn socket_options(folder: &Path, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .port(PORT)
        .username(role)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

/// The socket PostgreSQL makes in a folder.
pub(super) fn socket_file(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

fn percent_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn a_long_root_gets_a_short_socket_folder() {
        let short = Location::at("/tmp/a", false).unwrap();
        assert_eq!(short.socket_dir(), Path::new("/tmp/a/run"));
        let long = Location::at(format!("/tmp/{}", "a".repeat(100)), false).unwrap();
        assert!(long.socket_file().as_os_str().len() <= SOCKET_PATH_LIMIT);
        let other = Location::at(format!("/tmp/{}", "b".repeat(100)), false).unwrap();
        assert_ne!(long.socket_dir(), other.socket_dir());
    }

    #[test]
    fn the_url_leads_to_the_socket_and_names_no_password() {
        let place = Location::at("/tmp/with space", false).unwrap();
        let url = place.url("countersign");
        assert_eq!(url, "postgres:///countersign?host=/tmp/with%20space/run&user=countersign");
        let parsed = PgConnectOptions::from_str(&url).unwrap();
        assert_eq!(parsed.get_socket(), Some(&place.socket_dir()));
        assert_eq!(parsed.get_username(), "countersign");
    }
}
