//! Decisions of people about drafts: approve, reject, undo, and settling what is uncertain.
//!
//! Every decision names the hash of the bytes that were on screen. One item is a batch of one: there is a single path, a fixed
//! number of statements whatever the batch, and a result for every item. `verdict` decides, `store` holds the SQL.
pub mod decide;
pub mod resolve;
pub mod risk;
pub mod snooze;
pub(crate) mod store;
pub mod store_fate;
pub(crate) mod store_risk;
pub mod store_snooze;
pub mod undo;
pub mod verdict;

pub use decide::{approve, approve_in, reject};
pub use resolve::{Resolution, resolve};
pub use snooze::{snooze, unsnooze};
pub use undo::{Undone, retry, undo, undo_batch, undo_batch_watched, undo_seen};
pub use verdict::{Item, ItemOutcome, ItemResult};

/// The most items one request may carry.
pub const BATCH_LIMIT: usize = 1_000;
