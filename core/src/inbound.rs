//! What comes in: webhooks, what contacts say, and what was said to them outside of this product.
//!
//! A delivery is proven on its raw bytes, read into events, stored, and only then acknowledged (`provider`, `event`, `receive`). A worker
//! applies each event once, however often and in whatever order they came (`apply`); what it means for messages that wait is said by
//! `effect`, and by the gates: a reply stops what was written before it. What passed elsewhere is noted by hand (`record`).
pub mod event;
pub mod provider;
mod record;
mod store;

pub use self::record::{Direction, NOTE_LIMIT, Noted, record};
pub use self::store::{NotedView, noted};
