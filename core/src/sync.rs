//! Asks providers for what their webhooks missed, and says nothing while there is nothing to say.
//!
//! Every list of a provider is read from where it was read to the last time (`run`, `store`). What is found goes the way of every webhook
//! (`crate::inbound`): the same event is applied once, whoever told it first. A page and how far it reaches are stored in one transaction,
//! so that whoever dies in between reads it again and misses nothing.
mod run;
mod store;

pub use self::run::{BETWEEN_PAGES, INTERVAL, Looks, Syncer};
pub use self::store::{CursorView, cursors};
