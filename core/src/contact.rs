//! Contacts, their addresses, and the list of those who may be written to.
pub mod address;
pub mod allowlist;
pub mod store;
