//! What the console is given: the database, who acts, and what the engine around it says about itself. Does not start any of it.
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::actor::Actor;
use countersign_core::channel::Lines;
use countersign_core::company::Company;
use countersign_core::engine::board::Board;
use sqlx::PgPool;
use tokio::sync::{Notify, watch};

use crate::kept::Folder;
use crate::listener::Standing;

/// Everything the console works with.
pub(crate) struct Backend {
    /// Connections to the database.
    pub(crate) pool: PgPool,
    /// The company that is looked at.
    pub(crate) company: Company,
    /// Who decides.
    pub(crate) actor: Actor,
    /// The adapters, to compare a stored request with what this version renders.
    pub(crate) lines: Lines,
    /// Wakes the dispatcher after a decision.
    pub(crate) wake: Arc<Notify>,
    /// Where texts that are being edited are kept.
    pub(crate) edits: Folder,
    /// What the engine says about itself.
    pub(crate) status: watch::Receiver<EngineStatus>,
    /// What the tasks of this process say about themselves.
    pub(crate) board: Board,
    /// Where things are.
    pub(crate) places: Places,
}

/// Where things are, for people; nothing of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Which database.
    pub(crate) database: String,
    /// Folder of the log.
    pub(crate) logs: String,
    /// The configuration.
    pub(crate) config: String,
}

/// What the engine around the console says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EngineStatus {
    /// The dispatcher of this process.
    pub(crate) dispatcher: DispatcherState,
    /// Why there is nothing to show and nothing to decide, if a part of the schema is switched off.
    pub(crate) absent: Option<String>,
    /// Where the built-in sandbox provider listens, if it runs.
    pub(crate) sandbox: Option<SocketAddr>,
    /// Whether this process listens, and where.
    pub(crate) listener: Standing,
    /// Said in the header when mail goes to another base URL than the provider's own.
    pub(crate) base_url_note: Option<String>,
    /// Further things worth a line, newest last; the last one is shown.
    pub(crate) notes: Vec<String>,
}

/// Whether this process sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum DispatcherState {
    /// This process does not send; another may.
    #[default]
    Off,
    /// The console is attached: other processes send, or none does; the database says which.
    Elsewhere,
    /// Not ready yet.
    Starting,
    /// At work.
    Ok,
    /// It may not send before a person says so.
    Halted {
        /// Why, as a sentence.
        reason: String,
    },
    /// Stopped by a fault.
    Failed {
        /// What happened, as a sentence; may quote foreign text.
        reason: String,
    },
}
