//! Asking a provider for what its webhooks may have missed: lists it keeps of messages, meetings and their ends. Only reads.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::ProviderSettings;
use crate::inbound::event::Event;
use crate::inbound::provider::Provider;

/// A list that a provider keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    /// Its name in tables, logs and on screen.
    pub name: &'static str,
    /// Whose webhooks tell the same.
    pub provider: Provider,
    /// What lies so far before the last look is read again: what a list shows late, and how coarse its times are.
    pub overlap: SignedDuration,
}

/// What is wanted of a list.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Nothing older.
    pub since: Timestamp,
    /// Where the page before this one ended, in the adapter's words.
    pub place: Option<&'a str>,
    /// Settings of the outbox whose credential is used.
    pub settings: &'a ProviderSettings,
}

/// What an answer brought.
#[derive(Clone, Debug)]
pub enum Listed {
    /// A page.
    Page {
        /// What it tells. An event that a webhook tells too has the same id where both know it.
        events: Vec<Event>,
        /// Where the next page begins; `None` after the last one that is wanted.
        next: Option<String>,
    },
    /// Not now.
    Later {
        /// Why, in words; may quote foreign text.
        why: String,
        /// How long to wait, where the provider said so.
        after: Option<Duration>,
    },
    /// Not with this credential.
    Shut {
        /// Why, in words; may quote foreign text.
        why: String,
    },
}
