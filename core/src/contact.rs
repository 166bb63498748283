//! Contacts, their addresses, and the list of those who may be written to.
pub mod address;
pub mod allowlist;
mod permit;
pub mod store;

pub use self::permit::{allow, disallow};
