//! Requests of the adapters against the contracts that their providers publish.
//!
//! LinkedIn and Instagram publish none.
#[path = "conformance/contract.rs"]
mod contract;
#[path = "conformance/resend.rs"]
mod resend;
