//! Contacts, their addresses, and the list of those who may be written to.
pub mod address;
pub mod allowlist;
pub mod look_alike;
mod permit;
pub mod store;
pub(crate) mod store_look_alike;

pub use self::permit::{allow, disallow};
