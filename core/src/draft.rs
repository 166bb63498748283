//! Drafts: how a message comes in.
//!
//! `input` is the shape agents and files write, `check` turns it into a payload or says which field is wrong, `file` writes whole
//! batches of drafts in one transaction, `store` holds the SQL. Nothing here decides.
pub mod check;
pub mod file;
pub mod input;
pub(crate) mod store;

pub use file::{Filed, LineError, Report, file};
pub use input::DraftInput;
