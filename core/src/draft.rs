//! Drafts: how a message comes in.
//!
//! `input` is the shape agents and files write, `check` turns it into a payload or says which field is wrong, `drafter` says whose it
//! is, `file` writes whole batches of drafts in one transaction and `report` tells of them, `edit` is the text people change and `revise`
//! what becomes of it, `store*` hold the SQL.
//! Nothing here decides.
pub mod attachments;
pub mod check;
mod drafter;
pub mod edit;
pub mod file;
pub mod input;
mod report;
pub mod revise;
pub mod seal;
pub(crate) mod store;
mod store_revise;

pub use file::{Filed, LineError, Report, add, file, file_watched};
pub use input::DraftInput;
pub use revise::{revise, revise_content, withdraw};
