//! Everything that can keep the private server from running, said so that a person can act on it.
use std::io;
use std::path::{Path, PathBuf};

/// A reason why the private server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// A file, folder or process could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as an infinitive.
        action: &'static str,
        /// The file, folder or program.
        path: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// Neither `XDG_DATA_HOME` nor a home folder says where the data belongs.
    #[error("there is no home folder for the private database: set HOME or XDG_DATA_HOME, or DATABASE_URL")]
    NoHome,
    /// PostgreSQL refuses to run as root and there is no other user to run it.
    #[error(
        "PostgreSQL does not run as root and this system has neither a user postgres nor nobody: create one (useradd --system postgres), run countersign as another user, or set DATABASE_URL"
    )]
    NoServiceUser,
    /// A folder belongs to somebody else, or is not a folder.
    #[error("{} must be a folder owned by user id {owner}: remove it or give it to that user", path.display())]
    ForeignFolder {
        /// The path in question.
        path: PathBuf,
        /// Who should own it.
        owner: u32,
    },
    /// The service user cannot reach the data.
    #[error("user {user} cannot enter {}: allow it (chmod o+x) or choose another data folder", path.display())]
    Unreachable {
        /// The folder that stops the service user.
        path: PathBuf,
        /// The user PostgreSQL runs as.
        user: String,
    },
    /// No PostgreSQL server is installed.
    #[error(
        "no PostgreSQL server (14 or newer) is installed: install it (Debian, Ubuntu: apt install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql@17), set PG_BINDIR to the folder of initdb and postgres, or set DATABASE_URL"
    )]
    NoBinaries,
    /// Only a PostgreSQL server that is too old is installed.
    #[error("PostgreSQL {version} in {} is too old: install version 14 or newer, or set DATABASE_URL", path.display())]
    TooOld {
        /// The newest version found.
        version: String,
        /// Its folder.
        path: PathBuf,
    },
    /// `PG_BINDIR` names a folder without a server.
    #[error("PG_BINDIR names {}, which has no working initdb and postgres: correct it or unset it", path.display())]
    WrongBinDir {
        /// The value of `PG_BINDIR`.
        path: PathBuf,
    },
    /// The data was made by a major version that is not installed.
    #[error("the data in {} was made by PostgreSQL {data}, and only PostgreSQL {installed} is installed: install PostgreSQL {data} (or set PG_BINDIR to it), or carry the data over with pg_upgrade", path.display())]
    OtherVersion {
        /// The data folder.
        path: PathBuf,
        /// The major version that made it.
        data: u32,
        /// The major version that is installed.
        installed: u32,
    },
    /// The password file is missing or damaged.
    #[error("{} holds no password for the private database: restore the file from a backup of the folder", path.display())]
    NoPassword {
        /// The password file.
        path: PathBuf,
    },
    /// The new cluster could not be made.
    #[error("cannot create the private database in {}: {output}", path.display())]
    NotCreated {
        /// The data folder.
        path: PathBuf,
        /// The last lines the program wrote.
        output: String,
    },
    /// The server ended before it could be used.
    #[error("the private PostgreSQL server in {} does not start: {output}", path.display())]
    NotStarted {
        /// The data folder.
        path: PathBuf,
        /// The last lines of its log.
        output: String,
    },
    /// The server ended several times in a row.
    #[error("the private PostgreSQL server in {} stopped {times} times within a minute each: {output}", path.display())]
    KeepsStopping {
        /// The data folder.
        path: PathBuf,
        /// How often it was started.
        times: u32,
        /// The last lines of its log.
        output: String,
    },
    /// Processes of an earlier server do not end.
    #[error("an earlier PostgreSQL server still runs in {} (process {pid}) and does not stop: end that process", path.display())]
    OldServerStays {
        /// The data folder.
        path: PathBuf,
        /// One of its processes.
        pid: i32,
    },
    /// The supervisor gave up; it has already put the reason into a sentence.
    #[error("{report}")]
    Supervisor {
        /// What it reported.
        report: String,
    },
    /// The server was not ready in time and nobody said why.
    #[error("the private PostgreSQL server in {} was not ready after {waited_secs} s: look into {}", path.display(), log.display())]
    NotReady {
        /// The folder of the private server.
        path: PathBuf,
        /// How long was waited.
        waited_secs: u64,
        /// Where its log is.
        log: PathBuf,
    },
    /// The server did not stop in time.
    #[error("the private PostgreSQL server in {} did not stop within {waited_secs} s: look at process {pid}", path.display())]
    NotStopped {
        /// The folder of the private server.
        path: PathBuf,
        /// How long was waited.
        waited_secs: u64,
        /// The supervisor, or 0 when it never said.
        pid: i32,
    },
}

impl PrivateError {
    /// Attaches what was tried to an error of the operating system.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
