//! An activity: one message and its life.
//!
//! `status` owns the transition table, `payload` the bytes that are hashed, shown, approved and sent,
//! `fact` what became of it after it was sent, `family` which texts are of one kind, `html` what the second part of a mail says beside the first, `view` the shapes that
//! screens and commands read, `thread` what was said with a contact before, `store*` the SQL. What happens to an activity is decided elsewhere
//! (`draft`, `approval`, `dispatch`).
pub mod fact;
pub mod family;
pub mod html;
pub mod payload;
pub mod status;
pub mod store;
pub mod store_facts;
pub mod store_match;
pub mod store_read;
pub mod store_thread;
pub mod thread;
pub mod view;
