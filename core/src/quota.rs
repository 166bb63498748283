//! Quota: how many messages an outbox may send on one of its local days. Taken by N in one statement, never counted and then added.
pub mod day;
pub mod store;
