//! The classes of refusals that every provider's codes fall into, and the outcome each of them is.
use std::time::Duration;

use countersign_core::channel::{Outcome, Replay};

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// This message will never be taken.
    Permanent,
    /// Proven not taken; may go again after a while.
    Again,
    /// Not taken; wait, with everything of the credential.
    Limited,
    /// Credential, account or configuration are broken.
    Account,
    /// Perhaps taken; the same key and bytes may go again.
    MaybeSameKey,
    /// Perhaps taken; evidence or a person decides.
    Maybe,
}

impl Class {
    /// The outcome of an answer of this class, which asked to wait so long.
    pub(crate) fn outcome(self, code: String, detail: String, after: Option<Duration>) -> Outcome {
        match self {
            Self::Permanent => Outcome::Rejected { code, detail },
            Self::Again => Outcome::Retry { code, detail, after: None },
            Self::Limited => Outcome::Retry { code, detail, after },
            Self::Account => Outcome::AccountBroken { code, detail },
            Self::MaybeSameKey => Outcome::MaybeSent { code, detail, replay: Replay::SameKey(after) },
            Self::Maybe => Outcome::MaybeSent { code, detail, replay: Replay::Never },
        }
    }

    /// The class of a status whose code is not known. `unproven` is that of answers after which a message may have been taken.
    pub(crate) fn of_status(status: u16, unproven: Self) -> Self {
        match status {
            // 402 and 407 ask for money or for a proxy's credential; redirects are never followed and lead every message elsewhere.
            401 | 402 | 403 | 407 | 301 | 302 | 307 | 308 => Self::Account,
            // Somebody on the way gave up waiting, or something is in conflict that may be this very message.
            408 | 409 | 425 => unproven,
            429 => Self::Limited,
            400..=499 => Self::Permanent,
            // All of 5xx, and statuses that make no sense here: nothing proves that the message was not taken.
            _ => unproven,
        }
    }
}
