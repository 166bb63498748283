//! Requests of the adapters against the contracts that their providers publish.
//!
//! LinkedIn and Instagram publish none.
#[path = "conformance/calcom.rs"]
mod calcom;
#[path = "conformance/contract.rs"]
mod contract;
#[path = "conformance/prism.rs"]
mod prism;
#[path = "conformance/resend.rs"]
mod resend;
#[path = "conformance/twilio.rs"]
mod twilio;
