//! What can go wrong in a use case. Conflicts between people are outcomes, not errors.
use crate::actor::Role;

/// Why a use case did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, or stopped answering; nothing is known to have changed.
    #[error("the database is not available: {}", reason(.0))]
    Unavailable(#[source] sqlx::Error),
    /// Other transactions stood in the way again and again; nothing was changed.
    #[error(
        "others were at work on the same rows{}; nothing was changed, ask again in a moment ({source})",
        times(*tries)
    )]
    Contended {
        /// How often it was tried.
        tries: i16,
        /// What PostgreSQL said last.
        source: sqlx::Error,
    },
    /// The database is on another server than the one messages were last sent from.
    #[error(
        "the database is on another server than before ({0}), which may lack what the old one recorded last; nothing is sent until an admin \
         runs `countersign db accept-server`"
    )]
    AnotherServer(crate::server::Change),
    /// The database refused or misunderstood a statement.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
    /// The actor's role does not allow it.
    #[error("{actor} may not {action}: that needs the {needed} role", needed = needed.as_str())]
    Forbidden {
        /// Who asked, made safe to print.
        actor: String,
        /// What was asked.
        action: &'static str,
        /// What would be enough.
        needed: Role,
    },
    /// Whoever asks is not let in, or no longer.
    #[error("{0}")]
    Refused(String),
    /// A value is not acceptable.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which value, in the API's or command line's spelling.
        field: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// There is no such thing.
    #[error("{what} is not known{hint}")]
    NotFound {
        /// What was looked for.
        what: String,
        /// What to do, beginning with a separator, or nothing.
        hint: String,
    },
    /// It exists already, or changed in the meantime.
    #[error("{0}")]
    Conflict(String),
    /// A stored row does not make sense.
    #[error("table {table}, row {row}: {problem}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Key of the row.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A secret cannot be read or written.
    #[error(transparent)]
    Secret(#[from] crate::secret::SecretError),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

/// How often it was tried, where that is more than once.
fn times(tries: i16) -> String {
    if tries > 1 { format!(", {tries} times in a row") } else { String::new() }
}

/// Whether the fault lies with the connection or the server and not with the statement.
fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        // 08 connection, 57P shutdown, 53 resources, 40 rolled back by a conflict, then time limits and a server that only reads:
        // the same work may succeed in a moment.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "57P", "53", "40"].iter().any(|class| code.starts_with(class))
                || ["55P03", "57014", "25P03", "25006"].contains(&code.as_ref())
        }),
        _ => false,
    }
}

/// What the database said, with what to do where that is known.
fn reason(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(full) if full.code().as_deref() == Some("53300") => format!(
            "its server has no connection left ({}); end what uses them, or raise max_connections there",
            full.message()
        ),
        _ => error.to_string(),
    }
}
