//! What contacts say, and what was said to them outside of this product. So far people note it; what it means for messages that wait is
//! the gates' to say: a reply stops what was written before it.
mod record;
mod store;

pub use self::record::{Direction, NOTE_LIMIT, Noted, record};
pub use self::store::{NotedView, noted};
