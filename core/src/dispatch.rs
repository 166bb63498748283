//! The dispatcher: the only code that calls a channel.
//!
//! A message passes four durable phases. *Claimed* (`claim`, `judge`): one transaction takes due rows of one outbox, judges them and takes
//! quota; its id is the fencing token, its row the lease. *Wire* (`wire`): `wire_at` is committed before the first byte leaves.
//! *Outcome* (`outcome`): what the call proved is written, each row against its token. *Closed*: audit, activity and bucket in that
//! same transaction. `settle` decides what an outcome means, `recover` takes care of what a lost worker left, `run` holds the tasks, `slots` bounds the calls,
//! `evidence` asks providers what became of the uncertain ones.
//! HTTP is never inside a transaction.
pub(crate) mod active;
pub(crate) mod backoff;
pub(crate) mod claim;
pub mod evidence;
pub mod idle;
mod judge;
mod keep;
pub(crate) mod outcome;
pub(crate) mod recover;
pub mod run;
mod serve;
pub mod settle;
mod slots;
#[cfg(feature = "fault-points")]
pub mod step;
pub(crate) mod store;
pub(crate) mod store_close;
pub mod store_evidence;
mod store_load;
mod store_past;
pub(crate) mod wire;

use std::time::Duration;

pub use claim::{elapsed, idempotency_key};
pub use run::{Dispatcher, Engine, TaskDied};
pub use settle::trusted_until;
pub use wire::{LATEST, is_late};

/// How a dispatcher works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a claim stands without a sign of life of its worker.
    pub lease: Duration,
    /// Most calls under way at once in this process, those apart that take long.
    pub max_in_flight: usize,
    /// A call that takes longer leaves its place to messages under other credentials.
    pub slow_after: Duration,
    /// Most rows one claim takes.
    pub batch: usize,
    /// How often it looks by itself when nobody wakes it.
    pub poll: Duration,
    /// When a provider is asked what became of an uncertain message: see [`evidence::LOOKS`].
    pub looks: &'static [Duration],
    /// Name of this worker, for people who look at claims.
    pub worker: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            max_in_flight: 64,
            slow_after: Duration::from_secs(2),
            batch: 50,
            poll: Duration::from_secs(1),
            looks: evidence::LOOKS,
            worker: format!("pid {}", std::process::id()),
        }
    }
}
