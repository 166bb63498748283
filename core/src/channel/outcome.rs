//! What a call proved.
use std::time::Duration;

/// The verdict of an adapter over one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took the message.
    Accepted {
        /// The provider's id of the message, where it gave one.
        provider_ref: Option<String>,
    },
    /// The provider refused this message for good; repeating it as it stands is pointless.
    Rejected {
        /// The provider's code, or the HTTP status.
        code: String,
        /// The provider's words; foreign text.
        detail: String,
    },
    /// Proven not accepted, and made ready: the provider keeps something that the next attempt goes on with.
    Prepared {
        /// The provider's name for it.
        handle: String,
        /// What was made ready, in words.
        detail: String,
        /// When to go on.
        after: Duration,
    },
    /// Proven not accepted, for a reason of this message alone: it waits, and its outbox goes on.
    Deferred {
        /// The provider's code, or a word for the reason.
        code: String,
        /// The provider's words; foreign text.
        detail: String,
        /// When another try is worth it.
        after: Duration,
    },
    /// Proven not accepted, and worth another try later.
    Retry {
        /// The provider's code, or a word for the fault.
        code: String,
        /// The provider's words; foreign text.
        detail: String,
        /// How long the provider asked to wait; counts for the whole credential.
        after: Option<Duration>,
    },
    /// Credential, account or configuration are broken: the outbox pauses, the message waits.
    AccountBroken {
        /// The provider's code, or the HTTP status.
        code: String,
        /// The provider's words; foreign text.
        detail: String,
    },
    /// The message may have been accepted.
    MaybeSent {
        /// The provider's code, or a word for the fault.
        code: String,
        /// What happened, in words; foreign text.
        detail: String,
        /// Whether the same key with the same bytes may be tried again.
        replay: Replay,
    },
}

/// Whether repeating with the same key and the same bytes is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The provider would answer the repeat with the first result; wait at least this long if it said so.
    SameKey(Option<Duration>),
    /// A person or evidence has to decide.
    Never,
}

impl Outcome {
    /// The word stored with the attempt.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Rejected { .. } => "rejected",
            Self::Retry { .. } | Self::Prepared { .. } | Self::Deferred { .. } => "retry",
            Self::AccountBroken { .. } => "account_broken",
            Self::MaybeSent { .. } => "maybe_sent",
        }
    }
}

/// A call that brought back no whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// No byte of the request can have been read: refused, no such host, TLS failed, or refused by our own checks.
    NotSent {
        /// What happened, in words; may quote foreign text.
        detail: String,
    },
    /// The request may have been read: timeout, reset, a cut or oversized answer.
    MaybeSent {
        /// What happened, in words; may quote foreign text.
        detail: String,
    },
}
