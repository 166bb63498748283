//! Is there anything left to do? For `dispatch --until-idle`.
pub use super::store_load::load;

/// Work that falls due within this many seconds counts as work.
pub const HORIZON_SECS: i32 = 120;

/// What the dispatchers of a database have before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Claimed or on the wire.
    pub dispatching: i64,
    /// Approved or to be repeated, in an open outbox with quota, and due within [`HORIZON_SECS`].
    pub due: i64,
    /// Held for longer.
    pub held: i64,
}

impl Load {
    /// Whether nothing will happen by itself soon.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.dispatching == 0 && self.due == 0
    }
}
