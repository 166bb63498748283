//! Contacts, their addresses, and who may and who must not be written to.
pub mod address;
pub mod allowlist;
pub mod consent;
pub mod look_alike;
mod permit;
pub mod store;
pub mod store_consent;
pub(crate) mod store_look_alike;
pub mod store_suppression;
pub mod suppression;
pub mod zone;

pub use self::permit::{allow, disallow};
