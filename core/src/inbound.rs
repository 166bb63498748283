//! What comes in: webhooks, what contacts say, and what was said to them outside of this product.
//!
//! A delivery comes to an `endpoint`, is proven on its raw bytes, read into events, stored, and only then acknowledged (`provider`,
//! `event`, `receive`). A worker applies each event once, however often and in whatever order they came (`apply`); what it means for messages that wait is said by
//! `effect`, and by the gates: a reply stops what was written before it. What passed elsewhere is noted by hand (`record`), and people look at events in the `inbox`.
mod apply;
mod effect;
pub mod endpoint;
pub mod event;
pub mod inbox;
mod opt_out;
pub mod provider;
pub mod public_url;
mod reading;
mod receive;
mod record;
mod store;
mod store_apply;
mod store_effect;
mod store_endpoint;
mod store_event;
mod store_find;
pub mod store_inbox;
pub(crate) mod store_unsubscribe;
pub(crate) mod unsubscribe;

pub use self::apply::{Applier, assign};
pub use self::opt_out::asks_to_stop;
pub(crate) use self::receive::receive_in;
pub use self::receive::{EVENTS_LIMIT, Origin, Received, receive};
pub use self::record::{Direction, NOTE_LIMIT, Noted, record};
pub use self::store::{NotedView, noted};
pub use self::unsubscribe::{Followed, is_link, unsubscribe};
