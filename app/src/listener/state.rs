//! What the routes of the listener work with.
use std::sync::Arc;

use countersign_core::channel::Lines;
use countersign_core::db::phase::PhasesOff;
use countersign_core::engine::board::Board;
use countersign_core::inbound::provider::{Provider, Webhook};
use countersign_core::secret::MasterKey;
use sqlx::PgPool;
use tokio::sync::{Notify, Semaphore};

use super::body::Buffers;
use super::counts::Counts;
use super::endpoints::Endpoints;
use super::metrics::Waiting;
use crate::config::Listening;

/// Deliveries that are stored at the same time: the rest of the connections is for those who look after the queue.
const STORING: usize = 4;

/// What a listener works with. It is shared by all connections.
pub(crate) struct State {
    /// The database.
    pub(crate) pool: PgPool,
    /// Opens secrets.
    pub(crate) key: MasterKey,
    /// Ways to send, to render with.
    pub(crate) lines: Lines,
    /// What the tasks of this process say about themselves.
    pub(crate) board: Board,
    /// Parts of the schema that are not used.
    pub(crate) phases_off: PhasesOff,
    /// What is configured of it.
    pub(crate) config: Listening,
    /// Wakes the dispatcher.
    pub(crate) wake: Arc<Notify>,
    /// Wakes whoever applies what came in.
    pub(crate) inbound: Arc<Notify>,
    /// How deliveries of a provider are proven and read; `None` while what comes in has no place in this database.
    pub(crate) hooks: Option<fn(Provider) -> &'static dyn Webhook>,
    /// What happened since the start, in numbers.
    pub(crate) counts: Counts,
    /// Endpoints that were asked for a moment ago, and who was refused there.
    pub(super) endpoints: Endpoints,
    pub(super) waiting: Waiting,
    pub(super) storing: Semaphore,
    pub(super) buffers: Arc<Buffers>,
}

/// A state as routes have it.
pub(crate) type Shared = Arc<State>;

/// What a state is made of.
pub(crate) struct Parts {
    pub(crate) pool: PgPool,
    pub(crate) key: MasterKey,
    pub(crate) lines: Lines,
    pub(crate) board: Board,
    pub(crate) phases_off: PhasesOff,
    pub(crate) config: Listening,
    pub(crate) wake: Arc<Notify>,
    pub(crate) inbound: Arc<Notify>,
    pub(crate) hooks: Option<fn(Provider) -> &'static dyn Webhook>,
}

impl State {
    /// A state in which nothing has happened.
    pub(crate) fn new(parts: Parts) -> Shared {
        let Parts { pool, key, lines, board, phases_off, config, wake, inbound, hooks } = parts;
        Arc::new(Self {
            pool,
            key,
            lines,
            board,
            phases_off,
            config,
            wake,
            inbound,
            hooks,
            counts: Counts::default(),
            endpoints: Endpoints::default(),
            waiting: Waiting::default(),
            storing: Semaphore::new(STORING),
            buffers: Arc::default(),
        })
    }
}
