//! Asking a provider what became of a message, and what a credential is worth. Both only read; nothing is sent by them.
use std::time::Duration;

use jiff::Timestamp;

use super::{Past, Request};
use crate::activity::payload::Payload;
use crate::ids::ActivityId;

/// An attempt whose end nobody knows.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What was to be said.
    pub payload: &'a Payload,
    /// The request that was approved.
    pub approved: &'a Request,
    /// The activity.
    pub activity: ActivityId,
    /// What earlier attempts left behind.
    pub past: &'a Past,
    /// When bytes may have left for the first time, by the clock of the database.
    pub first_wire_at: Timestamp,
    /// How long ago the last attempt began; a provider may list a message only after a while.
    pub age: Duration,
}

/// How a case goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// This has to be asked.
    Ask(Request),
    /// This is known.
    Found(Finding),
}

/// What a provider knows about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It has it.
    Sent {
        /// The provider's id of the message, where it gave one.
        provider_ref: Option<String>,
        /// What shows it, in words; may quote foreign text.
        why: String,
    },
    /// It proves that the message was never accepted.
    NotSent {
        /// What shows it, in words; may quote foreign text.
        why: String,
    },
    /// It lists no such message, which proves nothing.
    Absent {
        /// What was looked through, in words.
        why: String,
    },
    /// The answer says nothing about it, or there was none.
    Unclear {
        /// What happened, in words; may quote foreign text.
        why: String,
    },
    /// It cannot be asked about this; a person decides.
    Impossible {
        /// Why not, in words.
        why: String,
    },
}

impl Finding {
    /// The word stored with the evidence.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::NotSent { .. } => "not_sent",
            Self::Absent { .. } => "absent",
            Self::Unclear { .. } => "unclear",
            Self::Impossible { .. } => "impossible",
        }
    }

    /// What shows it.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Sent { why, .. }
            | Self::NotSent { why }
            | Self::Absent { why }
            | Self::Unclear { why }
            | Self::Impossible { why } => why,
        }
    }
}

/// What a finding is called in front of people, by the word that is stored.
#[must_use]
pub fn finding_words(word: &str) -> &str {
    match word {
        "sent" => "it was sent",
        "not_sent" => "it was not sent",
        "absent" => "not found, which proves nothing",
        "unclear" => "no clear answer",
        "impossible" => "cannot be asked",
        other => other,
    }
}

/// What the provider said to a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It takes the credential.
    Works {
        /// Whose it is, or what it may do, in words; may quote foreign text.
        says: String,
    },
    /// It refuses the credential, or the account behind it.
    Refused {
        /// Its words; foreign text.
        says: String,
    },
    /// The answer proves neither.
    Unclear {
        /// What happened, in words; may quote foreign text.
        says: String,
    },
}
