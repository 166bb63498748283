//! The core of countersign: what an outbound message is, who may let it go, and the one dispatcher that sends it.
//!
//! Decisions are pure functions in files named after what they decide. SQL lives in `store*` files and in `db`.
//! Nothing here knows a provider (see the `channel` port) or a screen.
pub mod account;
pub mod activity;
pub mod actor;
pub mod agent;
pub mod approval;
pub mod audit;
pub mod bearer;
pub mod channel;
pub mod clock;
pub mod company;
pub mod contact;
pub mod db;
pub mod demo;
pub mod dispatch;
pub mod draft;
pub mod engine;
pub mod error;
pub mod fault;
pub mod file;
pub mod gate;
pub mod ids;
pub mod inbound;
pub mod operator;
pub mod outbox;
pub mod quota;
pub mod safe_text;
pub mod secret;
pub mod server;
pub mod sync;
pub mod token;
pub mod trial;
